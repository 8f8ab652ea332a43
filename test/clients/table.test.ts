// The table of clients: what is written is read back, and what differs is named.
import { expect, test } from "bun:test";
import type { Seen } from "./operations.ts";
import { compare, readResults, readTable, renderTable } from "./table.ts";

const push: Seen = { client: "docker", operation: "push" };
const deleteTag: Seen = { client: "crane", operation: "delete a tag" };
const listTags: Seen = { client: "zb", operation: "list tags" };

test("What was rendered is read back", () => {
  const table = { seen: [push, listTags, deleteTag], versions: new Map([["docker" as const, "20.10, daemon 28.2"]]) };
  const { seen, versions } = readTable(renderTable(table));
  expect(seen).toEqual([push, listTags, deleteTag]);
  expect(versions.get("docker")).toBe("20.10, daemon 28.2");
});

test("Every difference is named, whichever side it is on", () => {
  expect(compare([push, listTags], [listTags, deleteTag])).toEqual([
    "docker: push was seen, and the table does not say so",
    "crane: delete a tag is in the table, and was not seen",
  ]);
  expect(compare([push, push], [push])).toEqual([]);
});

test("Lines of results that name nothing known are not taken", () => {
  expect(readResults("docker\tpush\nnobody\tpush\ndocker\tfly\n\ncrane\tdelete a tag\n")).toEqual([push, deleteTag]);
});
