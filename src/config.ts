// Every setting: one schema, one flat name each. The name is the flag of `berth serve`.
import { Fault } from "#lib/fault";
import { type LogFormat, type LogLevel, logFormats, logLevels } from "#lib/log";

export interface Config {
  readonly listen: { readonly host: string; readonly port: number };
  readonly data: string;
  readonly standalone: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** One setting as the command line shows it. */
export interface Setting {
  readonly name: string;
  readonly argument?: string;
  readonly fallback: string | boolean;
  readonly meaning: string;
}

export const settings: readonly Setting[] = [
  {
    name: "listen",
    argument: "HOST:PORT",
    fallback: "127.0.0.1:5000",
    meaning: "where to listen; port 0 takes a free one",
  },
  { name: "data", argument: "DIR", fallback: "./data", meaning: "the folder that holds everything" },
  { name: "standalone", fallback: false, meaning: "a registry without accounts (so far there are none: always on)" },
  { name: "log-level", argument: "LEVEL", fallback: "info", meaning: logLevels.join(", ") },
  {
    name: "log-format",
    argument: "FORMAT",
    fallback: "auto",
    meaning: `${logFormats.join(", ")}; auto is text on a terminal`,
  },
];

/** What the command line says, checked. Fault: invalid settings, with what was found and what would be right. */
export function readConfig(values: Readonly<Record<string, unknown>>): Config {
  return {
    listen: readListen(String(values["listen"])),
    data: readFolder(String(values["data"])),
    standalone: values["standalone"] === true,
    logLevel: readChoice("log-level", values["logLevel"], logLevels),
    logFormat: readChoice("log-format", values["logFormat"], logFormats),
  };
}

function wrong(name: string, found: unknown, right: string): Fault {
  return new Fault("invalid", "settings", `--${name} ${String(found)}: ${right}`);
}

function readListen(text: string): Config["listen"] {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  if (parts === null || port > 65_535)
    throw wrong("listen", text, "it must be HOST:PORT, such as 127.0.0.1:5000, [::1]:5000 or :5000");
  return { host: parts[1] ?? (parts[2] === "" || parts[2] === undefined ? "0.0.0.0" : parts[2]), port };
}

function readFolder(text: string): string {
  if (text === "" || text.includes("\0")) throw wrong("data", text, "it must be a folder");
  return text;
}

function readChoice<Choice extends string>(name: string, found: unknown, choices: readonly Choice[]): Choice {
  const choice = choices.find((each) => each === found);
  if (choice === undefined) throw wrong(name, found, `it must be one of ${choices.join(", ")}`);
  return choice;
}
