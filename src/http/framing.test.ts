// Targets as proxies send them.
import { expect, test } from "bun:test";
import { originForm } from "./framing.ts";

const rows: readonly (readonly [target: string, path: string])[] = [
  ["/v2/?n=1", "/v2/?n=1"],
  ["http://registry.example/v2/a", "/v2/a"],
  ["HTTPS://registry.example:5000/v2/?n=http://x/", "/v2/?n=http://x/"],
  ["http://registry.example", "/"],
  ["http://registry.example?n=1", "/?n=1"],
  ["/http://registry.example/v2/", "/http://registry.example/v2/"],
  ["ftp://registry.example/v2/", "ftp://registry.example/v2/"],
  ["*", "*"],
];
for (const [target, path] of rows) {
  test(`${target} asks for ${path}`, () => {
    expect(originForm(target)).toBe(path);
  });
}
