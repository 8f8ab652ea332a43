// What a client says of itself: the words of its User-Agent.
import type { Call } from "#http/call";

const maxLength = 2048;
const maxWord = 128;

/** The `name/value` words of the User-Agent, the last of a name wins. */
function wordsOf(call: Call): ReadonlyMap<string, string> {
  const agent = (call.header("user-agent") ?? "").slice(0, maxLength);
  const words = new Map<string, string>();
  for (const word of agent.split(/\s+/)) {
    const [name = "", value = ""] = word.split("/");
    if (name !== "" && value !== "") words.set(name, value.slice(0, maxWord));
  }
  return words;
}

/** What is kept of the client that sets a tag, at `now` milliseconds. */
export function tagInfoOf(call: Call, now: number): Readonly<Record<string, string | number>> {
  const words = wordsOf(call);
  const entries: readonly (readonly [string, string | undefined])[] = [
    ["docker_version", words.get("docker")],
    ["docker_go_version", words.get("go")],
    ...["arch", "kernel", "os"].map((name) => [name, words.get(name)?.toLowerCase()] as const),
  ];
  const known = entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return { last_update: Math.floor(now / 1000), ...Object.fromEntries(known) };
}

/** Docker 0.5 and 0.6, which went by cookies. */
export function usesSessions(call: Call): boolean {
  return /^0\.[56](?:\.|-|$)/.test(wordsOf(call).get("docker") ?? "");
}
