// berth serve: runs the server until a signal.
import cluster from "node:cluster";
import type { Command } from "commander";
import type { Config } from "../config.ts";
import { openDatabase } from "../database.ts";
import { addSettings, configOf } from "./settings.ts";

export function addServe(program: Command): void {
  addSettings(program.command("serve").description("run the server")).action((_values, command: Command) =>
    serve(configOf(command)),
  );
}

/** The thread of the database loads and migrates while this one loads the rooms and the doors: together they are half of a start. */
async function serve(config: Config): Promise<void> {
  const opening = cluster.isWorker ? undefined : openDatabase(config);
  // Whoever waits for it says what is wrong; until then nobody does.
  opening?.catch(() => undefined);
  const serving = await import("../serving.ts");
  await serving.serve(config, opening);
}
