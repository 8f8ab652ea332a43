// The settings as flags of a command.
import type { Command } from "commander";
import {
  type Config,
  type Found,
  findSettings,
  readConfig,
  type SettingName,
  type Sources,
  schema,
  settingNames,
} from "../config.ts";

/** Adds `--config` and a flag for every setting. */
export function addSettings(command: Command): Command {
  command.option("--config <FILE>", "read settings from a YAML file: one `name: value` a line");
  for (const name of settingNames) {
    const { meaning, fallback, ...rest } = schema[name];
    const argument = "argument" in rest ? ` <${rest.argument}>` : "";
    command.option(`--${name}${argument}`, fallback === "" ? meaning : `${meaning} (default: ${fallback})`);
  }
  return command;
}

function sourcesOf(command: Command): Sources {
  const values = command.opts();
  const camel = (name: string) => name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const flags = Object.fromEntries(
    settingNames.map((name) => {
      const value: unknown = values[camel(name)];
      return [name, value === undefined ? undefined : String(value)];
    }),
  );
  const file = values["config"] ?? process.env["BERTH_CONFIG"];
  return { flags, environment: process.env, file: typeof file === "string" ? file : undefined };
}

/** The settings of a command line, its environment and its file. Fault: invalid settings. */
export function configOf(command: Command): Config {
  return readConfig(sourcesOf(command));
}

/** The same, with where each was said. Fault: invalid settings. */
export function foundOf(command: Command): Readonly<Record<SettingName, Found>> {
  return findSettings(sourcesOf(command));
}
