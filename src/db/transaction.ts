// What a room writes down and an engine runs. A transaction is a named generator: plain data in, plain data out, no side
// effect outside the database, so that it can be run again. Design: ARCHITECTURE.md, "One way to write".

/** A value that both engines take and give. Integers stay below 2^53; bytes are Uint8Array. */
export type Value = string | number | null | Uint8Array;

/** One row by column name. Rooms name the shape they selected; the engine does not check it. */
export type Row = Readonly<Record<string, Value>>;

export interface Statement {
  readonly sql: string;
  readonly args: readonly Value[];
}

/** Yields statements and receives the rows of each; what it returns is the answer of the write. */
export type Transaction<Result> = Generator<Statement, Result, Row[]>;

/** A transaction by its name in the catalogue: the function itself, so that callers are checked by the compiler. */
export type TransactionFunction<Input, Result> = (input: Input) => Transaction<Result>;

/** Every transaction that a writer may be asked for, by name. */
export type Catalogue = Readonly<Record<string, TransactionFunction<never, unknown>>>;

/** Placeholders for a list: padded to a power of two, so that few statement texts exist. */
export function inList(values: readonly Value[]): { readonly marks: string; readonly args: readonly Value[] } {
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, values.length)));
  const args = Array.from({ length: size }, (_, i) => values[Math.min(i, values.length - 1)] ?? null);
  return { marks: args.map(() => "?").join(","), args };
}
