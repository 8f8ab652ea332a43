import { expect, test } from "bun:test";
import { functionsOf } from "./functions.ts";

function seen(text: string): string[] {
  return functionsOf(text).map(({ name, parameters, ownLines }) => `${name} ${parameters} ${ownLines}`);
}

test("Declared functions, generators and generic ones are found", () => {
  expect(seen("function a(x: number, y: string): void {\n  x;\n}\n")).toEqual(["a 2 3"]);
  expect(seen("export async function* b(): AsyncGenerator<number> {\n}\n")).toEqual(["b 0 2"]);
  expect(seen("function c<T extends string>(\n  x: T,\n  y: Map<string, T>,\n): { a: T } {\n  x;\n}\n")).toEqual([
    "c 2 6",
  ]);
});

test("Arrow functions are found, with and without a block", () => {
  expect(seen("const a = async (x: number): Promise<void> => {\n  x;\n};\n")).toEqual(["a 1 3"]);
  expect(seen("const b = (x, y) => x + y;\n")).toEqual(["b 2 0"]);
  expect(seen("call(one, (error, read) => {\n  error;\n});\n")).toEqual(["(anonymous) 2 3"]);
});

test("Methods of objects, classes and interfaces are found", () => {
  const text = [
    "const a = {",
    "  async put(x, y) {",
    "    x;",
    "  },",
    "};",
    "class B {",
    "  override close(): void {",
    "    this;",
    "  }",
    "}",
    "interface C {",
    "  open(key: string, ...rest: string[]): Promise<void>;",
    "  readonly made: (a: number) => void;",
    "}",
  ].join("\n");
  expect(seen(text)).toEqual(["put 2 3", "close 0 3", "open 2 0", "made 1 0"]);
});

test("What looks like a function and is none is not counted", () => {
  expect(seen("if (a) {\n  b(c, d, e, f, g);\n}\n")).toEqual([]);
  expect(seen("for (const a of b) {\n  c;\n}\ntry {\n} catch (error) {\n}\n")).toEqual([]);
  expect(seen("const x = y ? call(a, b) : other(c);\n")).toEqual([]);
  expect(seen('// function a(x) {\nconst b = "function c(x) {";\n')).toEqual([]);
});

test("Types of parameters do not look like more parameters", () => {
  expect(seen("function a(x: Map<string, number>, { b, c }: { b: (y: 1, z: 2) => 3; c: 4 }) {\n}\n")[0]).toBe("a 2 2");
});

test("A function does not answer for the lines of the functions inside", () => {
  const text =
    "function a() {\n  const b = () => {\n    1;\n    2;\n  };\n  return {\n    c() {\n      3;\n    },\n  };\n}\n";
  expect(seen(text)).toEqual(["a 0 6", "b 0 4", "c 0 3"]);
});
