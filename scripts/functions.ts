// Finds functions in formatted TypeScript: their names, their own lines and their parameters.
import { lineOf, readSource } from "./source-text.ts";

export interface FoundFunction {
  readonly name: string;
  readonly line: number;
  readonly parameters: number;
  /** Lines without those of the functions inside; 0 when it has no block. */
  readonly ownLines: number;
}

interface Span {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly parameters: number;
  readonly hasBlock: boolean;
}

const keywords = /^(?:if|for|while|switch|catch|with|return|await|typeof|super|new)$/;
const declared = /\bfunction\b\*?\s*([\w$]*)\s*(?:<[^()]*>)?$/;
const method =
  /(?:^|[{,;]\s*)(?:(?:async|static|get|set|override|private|public|readonly)\s+)*\*?#?([\w$]+)\??(?:<[^()]*>)?$/;
const assigned = /([\w$]+)\??(?:: [^=;]+)? ?[=:]\s*(?:async\s*)?(?:<[^()]*>)?$/;
const returnType = String.raw`(?::[^;{}]*(?:\{[^{}\n]*\}[^;{}\n]*)?)?`;
const blockFollows = new RegExp(`^\\s*${returnType}\\s*\\{(?:\\n|\\})`);
const arrowFollows = new RegExp(`^\\s*${returnType}?\\s*=>\\s*(\\{(?:\\n|\\}))?`);
const declarationFollows = /^\s*:[^;{}]*;/;

/** The functions of a file in the order in which they begin. Signatures in types count as functions without a block. */
export function functionsOf(text: string): FoundFunction[] {
  const { code } = readSource(text);
  const spans = [...code.matchAll(/\(/g)].flatMap(({ index }) => spanAt(code, index) ?? []);
  return spans.map((span) => {
    const inside = spans.filter(({ start, end, hasBlock }) => hasBlock && start > span.start && end <= span.end);
    const nested = inside.filter((each) => !inside.some(({ start, end }) => start < each.start && end >= each.end));
    const lines = (each: Span) => lineOf(code, each.end) - lineOf(code, each.start) + 1;
    const ownLines = span.hasBlock ? lines(span) - nested.reduce((sum, each) => sum + lines(each) - 1, 0) : 0;
    return { name: span.name, line: lineOf(code, span.start), parameters: span.parameters, ownLines };
  });
}

/** The function whose parameters open at `at`, if that is what opens there. */
function spanAt(code: string, at: number): Span | undefined {
  const close = closing(code, at);
  const before = code.slice(code.lastIndexOf("\n", at) + 1, at).trimEnd();
  const after = code.slice(close + 1, close + 600);
  const named = declared.exec(before) ?? method.exec(before.trimStart());
  const isCallLike = named === null || keywords.test(named[1] ?? "");
  const follows = arrowFollows.exec(after) ?? (isCallLike ? null : blockFollows.exec(after));
  const parameters = countParameters(code.slice(at + 1, close));
  const name = nameOf(before, isCallLike ? undefined : named[1]);
  if (follows === null) {
    if (isCallLike || !declarationFollows.test(after)) return undefined;
    return { name, start: at, end: close, parameters, hasBlock: false };
  }
  const brace = follows[0].lastIndexOf("{");
  const hasBlock = brace >= 0 && /\{\s*\}?$/.test(follows[0]);
  const end = hasBlock ? closing(code, close + 1 + brace) : close;
  return { name, start: at, end, parameters, hasBlock };
}

function nameOf(before: string, found: string | undefined): string {
  return found || (assigned.exec(before)?.[1] ?? "(anonymous)");
}

/** Where what opens at `at` closes. */
function closing(code: string, at: number): number {
  let depth = 0;
  for (let i = at; i < code.length; i++) {
    if ("([{".includes(code[i] ?? "")) depth++;
    else if (")]}".includes(code[i] ?? "") && --depth === 0) return i;
  }
  return code.length;
}

function countParameters(list: string): number {
  let depth = 0;
  let commas = 0;
  const flat = list.replaceAll("=>", "  ").trimEnd().replace(/,$/, "");
  for (const char of flat) {
    if ("([{<".includes(char)) depth++;
    else if (")]}>".includes(char)) depth--;
    else if (char === "," && depth === 0) commas++;
  }
  return flat.trim() === "" ? 0 : commas + 1;
}
