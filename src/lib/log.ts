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

/** To load pino is a fifth of a start, and a server that starts has nothing to say yet: it comes with the first line. */
const require = createRequire(import.meta.url);

/** A log on standard error. `auto` is text on a terminal, JSON elsewhere. */
export function openLog(level: LogLevel, format: LogFormat): Log {
  const asText = format === "text" || (format === "auto" && process.stderr.isTTY === true);
  return logTo(asText ? openTextStream : openJsonStream, level);
}

/** A log whose lines of JSON go to the stream that `open` gives: it is asked for one when there is a line. */
export function logTo(open: () => Stream, level: LogLevel): Log {
  let opened: { readonly logger: pino.Logger; readonly stream: Stream } | undefined;
  const get = () => {
    if (opened === undefined) {
      const make: typeof pino = require("pino");
      const stream = open();
      const timestamp = make.stdTimeFunctions.isoTime;
      opened = { stream, logger: make({ level, base: null, timestamp }, stream) };
    }
    return opened;
  };
  const isEnabled = (of: LogLevel) => logLevels.indexOf(of) >= logLevels.indexOf(level);
  const sayAs =
    (of: "info" | "warn" | "error" | "fatal"): Say =>
    (fields, message) => {
      if (isEnabled(of === "fatal" ? "error" : of)) get().logger[of](fields, message);
    };
  return {
    info: sayAs("info"),
    warn: sayAs("warn"),
    error: sayAs("error"),
    fatal: sayAs("fatal"),
    isEnabled,
    line: (text) => get().stream.write(`${text}\n`),
  };
}

function openTextStream(): Stream {
  const pretty: typeof import("pino-pretty") = require("pino-pretty");
  return pretty({ destination: 2, sync: true, ignore: "pid,hostname", translateTime: "HH:MM:ss.l", singleLine: true });
}

/** How much waits for who reads the log, in characters: beyond it lines are lost, and the server goes on. */
const maxWaiting = 8 * 1024 * 1024;

/** Lines that come while others are being written are written together; what is left at the end is written then. */
function openJsonStream(): Stream {
  const { destination }: typeof pino = require("pino");
  const stream = destination({ dest: 2, sync: false, maxLength: maxWaiting });
  process.once("exit", () => stream.flushSync());
  return stream;
}

export const silentLog: Log = logTo(() => {
  throw new Error("a silent log has no lines");
}, "silent");
