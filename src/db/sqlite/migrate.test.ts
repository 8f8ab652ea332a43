// Rows that an older format left, in the tables that a migration makes anew.
import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrations, newestFormat } from "../migrations/index.ts";
import { openWriting } from "./connection.ts";
import { migrateSqlite, sqliteFormat } from "./migrate.ts";

let folder: string;
let file: string;
let database: Database;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "berth-migrate-"));
  file = join(folder, "berth.db");
  database = openWriting(file, "off");
});
afterEach(async () => {
  database.close();
  await rm(folder, { recursive: true });
});

/** Brings the database to the format before `format`, as the Berth of then did. */
function makeBefore(format: number): void {
  for (const { number, sql, sqlite = "" } of migrations.filter((each) => each.number < format)) {
    database.run(sql + sqlite);
    if (number === 1) database.run("insert into store (format, id, created_at) values (1, 'a', 0)");
    database.run("update store set format = ?", [number]);
  }
}

/** Rows of format 3, of which some are not in the order of their keys. */
function fillFormat3(): void {
  database.run(`insert into namespaces (id, name, created_at) values (1, 'team', 0);
    insert into repositories (id, namespace_id, name, path, created_at) values (1, 1, 'b', 'team/b', 0), (2, 1, 'a', 'team/a', 0);
    insert into blobs (id, digest, size, content, created_at) values (7, 'sha256:7', 1, x'00', 0), (3, 'sha256:3', 1, x'01', 0);
    insert into repository_blobs (repository_id, blob_id, unreferenced_since, linked_at)
      values (2, 7, 5, 1), (1, 7, null, 2), (1, 3, 9, 3);
    insert into manifests (id, repository_id, digest, media_type, size, pushed_at)
      values (20, 1, 'sha256:20', 't', 1, 0), (10, 2, 'sha256:10', 't', 1, 0);
    insert into manifest_contents (manifest_id, bytes) values (20, zeroblob(70000)), (10, x'ff00');
    insert into manifest_edges (manifest_id, kind, digest)
      values (20, 'layer', 'sha256:7'), (20, 'config', 'sha256:7'), (10, 'subject', 'sha256:gone');
    insert into v1_manifests (manifest_id, image_id, origin_id, is_index, reason)
      values (20, 'i', null, 0, null), (10, null, 'o', 1, 'because');`);
}

const tables = ["manifest_contents", "manifest_edges", "repository_blobs", "v1_manifests"];

function rows(): unknown {
  return tables.map((table) => database.query(`select * from ${table} order by 1, 2`).all());
}

test("format 4 keeps every row of the tables that it makes anew", () => {
  makeBefore(4);
  fillFormat3();
  const before = rows();
  migrateSqlite(database, file);
  expect(database.query("select format from store").get()).toEqual({ format: newestFormat });
  expect(rows()).toEqual(before);
  expect(database.query("pragma foreign_key_check").all()).toEqual([]);
  expect(database.query("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
});

test("a migration that fails in the middle leaves the format before it, whole", () => {
  makeBefore(4);
  fillFormat3();
  // The last of the tables that are made anew is in the way.
  database.run("create table repository_blobs_of_format_4 (a integer)");
  const indexes = () => database.query("select name from sqlite_master where type = 'index' order by 1").all();
  const before = [rows(), indexes()];
  expect(() => migrateSqlite(database, file)).toThrow("already exists");
  expect([rows(), indexes()]).toEqual(before);
  expect(sqliteFormat(file)).toBe(3);
});
