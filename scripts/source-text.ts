// Reads TypeScript as text: what is code, what is a comment, what is inside quotes. Enough for the house checks, and no
// parser: they look at files that Biome has formatted.

type Kind = "code" | "comment" | "text";

/** A source file as the checks see it. All three have the length and the lines of the file. */
export interface SourceText {
  /** Without comments and without what stands in quotes. */
  readonly code: string;
  /** Without comments. */
  readonly withTexts: string;
  /** Comments only. */
  readonly comments: string;
}

const beforeRegex = /(?:^|[(,=:[!&|?{};+\n]|\breturn|=>)\s*$/;
const regex = /\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;

export function readSource(text: string): SourceText {
  const kinds = [...split(text)];
  const only = (...shown: Kind[]) =>
    kinds.map(([kind, part]) => (shown.includes(kind) ? part : part.replace(/[^\n]/g, " "))).join("");
  return { code: only("code"), withTexts: only("code", "text"), comments: only("comment") };
}

function* split(text: string): Generator<[Kind, string]> {
  const depths: number[] = [];
  let depth = 0;
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const isTemplateEnd = text[at] === "}" && depths.at(-1) === depth;
    const end = isTemplateEnd ? endOfTemplate(text, at + 1) : endOfToken(text, at);
    if (end === undefined) {
      if (text[at] === "{") depth++;
      if (text[at] === "}") depth--;
      at++;
      continue;
    }
    yield ["code", text.slice(from, at)];
    if (isTemplateEnd) depths.pop();
    const token = text.slice(at, end);
    if ((token.startsWith("`") || isTemplateEnd) && token.endsWith("${")) depths.push(depth);
    yield* quoted(token);
    at = from = end;
  }
  yield ["code", text.slice(from)];
}

/** The quotes stay code, so that a reader of the code sees that something stood there; the braces of a hole do not. */
function* quoted(token: string): Generator<[Kind, string]> {
  if (/^\/[/*]/.test(token)) {
    yield ["comment", token];
    return;
  }
  yield [token.startsWith("}") ? "text" : "code", token.slice(0, 1)];
  yield ["text", token.slice(1, -1)];
  yield [token.endsWith("${") ? "text" : "code", token.slice(-1)];
}

/** Where a comment, string or regular expression that begins at `at` ends; undefined when none begins there. */
function endOfToken(text: string, at: number): number | undefined {
  const rest = text.slice(at);
  if (rest.startsWith("//")) return at + (/\n|$/.exec(rest)?.index ?? 0);
  if (rest.startsWith("/*")) return at + (/(?<=.\*\/)|$/s.exec(rest.slice(1))?.index ?? 0) + 1;
  const first = text[at];
  if (first === '"' || first === "'") return endOfString(text, at + 1, first);
  if (first === "`") return endOfTemplate(text, at + 1);
  if (first !== "/" || !beforeRegex.test(text.slice(Math.max(0, at - 20), at))) return undefined;
  regex.lastIndex = at;
  return regex.test(text) ? regex.lastIndex : undefined;
}

function endOfString(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote) at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Behind the closing quote, or behind the `${` of a hole. */
function endOfTemplate(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    if (text[at] === "`") return at + 1;
    if (text.startsWith("${", at)) return at + 2;
    at += text[at] === "\\" ? 2 : 1;
  }
  return at;
}

/** The number of the line that holds position `at`, from 1. */
export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}
