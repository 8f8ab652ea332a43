// The logger: pino, as JSON for machines or as lines for people. Fields that hold secrets are never passed to it.
import { createRequire } from "node:module";
import type pino from "pino";

export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export const logFormats = ["auto", "json", "text"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

type Say = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** What the program says to those who run it. */
export interface Log {
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
  /** The last words: they are written when it returns. */
  readonly fatal: Say;
  isEnabled(level: LogLevel): boolean;
  /** Writes a line of JSON that is made already, among the others and in their form. */
  line(text: string): void;
}

/** Where lines of JSON go. */
export interface Stream {
  write(line: string): void;
}

/** To load pino is a fifth of a start, and a server that starts has nothing to say yet. */
const require = createRequire(import.meta.url);
/** When it is loaded all the same: later there may be no descriptor left for it, or another version in its place. */
const loadMilliseconds = 500;

/** A log on standard error. `auto` is text on a terminal, JSON elsewhere. */
export function openLog(level: LogLevel, format: LogFormat): Log {
  const asText = format === "text" || (format === "auto" && process.stderr.isTTY === true);
  const log = logTo(asText ? openTextStream : openJsonStream, level);
  if (level !== "silent") setTimeout(log.load, loadMilliseconds).unref();
  return log;
}

/**
 * A log whose lines of JSON go to the stream that `open` gives: it is asked for one by the first line, or by `load`. The last
 * words go to one of their own, which waits until they are written: the process may end with them.
 */
export function logTo(open: (isLast: boolean) => Stream, level: LogLevel): Log & { load(): void } {
  let opened: { readonly logger: pino.Logger; readonly stream: Stream } | undefined;
  const openLogger = (isLast: boolean) => {
    const make: typeof pino = require("pino");
    const stream = open(isLast);
    return { stream, logger: make({ level, base: null, timestamp: make.stdTimeFunctions.isoTime }, stream) };
  };
  const get = () => {
    opened ??= openLogger(false);
    return opened;
  };
  const isEnabled = (of: LogLevel) => logLevels.indexOf(of) >= logLevels.indexOf(level);
  const sayAs =
    (of: "info" | "warn" | "error"): Say =>
    (fields, message) => {
      if (isEnabled(of)) get().logger[of](fields, message);
    };
  return {
    info: sayAs("info"),
    warn: sayAs("warn"),
    error: sayAs("error"),
    fatal: (fields, message) => {
      if (isEnabled("error")) openLogger(true).logger.fatal(fields, message);
    },
    isEnabled,
    line: (text) => get().stream.write(`${text}\n`),
    load: () => void get(),
  };
}

function openTextStream(): Stream {
  const pretty: typeof import("pino-pretty") = require("pino-pretty");
  return pretty({ destination: 2, sync: true, ignore: "pid,hostname", translateTime: "HH:MM:ss.l", singleLine: true });
}

/** How much waits for who reads the log, in characters: beyond it lines are lost, and the server goes on. */
const maxWaiting = 8 * 1024 * 1024;

/** What is left at the end is written then. */
function openJsonStream(isLast: boolean): Stream {
  const { destination }: typeof pino = require("pino");
  if (isLast) return destination({ dest: 2, sync: true });
  const stream = destination({ dest: 2, sync: false, maxLength: maxWaiting });
  const gathering = openGathering(stream);
  process.once("exit", () => {
    gathering.flush();
    stream.flushSync();
  });
  return gathering;
}

/** Lines are many when so many of them came in the last ten milliseconds: written together, a server answers a twentieth more. */
const manyLines = 50;
const periodMilliseconds = 10;
/** How many characters wait at most. */
const gatherLength = 32 * 1024;

/** Writes lines to `stream`: each at once, but while they are many, those of a period together. */
export function openGathering(stream: Stream): Stream & { flush(): void } {
  let gathered = "";
  let count = 0;
  let areMany = false;
  const flush = () => {
    if (gathered === "") return;
    const text = gathered;
    gathered = "";
    stream.write(text);
  };
  const endPeriod = () => {
    flush();
    areMany = count >= manyLines;
    count = 0;
    if (areMany) setTimeout(endPeriod, periodMilliseconds);
  };
  return {
    write(line) {
      if (count++ === 0 && !areMany) setTimeout(endPeriod, periodMilliseconds);
      if (!areMany) return stream.write(line);
      gathered += line;
      if (gathered.length >= gatherLength) flush();
    },
    flush,
  };
}

export const silentLog: Log = logTo(() => {
  throw new Error("a silent log has no lines");
}, "silent");
