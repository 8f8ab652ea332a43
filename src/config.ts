// Every setting: one schema, one flat name each. The name is the flag, `BERTH_` and the name in capitals the variable, and
// the name again the key of the configuration file. A flag goes before a variable, before the file, before the default.
import { readFileSync } from "node:fs";
import { errorCode, Fault } from "#lib/fault";
import { logFormats, logLevels } from "#lib/log";

export interface Address {
  readonly host: string;
  readonly port: number;
}

interface Setting<Value> {
  /** What stands behind the flag; a setting without one is a switch. */
  readonly argument?: string;
  readonly fallback: string;
  readonly meaning: string;
  /** Whether its value may hold a password. */
  readonly isSecret?: boolean;
  /** The value of a text, or undefined when it is none. */
  readonly parse: (text: string) => Value | undefined;
  /** What `parse` takes, for whoever wrote something else. */
  readonly right: string;
}

function setting<Value>(options: Setting<Value>): Setting<Value> {
  return options;
}

const isSwitch = { right: "it must be true or false", parse: parseSwitch };
const isAddress = { argument: "HOST:PORT", right: "it must be HOST:PORT, such as 127.0.0.1:5000, [::1]:5000 or :5000" };
const isFile = { argument: "FILE", right: "it must be the path of a file", parse: parsePath };

export const schema = {
  listen: setting({
    ...isAddress,
    fallback: "127.0.0.1:5000",
    meaning: "where to listen; port 0 takes a free one",
    parse: parseAddress,
  }),
  data: setting({
    argument: "DIR",
    fallback: "./data",
    meaning: "the folder that holds everything",
    right: "it must be the path of a folder",
    parse: (text) => parsePath(text) || undefined,
  }),
  database: setting({
    argument: "URL",
    fallback: "sqlite",
    meaning: "where names are kept: `sqlite`, in the data folder, or postgres://USER:PASSWORD@HOST:PORT/DATABASE",
    isSecret: true,
    right: "it must be sqlite, or postgres://USER:PASSWORD@HOST:PORT/DATABASE",
    parse: (text) =>
      text === "sqlite" || (/^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text)) ? text : undefined,
  }),
  standalone: setting({
    ...isSwitch,
    fallback: "false",
    meaning: "a registry without accounts (so far there are none: always on)",
  }),
  workers: setting({
    argument: "N",
    fallback: "1",
    meaning: "how many processes serve",
    right: "it must be a whole number from 1 to 64",
    parse: (text) => parseWhole(text, 1, 64),
  }),
  "manifests-missing": setting({
    argument: "POLICY",
    fallback: "refuse",
    meaning:
      "what a manifest may name that is not there: `refuse` nothing, `indexes` the images of an index, `any` anything",
    ...isOneOf(["refuse", "indexes", "any"] as const),
  }),
  "upload-idle": setting({
    argument: "DURATION",
    fallback: "24h",
    meaning: "how long an upload may be idle before it ends",
    right: "it must be a number with a unit: s, m, h or d, such as 30m",
    parse: parseDuration,
  }),
  "tls-certificate": setting({
    ...isFile,
    fallback: "",
    meaning: "certificate chain (PEM); with tls-key, the server speaks HTTPS. Read again when it changes",
  }),
  "tls-key": setting({ ...isFile, fallback: "", meaning: "private key (PEM) of the certificate" }),
  "v1-listen": setting({
    ...isAddress,
    fallback: "",
    meaning: "where to serve the v1 protocol alone, for clients that must find no /v2/; port 0 takes a free one",
    parse: (text) => (text === "" ? null : parseAddress(text)),
  }),
  "metrics-listen": setting({
    ...isAddress,
    fallback: "",
    meaning: "where to serve /metrics; without it, they are on the main port when that is on loopback",
    parse: (text) => (text === "" ? null : parseAddress(text)),
  }),
  "log-level": setting({ argument: "LEVEL", fallback: "info", meaning: "how much is logged", ...isOneOf(logLevels) }),
  "log-format": setting({
    argument: "FORMAT",
    fallback: "auto",
    meaning: "`auto` is text on a terminal, json elsewhere",
    ...isOneOf(logFormats),
  }),
  "log-requests": setting({
    ...isSwitch,
    argument: "true|false",
    fallback: "true",
    meaning: "one line for each request, at level info",
  }),
};

export type SettingName = keyof typeof schema;
export const settingNames = Object.keys(schema) as SettingName[];
type ValueOf<S> = S extends Setting<infer Value> ? Value : never;

/** Every setting by its name, checked. */
export type Config = { readonly [Name in SettingName]: ValueOf<(typeof schema)[Name]> };

export interface Found {
  readonly text: string;
  readonly source: string;
}

export interface Sources {
  /** Flags by the setting's name. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The configuration file, or undefined when there is none. */
  readonly file: string | undefined;
}

