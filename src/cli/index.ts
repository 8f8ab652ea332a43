// The commands. One line for each.
import { Command } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { addConfig } from "./config.ts";
import { addDoctor } from "./doctor.ts";
import { addServe } from "./serve.ts";

export function openProgram(): Command {
  const program = new Command("berth").description("A self-hosted Docker Hub in one process").version(manifest.version);
  addServe(program);
  addConfig(program);
  addDoctor(program);
  program
    .command("version")
    .description("show the version")
    .action(() => {
      process.stdout.write(`berth ${manifest.version} (bun ${Bun.version})\n`);
    });
  return program;
}
