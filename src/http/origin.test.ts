// Pages of other sites may look, and change nothing.
import { expect, test } from "bun:test";
import { call } from "./call.ts";
import { requireOwnOrigin } from "./origin.ts";

const denied = expect.objectContaining({ kind: "denied", subject: "request" });
const changing = ["POST", "PUT", "PATCH", "DELETE", "BREW"];

const foreign: readonly Readonly<Record<string, string>>[] = [
  { origin: "https://elsewhere.example" },
  { origin: "http://registry.example:5001" },
  { origin: "http://registry.example.elsewhere.example:5000" },
  { origin: "https://registry.example" },
  { origin: "null" },
  { origin: "" },
  { origin: "file://" },
  { origin: "http://registry.example:5000@elsewhere.example" },
  { "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "cross-site", origin: "http://registry.example:5000" },
];

const own: readonly Readonly<Record<string, string>>[] = [
  {},
  { origin: "http://registry.example:5000" },
  { origin: "https://registry.example:5000" },
  { origin: "http://Registry.Example:5000", "sec-fetch-site": "same-origin" },
  { "sec-fetch-site": "none" },
];

for (const headers of foreign) {
  test(`with ${JSON.stringify(headers)} nothing is changed, and all may be looked at`, () => {
    const ask = (method: string) => () =>
      requireOwnOrigin(call(method, "/v2/", { headers: { host: "registry.example:5000", ...headers } }));
    for (const method of changing) expect(ask(method)).toThrow(denied);
    for (const method of ["GET", "HEAD", "OPTIONS"]) expect(ask(method)).not.toThrow();
  });
}

for (const headers of own) {
  test(`with ${JSON.stringify(headers)} it may be changed`, () => {
    for (const method of changing)
      requireOwnOrigin(call(method, "/v2/", { headers: { host: "registry.example:5000", ...headers } }));
  });
}

test("an Origin without a Host to compare it with is foreign, and the port of a scheme need not be said", () => {
  expect(() => requireOwnOrigin(call("PUT", "/", { headers: { origin: "http://registry.example" } }))).toThrow(denied);
  requireOwnOrigin(call("PUT", "/", { headers: { origin: "http://registry.example", host: "registry.example:80" } }));
});
