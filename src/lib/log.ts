// The logger: pino, as JSON for machines or as lines for people. Fields that hold secrets are never passed to it.
import pino from "pino";

export type Log = pino.Logger;
export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export const logFormats = ["auto", "json", "text"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

/** A log on standard error. `auto` is text on a terminal, JSON elsewhere. */
export async function openLog(level: LogLevel, format: LogFormat): Promise<Log> {
  const asText = format === "text" || (format === "auto" && process.stderr.isTTY === true);
  const stream = asText ? await openTextStream() : openJsonStream();
  return logTo(stream, level);
}

/** A log whose lines of JSON go to `stream`. */
export function logTo(stream: pino.DestinationStream, level: LogLevel): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

/** Its module takes a tenth of a start, and where a server runs nobody reads text. */
async function openTextStream() {
  const { default: pretty } = await import("pino-pretty");
  return pretty({ destination: 2, sync: true, ignore: "pid,hostname", translateTime: "HH:MM:ss.l", singleLine: true });
}

/** How much waits for who reads the log, in characters: beyond it lines are lost, and the server goes on. */
const maxWaiting = 8 * 1024 * 1024;

/** Lines that come while others are being written are written together; what is left at the end is written then. */
function openJsonStream() {
  const stream = pino.destination({ dest: 2, sync: false, maxLength: maxWaiting });
  process.once("exit", () => stream.flushSync());
  return stream;
}

/** Writes lines of JSON where `log` writes its own, and in its form. */
export function lineWriter(log: Log): (line: string) => void {
  // https://github.com/pinojs/pino/blob/v10.4.0/docs/api.md#pino-symbols
  const stream: { write(line: string): void } = Reflect.get(log, pino.symbols.streamSym);
  return (line) => stream.write(`${line}\n`);
}

export const silentLog: Log = pino({ level: "silent" });
