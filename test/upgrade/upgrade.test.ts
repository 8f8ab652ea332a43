// Every data folder that an earlier Berth left is opened by this one, and everything in it is pulled.
import { expect, test } from "bun:test";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../server.ts";
import { compare, type Kept } from "./content.ts";

const entries = await readdir(import.meta.dir, { withFileTypes: true });
const formats = entries
  .filter((entry) => entry.isDirectory() && entry.name.startsWith("sqlite-"))
  .map(({ name }) => name);

test("there are kept data folders", () => {
  expect(formats).not.toBeEmpty();
});

for (const format of formats) {
  test(`the data folder ${format} is opened, pulled from, and its upload goes on`, async () => {
    const data = await mkdtemp(join(tmpdir(), "berth-upgrade-"));
    await cp(join(import.meta.dir, format, "data"), data, { recursive: true });
    const server = await startServer({ data, flags: ["--upload-idle", "36500d"] });
    try {
      const kept = JSON.parse(await readFile(join(import.meta.dir, format, "kept.json"), "utf8")) as Kept;
      expect(await compare(server.url, kept)).toEqual([]);
    } finally {
      await server.stop();
      await rm(data, { recursive: true });
    }
  });
}
