// Databases that a server cannot start on: a sentence that says what to do, exit code 1, no stack and no password.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { spawnServer, startServer } from "../faults/server.ts";
import { type Cluster, clusterMilliseconds, guardedUser, openCluster } from "./cluster.ts";

const password = "correct-horse";
const patienceMilliseconds = 30_000;

let cluster: Cluster;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "berth-start-"));
  cluster = await openCluster();
  await run(cluster.url("postgres"), `create role ${guardedUser} login password '${password}'`);
}, clusterMilliseconds);
afterAll(async () => {
  await cluster.remove();
  await rm(folder, { recursive: true, force: true });
});

async function run(url: string, statement: string): Promise<void> {
  const sql = new SQL(url, { adapter: "postgres", max: 1 });
  await sql.unsafe(statement);
  await sql.close();
}

/** All that a server says that cannot start, and how it ends. */
async function fail(database: string, ...flags: string[]): Promise<{ code: number | string; said: string }> {
  const server = spawnServer(folder, { flags: ["--database", database, ...flags] });
  return { code: await server.ended, said: server.log() };
}

const at = () => `127.0.0.1:${cluster.port}`;
const asGuarded = (word: string, database = "postgres") => `postgres://${guardedUser}:${word}@${at()}/${database}`;

const starts: readonly (readonly [what: string, database: () => string, sentence: () => string])[] = [
  [
    "a wrong password",
    () => asGuarded("wrong-horse"),
    () => `PostgreSQL at ${at()} does not let in the user guarded: check the name and the password in --database`,
  ],
  [
    "an unknown user",
    () => `postgres://nobody:${password}@${at()}/postgres`,
    () => `PostgreSQL at ${at()} does not let in the user nobody: check the name and the password in --database`,
  ],
  [
    "an unknown database",
    () => `postgres://berth:${password}@${at()}/nowhere`,
    () => `PostgreSQL at ${at()} has no database nowhere: create it, or name another in --database`,
  ],
  [
    "a user who may not make tables",
    () => asGuarded(password),
    () => "the user guarded may not make tables in the database postgres: make it the owner of that database",
  ],
  [
    "no server",
    () => `postgres://berth:${password}@127.0.0.1:1/berth`,
    () =>
      "PostgreSQL at 127.0.0.1:1 cannot be used (ERR_POSTGRES_CONNECTION_REFUSED): start it, or check the address in --database",
  ],
  [
    "a host that is none",
    () => `postgres://berth:${password}@nowhere.invalid/berth`,
    () =>
      "PostgreSQL at nowhere.invalid:5432 cannot be used (ERR_POSTGRES_CONNECTION_REFUSED): start it, or check the address in --database",
  ],
  [
    "TLS that the server does not speak",
    () => `${cluster.url("postgres")}?sslmode=require`,
    () => `PostgreSQL at ${at()} does not speak TLS as --database asks for: check its sslmode`,
  ],
];

for (const [what, database, sentence] of starts) {
  for (const flags of [[], ["--workers", "2"]]) {
    test(
      `a start ${flags.join(" ")} with ${what} says so`,
      async () => {
        const { code, said } = await fail(database(), ...flags);
        expect({ code, said }).toEqual({ code: 1, said: `berth: ${sentence()}\n` });
      },
      patienceMilliseconds,
    );
  }
}

test(
  "a database of a newer format is refused and left as it is",
  async () => {
    const url = await cluster.makeDatabase();
    const server = await startServer(folder, { flags: ["--database", url] });
    server.signal("SIGTERM");
    expect(await server.ended).toBe(0);
    await run(url, "update store set format = format + 1000");
    const { code, said } = await fail(url);
    expect(code).toBe(1);
    expect(said).toMatch(
      /^berth: the database is of format 1\d{3}, written by a newer Berth: this one knows up to \d+\n$/,
    );
    await run(url, "update store set format = format - 1000");
    const again = await startServer(folder, { flags: ["--database", url] });
    await again.kill();
  },
  patienceMilliseconds,
);

test(
  "two servers that start on one new database both serve",
  async () => {
    const flags = ["--database", await cluster.makeDatabase()];
    const servers = await Promise.all([startServer(folder, { flags }), startServer(folder, { flags })]);
    for (const { url } of servers) expect((await fetch(`${url}/readyz`)).status).toBe(200);
    for (const server of servers) server.signal("SIGTERM");
    expect(await Promise.all(servers.map(({ ended }) => ended))).toEqual([0, 0]);
  },
  patienceMilliseconds,
);

test(
  "a password that is right lets it in",
  async () => {
    const owned = await cluster.makeDatabase();
    const name = new URL(owned).pathname.slice(1);
    await run(owned, `alter database ${name} owner to ${guardedUser}`);
    const server = await startServer(folder, { flags: ["--database", asGuarded(password, name)] });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    server.signal("SIGTERM");
    expect(await server.ended).toBe(0);
  },
  patienceMilliseconds,
);
