// berth config: every setting, its value and where it came from.
import type { Command } from "commander";
import { settingNames, shown } from "../config.ts";
import { addSettings, configOf, foundOf } from "./settings.ts";

export function addConfig(program: Command): void {
  addSettings(program.command("config").description("show every setting, its value and where it came from")).action(
    (_values, command: Command) => {
      configOf(command);
      const found = foundOf(command);
      const width = Math.max(...settingNames.map((name) => name.length));
      for (const name of settingNames) {
        const { text, source } = found[name];
        process.stdout.write(`${name.padEnd(width)}  ${shown(name, text) || '""'}  (${source})\n`);
      }
    },
  );
}
