// What clients see of each other's writes, wherever their requests arrive: run within one process, and from outside.
import { digestOf } from "#lib/digest";
import { ociManifest } from "#lib/media-type";

/** A way to ask one server, or one worker of it. */
export type Way = (
  method: string,
  target: string,
  parts?: { readonly body?: Uint8Array<ArrayBuffer>; readonly headers?: Readonly<Record<string, string>> },
) => Promise<{
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}>;

const here = "/v2/fresh/app";
const there = "/v2/fresh/other";
const config = encode("{}");

/**
 * Writes in many rounds, now by one of `ways` and now by another, while readers ask for the same things by all of them
 * without a pause. What was answered as it was before an acknowledged write, in words: nothing, when all is well.
 */
export async function findStale(ways: readonly Way[], rounds: number): Promise<readonly string[]> {
  const wrongs: string[] = [];
  const moves: string[] = [];
  let acknowledged = 0;
  let isOver = false;

  const demand = async (method: string, target: string, status: number, digest?: string) => {
    await Promise.all(
      ways.map(async (ask, i) => {
        const seen = await ask(method, target);
        const found = seen.headers["docker-content-digest"];
        const isIt = method === "HEAD" || status !== 200 || digestOf(seen.bytes) === digest;
        if (seen.status === status && (digest === undefined || found === digest) && isIt) return;
        wrongs.push(`${method} ${target} by way ${i}: ${seen.status} ${found}, not ${status} ${digest}`);
      }),
    );
  };
  /** Whether a tag is listed, wherever it is asked; twice, so that the page is kept. */
  const demandListed = async (tag: string, isListed: boolean) => {
    for (const ask of [...ways, ...ways]) {
      const { status, bytes } = await ask("GET", `${here}/tags/list?n=10`);
      const { tags } = JSON.parse(new TextDecoder().decode(bytes));
      if (status !== 200 || tags.includes(tag) !== isListed) wrongs.push(`tags: ${status} ${tags}, ${tag} ${isListed}`);
    }
  };
  /** Asked for so often that it is kept wherever it may be. */
  const heat = async (target: string, digest: string) => {
    for (let i = 0; i < 3; i++) await demand("GET", target, 200, digest);
  };
  const write = async (round: number, method: string, target: string, body?: Uint8Array<ArrayBuffer>) => {
    const headers = { "content-type": ociManifest };
    const { status } = (await ways[round % ways.length]?.(method, target, body && { body, headers })) ?? {};
    if (status === undefined || status >= 300) wrongs.push(`${method} ${target}: ${status}`);
  };

  const push = async (round: number) => {
    const body = imageOf(`moves to ${round}`);
    moves.push(digestOf(body));
    await write(round, "PUT", `${here}/manifests/moves`, body);
    acknowledged = round;
    await demand(round % 2 === 0 ? "HEAD" : "GET", `${here}/manifests/moves`, 200, moves[round]);
    await heat(`${here}/manifests/moves`, moves[round] ?? "");
    await write(round, "PUT", `${there}/manifests/moves`, imageOf(`elsewhere ${round}`));
    await demand("GET", `${here}/manifests/moves`, 200, moves[round]);
    await demand("GET", `${there}/manifests/moves`, 200, digestOf(imageOf(`elsewhere ${round}`)));
  };
  const removeManifest = async (round: number) => {
    const body = imageOf(`goes ${round}`);
    const digest = digestOf(body);
    await write(round, "PUT", `${here}/manifests/goes`, body);
    await demandListed("goes", true);
    await heat(`${here}/manifests/goes`, digest);
    await heat(`${here}/manifests/${digest}`, digest);
    await write(round, "DELETE", `${here}/manifests/goes`);
    await demand(round % 2 === 0 ? "HEAD" : "GET", `${here}/manifests/goes`, 404);
    await demandListed("goes", false);
    await demand("GET", `${here}/manifests/${digest}`, 200, digest);
    await write(round, "DELETE", `${here}/manifests/${digest}`);
    await demand(round % 2 === 0 ? "GET" : "HEAD", `${here}/manifests/${digest}`, 404);
  };
  const removeBlob = async (round: number) => {
    // What lives in a row of the database, and what lives in a file.
    const bytes = encode(`blob ${round}`.padEnd(round % 2 === 0 ? 500 : 20_000, "."));
    const digest = digestOf(bytes);
    for (const place of [here, there]) await write(round, "POST", `${place}/blobs/uploads/?digest=${digest}`, bytes);
    for (const place of [here, there]) await heat(`${place}/blobs/${digest}`, digest);
    await write(round, "DELETE", `${here}/blobs/${digest}`);
    await demand(round % 4 < 2 ? "HEAD" : "GET", `${here}/blobs/${digest}`, 404);
    await demand("GET", `${there}/blobs/${digest}`, 200, digest);
    await write(round, "POST", `${here}/blobs/uploads/?mount=${digest}&from=fresh/other`);
    await demand("GET", `${here}/blobs/${digest}`, 200, digest);
  };
  const hammer = async (ask: Way) => {
    for (let i = 0; !isOver; i++) {
      const atLeast = acknowledged;
      const { status, headers } = await ask(i % 2 === 0 ? "GET" : "HEAD", `${here}/manifests/moves`);
      const found = moves.indexOf(headers["docker-content-digest"] ?? "");
      if (found < atLeast) wrongs.push(`the tag was at ${found} after ${atLeast} was acknowledged (${status})`);
      // Where nothing is waited for, others must have their turn.
      await Bun.sleep(0);
    }
  };

  for (const place of [here, there])
    await write(0, "POST", `${place}/blobs/uploads/?digest=${digestOf(config)}`, config);
  await push(0);
  const hammering = [...ways, ...ways].map(hammer);
  try {
    for (let round = 1; round < rounds; round++) {
      await push(round);
      await removeManifest(round);
      await removeBlob(round);
    }
  } finally {
    isOver = true;
    await Promise.all(hammering);
  }
  return wrongs;
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function imageOf(word: string): Uint8Array<ArrayBuffer> {
  const descriptor = { mediaType: "application/x", digest: digestOf(config), size: config.byteLength };
  const content = { schemaVersion: 2, mediaType: ociManifest, config: descriptor, layers: [], annotations: { word } };
  return encode(JSON.stringify(content));
}
