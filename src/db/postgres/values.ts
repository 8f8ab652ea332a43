// Statements and rows as PostgreSQL has them, and as rooms do.
import { Fault } from "#lib/fault";
import type { Row } from "../transaction.ts";

const texts = new Map<string, string>();

/** The text with $1, $2 … where it has question marks. */
export function numbered(sql: string): string {
  let text = texts.get(sql);
  if (text === undefined) {
    let count = 0;
    text = sql.replaceAll("?", () => `$${++count}`);
    texts.set(sql, text);
  }
  return text;
}

/** Rows with numbers where PostgreSQL gave 64-bit integers. Fault: invalid store (a number past 2^53). */
export function plain(rows: readonly Record<string, unknown>[]): Row[] {
  for (const row of rows) {
    for (const name in row) {
      const value = row[name];
      if (typeof value === "bigint") row[name] = toNumber(value);
    }
  }
  return rows as Row[];
}

function toNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Fault("invalid", "store", "a number of the database is out of range");
  return number;
}
