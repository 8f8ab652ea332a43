// Settings: where a value comes from, and what stops the start.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "#lib/fault";
import { findSettings, readConfig, schema, settingNames, shown, variableOf } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const nothing = { flags: {}, environment: {}, file: undefined };

function fileOf(text: string): string {
  const file = join(folder, `${Bun.hash(text)}.yaml`);
  writeFileSync(file, text);
  return file;
}

function refusal(sources: Partial<Parameters<typeof readConfig>[0]>): string {
  try {
    readConfig({ ...nothing, ...sources });
  } catch (error) {
    if (error instanceof Fault) return error.message;
  }
  return "nothing was refused";
}

test("every default is a value of its setting", () => {
  const config = readConfig(nothing);
  expect(config.listen).toEqual({ host: "127.0.0.1", port: 5000 });
  expect(config).toMatchObject({ data: "./data", database: "sqlite", workers: 1, "manifests-missing": "refuse" });
  expect(config["upload-idle"]).toBe(86_400_000);
  expect(config["metrics-listen"]).toBeNull();
});

test("a flag goes before a variable, a variable before the file, the file before the default", () => {
  const file = fileOf("listen: :1\ndata: from-file\nworkers: 4\n");
  const environment = { BERTH_LISTEN: ":2", BERTH_DATA: "from-variable", PATH: "/bin" };
  const found = findSettings({ flags: { listen: ":3" }, environment, file });
  expect(found.listen).toEqual({ text: ":3", source: "--listen" });
  expect(found.data).toEqual({ text: "from-variable", source: "BERTH_DATA" });
  expect(found.workers).toEqual({ text: "4", source: file });
  expect(found.database).toEqual({ text: "sqlite", source: "default" });
});

test("an unknown variable or key stops the start with its name", () => {
  expect(refusal({ environment: { BERTH_LISTNE: ":1" } })).toContain("BERTH_LISTNE");
  expect(refusal({ file: fileOf("lisen: :1\n") })).toContain("lisen");
  expect(refusal({ file: fileOf("log_level: debug\n") })).toContain("did you mean log-level?");
});

test("a malformed value stops the start with its name, what was found and what would be right", () => {
  const wrong: readonly (readonly [name: string, text: string, right: string])[] = [
    ["listen", "5000", "HOST:PORT"],
    ["listen", "127.0.0.1:65536", "HOST:PORT"],
    ["listen", "127.0.0.1:-1", "HOST:PORT"],
    ["data", "", "folder"],
    ["workers", "0", "from 1 to 64"],
    ["workers", "two", "from 1 to 64"],
    ["log-level", "loud", "one of trace"],
    ["upload-idle", "24", "unit"],
    ["upload-idle", "0s", "unit"],
    ["manifests-missing", "all", "one of refuse"],
    ["standalone", "yes", "true or false"],
  ];
  for (const [name, text, right] of wrong) {
    const message = refusal({ flags: { [name]: text } });
    expect(message).toStartWith(`${name} (--${name}) is ${JSON.stringify(text)}`);
    expect(message).toContain(right);
  }
});

test("a file that is not there, is no YAML, or holds more than plain values stops the start", () => {
  expect(refusal({ file: join(folder, "absent.yaml") })).toContain("ENOENT");
  expect(refusal({ file: fileOf("listen: [") })).toContain("cannot be read");
  expect(refusal({ file: fileOf("- listen\n") })).toContain("NAME: VALUE");
  expect(refusal({ file: fileOf("listen:\n  host: x\n") })).toContain("one plain value");
});

test("a certificate and its key go together", () => {
  expect(refusal({ flags: { "tls-key": "key.pem" } })).toContain("go together");
});

test("a password is neither shown nor repeated in a refusal", () => {
  expect(shown("database", "postgres://berth:secret@host/db")).not.toContain("secret");
  expect(refusal({ flags: { database: "mysql://berth:secret@host/db" } })).not.toContain("secret");
});

test("every way to write an address is understood", () => {
  const read = (listen: string) => readConfig({ ...nothing, flags: { listen } }).listen;
  expect(read(":5000")).toEqual({ host: "0.0.0.0", port: 5000 });
  expect(read("[::1]:0")).toEqual({ host: "::1", port: 0 });
  expect(read("registry.example:443")).toEqual({ host: "registry.example", port: 443 });
});

test("every setting has a name, a variable and a meaning", () => {
  for (const name of settingNames) {
    expect(variableOf(name)).toMatch(/^BERTH_[A-Z][A-Z0-9_]*$/);
    expect(schema[name].meaning).not.toBeEmpty();
  }
});
