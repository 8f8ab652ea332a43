// berth doctor: looks at what a server needs before it is started, and says what to do about what is wrong.
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { systemClock } from "#lib/clock";
import { errorCode } from "#lib/fault";
import type { Address, Config } from "../config.ts";
import { databaseFormat } from "../database.ts";
import { addSettings, configOf } from "./settings.ts";

/** One thing that was looked at. `advice` says what to do when it is not well. */
interface Finding {
  readonly about: string;
  readonly found: string;
  readonly advice?: string;
}

const leastFreeBytes = 1024 ** 3;
const earliest = Date.UTC(2026, 0, 1);

export function addDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("check data folder, permissions, free space, database, clock and port");
  addSettings(command).action(async () => {
    const findings = await examine(configOf(command));
    for (const { about, found, advice } of findings) {
      process.stdout.write(
        `${advice === undefined ? "ok  " : "BAD "} ${about}: ${found}\n${advice === undefined ? "" : `     ${advice}\n`}`,
      );
    }
    if (findings.some(({ advice }) => advice !== undefined)) process.exitCode = 1;
  });
}

async function examine(config: Config): Promise<Finding[]> {
  return [
    examineFolder(config),
    examineSpace(config),
    await examineDatabase(config),
    examineClock(),
    await examinePort(config.listen),
  ];
}

/** The folder, or the nearest one above it that is there: where it will be made. */
function nearestFolder(path: string): string {
  let folder = resolve(path);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function examineFolder({ data }: Config): Finding {
  const about = "data folder";
  const folder = nearestFolder(data);
  const will = folder === resolve(data) ? folder : `${resolve(data)}, to be made in ${folder}`;
  try {
    if (!statSync(folder).isDirectory())
      return { about, found: will, advice: `${folder} is no folder: choose another with --data` };
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return { about, found: will };
  } catch (error) {
    return {
      about,
      found: `${will} (${errorCode(error)})`,
      advice: `let this user read and write it, or choose another with --data`,
    };
  }
}

function examineSpace({ data }: Config): Finding {
  const { bavail, bsize } = statfsSync(nearestFolder(data));
  const free = bavail * bsize;
  const found = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
  return free >= leastFreeBytes
    ? { about: "space", found }
    : { about: "space", found, advice: "make room: at least 1 GiB is wise" };
}

async function examineDatabase(config: Config): Promise<Finding> {
  const about = "database";
  if (config.database === "sqlite" && !existsSync(join(config.data, "berth.db")))
    return { about, found: "SQLite, none yet: it is made at the first start" };
  try {
    const { format, newest } = await databaseFormat(config);
    const found = `format ${format}, this program knows up to ${newest}`;
    return format <= newest
      ? { about, found }
      : { about, found, advice: "it was written by a newer Berth: use that one, or a backup from before" };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { about, found: message, advice: "start the database, or check the database setting" };
  }
}

function examineClock(): Finding {
  const now = systemClock.now();
  const found = new Date(now).toISOString();
  return now >= earliest
    ? { about: "clock", found }
    : { about: "clock", found, advice: "set the clock: tokens and retention go by it" };
}

async function examinePort({ host, port }: Address): Promise<Finding> {
  const about = "port";
  // Loaded here: to load it is a tenth of a start, which wants to open its database first.
  const { createServer } = await import("node:net");
  const server = createServer();
  const code = await new Promise<string | undefined>((done) => {
    server.once("error", (error) => done(errorCode(error) ?? error.message));
    server.listen(port, host, () => done(undefined));
  });
  server.close();
  if (code === undefined) return { about, found: `${host}:${port} is free` };
  return {
    about,
    found: `${host}:${port}: ${code}`,
    advice: "stop what listens there (perhaps this server), or choose another with --listen",
  };
}
