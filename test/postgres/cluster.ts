// A PostgreSQL of its own in a temporary folder, on a free port of loopback: it can be stopped, also as a power cut would,
// and started again. It syncs as a real one does. PostgreSQL refuses to run as root: then its own user runs it.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { SQL } from "bun";
import { errorCode } from "#lib/fault";

const run = promisify(execFile);
const versions = "/usr/lib/postgresql";
const patienceMilliseconds = 60_000;

/** What a test gives a cluster to be made and to start, on a busy machine. */
export const clusterMilliseconds = 2 * patienceMilliseconds;

/** A user who needs a password; everybody else is let in. */
export const guardedUser = "guarded";

/** How it ends: `immediate` leaves everything as it is, for the next start to recover; `fast` ends in order. */
export type Ending = "immediate" | "fast";

const signals = { immediate: "SIGQUIT", fast: "SIGINT" } as const satisfies Record<Ending, NodeJS.Signals>;

export interface Cluster {
  readonly port: number;
  /** Its files. */
  readonly folder: string;
  /** `postgres://…` of a database, as its superuser. */
  url(database: string): string;
  /** Makes an empty database; returns its URL. */
  makeDatabase(): Promise<string>;
  /** Runs a file of SQL, as pg_dump writes it, on a database. */
  load(url: string, file: string): Promise<void>;
  start(): Promise<void>;
  stop(ending: Ending): Promise<void>;
  /** All of its processes stand still, as a machine does that is gone without a word; sockets stay open. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

/** A cluster that serves. */
export async function openCluster(): Promise<Cluster> {
  const binaries = await findBinaries();
  const prefix = await asUser();
  const folder = await mkdtemp(join(tmpdir(), "berth-postgres-"));
  const data = join(folder, "data");
  if (prefix.owner !== undefined) await chown(folder, prefix.owner.uid, prefix.owner.gid);
  const [program = "", ...words] = [...prefix.words, join(binaries, "initdb")];
  const initial = [
    "--pgdata",
    data,
    "--username",
    "berth",
    "--auth",
    "trust",
    "--encoding",
    "UTF8",
    "--locale",
    "C.UTF-8",
  ];
  await run(program, [...words, ...initial], { cwd: folder });
  await demandPassword(join(data, "pg_hba.conf"));
  const port = await findPort();
  const settings = [
    ...["-D", data, "-p", String(port), "-k", folder, "-h", "127.0.0.1"],
    ...["-c", "fsync=on", "-c", "max_connections=200", "-c", "logging_collector=off"],
  ];
  const url = (database: string) => `postgres://berth@127.0.0.1:${port}/${database}`;
  let child: ChildProcess | undefined;
  let made = 0;

  const start = async () => {
    const [first = "", ...others] = [...prefix.words, join(binaries, "postgres"), ...settings];
    // Not a pipe: whoever does not read it would hold up the server.
    const log = await open(join(folder, "log"), "a");
    child = spawn(first, others, { cwd: folder, stdio: ["ignore", log.fd, log.fd] });
    await log.close();
    if (!(await answers(url("postgres"), child)))
      throw new Error(`PostgreSQL did not start:\n${await readFile(join(folder, "log"), "utf8")}`);
  };
  const stop = async (ending: Ending) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signals[ending]);
    await ended;
  };
  /** The first process first when it stops, so that it makes no others, and last when it goes on. */
  /** To all of its processes. The first is stopped before the others are listed, and goes on after them: it starts new ones. */
  const signal = async (name: "SIGSTOP" | "SIGCONT") => {
    const first = child?.pid ?? 0;
    if (name === "SIGSTOP") process.kill(first, name);
    const others = await readFile(`/proc/${first}/task/${first}/children`, "utf8");
    for (const pid of others.trim().split(" ").map(Number)) sendTo(pid, name);
    if (name === "SIGCONT") process.kill(first, name);
  };
  await start();
  return {
    port,
    folder: data,
    url,
    async makeDatabase() {
      const name = `berth_${++made}`;
      const sql = new SQL(url("postgres"), { adapter: "postgres", max: 1 });
      await sql.unsafe(`create database ${name}`);
      await sql.close();
      return url(name);
    },
    async load(url, file) {
      await run(join(binaries, "psql"), ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file", file, url]);
    },
    start,
    stop,
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    async remove() {
      await stop("immediate");
      await rm(folder, { recursive: true });
    },
  };
}

/** Nothing when the process has ended meanwhile. */
function sendTo(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw error;
  }
}

/** The first line that fits decides. */
async function demandPassword(file: string): Promise<void> {
  await writeFile(file, `host all ${guardedUser} 127.0.0.1/32 scram-sha-256\n${await readFile(file, "utf8")}`);
}

/** The folder of the newest PostgreSQL that the system's packages brought. */
async function findBinaries(): Promise<string> {
  const found = await readdir(versions).catch(() => []);
  const [newest] = found.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(b) - Number(a));
  if (newest === undefined) throw new Error("there is no PostgreSQL: scripts/setup-postgres.sh installs it");
  return join(versions, newest, "bin");
}

interface User {
  /** What stands before a command so that this user runs it, and so that it does not outlive this process. */
  readonly words: readonly string[];
  /** Who owns its folder, when that is not who runs this. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

async function asUser(): Promise<User> {
  const words = ["setpriv", "--pdeathsig", "QUIT"];
  if (process.getuid?.() !== 0) return { words };
  const idOf = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout);
  const owner = { uid: await idOf("-u"), gid: await idOf("-g") };
  return { words: [...words, "--reuid", "postgres", "--regid", "postgres", "--init-groups"], owner };
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("there is no free port");
  return address.port;
}

/** Waits until the server answers, after its recovery if it needs one; false when it does not. */
async function answers(url: string, child: ChildProcess): Promise<boolean> {
  const until = performance.now() + patienceMilliseconds;
  while (performance.now() < until && child.exitCode === null) {
    const sql = new SQL(url, { adapter: "postgres", max: 1, connectionTimeout: 5 });
    try {
      await sql.unsafe("select 1");
      return true;
    } catch {
      await Bun.sleep(50);
    } finally {
      await sql.close({ timeout: 0 });
    }
  }
  return false;
}