/** Variables that begin with BERTH_ and are no settings. */
const otherVariables = new Set(["BERTH_CONFIG", "BERTH_PEERS", "BERTH_TEST_DATABASE"]);

export function variableOf(name: string): string {
  return `BERTH_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** What each setting is and where that was said. Fault: invalid settings (an unknown name, a file that cannot be read). */
export function findSettings({ flags, environment, file }: Sources): Readonly<Record<SettingName, Found>> {
  const known = new Map(settingNames.map((name) => [variableOf(name), name]));
  for (const variable of Object.keys(environment)) {
    if (variable.startsWith("BERTH_") && !known.has(variable) && !otherVariables.has(variable)) {
      throw invalid(`the variable ${variable} is no setting${nearest(variable, [...known.keys()])}`);
    }
  }
  const inFile = file === undefined ? {} : readFile(file);
  const entries = settingNames.map((name): [SettingName, Found] => {
    const flag = flags[name];
    if (flag !== undefined) return [name, { text: flag, source: `--${name}` }];
    const variable = environment[variableOf(name)];
    if (variable !== undefined) return [name, { text: variable, source: variableOf(name) }];
    const kept = inFile[name];
    if (kept !== undefined) return [name, { text: kept, source: `${file}` }];
    return [name, { text: schema[name].fallback, source: "default" }];
  });
  return Object.fromEntries(entries) as Record<SettingName, Found>;
}

/** The settings, checked. Fault: invalid settings, with the name, what was found and what would be right. */
export function readConfig(sources: Sources): Config {
  const found = findSettings(sources);
  const values = settingNames.map((name) => {
    const { text, source } = found[name];
    const { isSecret = false, right, parse } = schema[name] as Setting<unknown>;
    const value = parse(text);
    if (value === undefined)
      throw invalid(`${name} (${source}) is ${isSecret ? "malformed" : JSON.stringify(text)}: ${right}`);
    return [name, value];
  });
  const config = Object.fromEntries(values) as Config;
  if ((config["tls-certificate"] === "") !== (config["tls-key"] === "")) {
    throw invalid("tls-certificate and tls-key go together: give both or neither");
  }
  return config;
}

/** A setting's text without what may be secret. */
export function shown(name: SettingName, text: string): string {
  if (schema[name].isSecret !== true || !URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.password !== "") url.password = "***";
  return url.href;
}

function invalid(message: string): Fault {
  return new Fault("invalid", "settings", message);
}

function readFile(file: string): Readonly<Record<string, string>> {
  let content: unknown;
  try {
    content = Bun.YAML.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw invalid(
      `the configuration file ${file} cannot be read: ${errorCode(error) ?? (error instanceof Error ? error.message : "")}`,
    );
  }
  if (content === null || content === undefined) return {};
  if (typeof content !== "object" || Array.isArray(content))
    throw invalid(`the configuration file ${file} must hold lines of NAME: VALUE`);
  return Object.fromEntries(
    Object.entries(content).map(([name, value]) => {
      if (!(name in schema)) throw invalid(`${name} in ${file} is no setting${nearest(name, settingNames)}`);
      if (!["string", "number", "boolean"].includes(typeof value)) {
        throw invalid(`${name} in ${file} must be one plain value: ${schema[name as SettingName].right}`);
      }
      return [name, String(value)];
    }),
  );
}

/** A hint at the name that was probably meant. */
function nearest(name: string, names: readonly string[]): string {
  const letters = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, "");
  const meant = names.find(
    (each) => letters(each).includes(letters(name).slice(0, 8)) || letters(name).includes(letters(each)),
  );
  return meant === undefined ? "" : `: did you mean ${meant}?`;
}

function parseSwitch(text: string): boolean | undefined {
  if (text === "true") return true;
  return text === "false" ? false : undefined;
}

function parseAddress(text: string): Address | undefined {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  if (parts === null || port > 65_535) return undefined;
  return { host: parts[1] ?? (parts[2] || "0.0.0.0"), port };
}

function parsePath(text: string): string | undefined {
  return text.includes("\0") ? undefined : text;
}

function parseWhole(text: string, least: number, most: number): number | undefined {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

const unitMilliseconds: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration in milliseconds. */
function parseDuration(text: string): number | undefined {
  const parts = /^(\d{1,6})([smhd])$/.exec(text);
  const value = Number(parts?.[1]) * (unitMilliseconds[parts?.[2] ?? ""] ?? Number.NaN);
  return value > 0 ? value : undefined;
}

function isOneOf<Choice extends string>(choices: readonly Choice[]) {
  return {
    right: `it must be one of ${choices.join(", ")}`,
    parse: (text: string): Choice | undefined => choices.find((each) => each === text),
  };
}
