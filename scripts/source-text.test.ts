import { expect, test } from "bun:test";
import { lineOf, readSource } from "./source-text.ts";

function codeOf(text: string): string {
  return readSource(text).code.replace(/ +/g, " ").trim();
}

test("Comments and what stands in quotes are no code", () => {
  expect(codeOf('a("x // y"); // b')).toBe('a(" ");');
  expect(codeOf("a(/* { */ b)")).toBe("a( b)");
  expect(codeOf("'it\\'s {' + b")).toBe("' ' + b");
});

test("The holes of a template are code, its words are not", () => {
  expect(codeOf(["`one {", "} ", "{two({ a: `", "{b}` })} three`; four"].join("$"))).toBe(
    "` two({ a: ` b ` }) `; four",
  );
});

test("Regular expressions are no code, divisions are", () => {
  expect(codeOf('x.replace(/["{]/g, y)')).toBe("x.replace(/ g, y)");
  expect(codeOf("a / b / c")).toBe("a / b / c");
});

test("Every view has the lines of the file", () => {
  const text = "a;\n// b\n`c\nd`;\n/* e\nf */\n";
  const { code, withTexts, comments } = readSource(text);
  for (const view of [code, withTexts, comments]) {
    expect(view).toHaveLength(text.length);
    expect(view.split("\n")).toHaveLength(text.split("\n").length);
  }
  expect(comments).toContain("// b");
  expect(withTexts).toContain("c\nd");
});

test("A position has the number of its line, from 1", () => {
  expect(lineOf("a\nb\nc", 0)).toBe(1);
  expect(lineOf("a\nb\nc", 4)).toBe(3);
});
