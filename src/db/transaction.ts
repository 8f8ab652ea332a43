// What a room writes down and an engine runs. A transaction is a named generator: plain data in, plain data out, no side
// effect outside the database, so that it can be run again. Design: ARCHITECTURE.md, "One way to write".

/** How many rows one statement inserts at most. */
const maxRows = 64;

/** A value that both engines take and give. Integers stay below 2^53; bytes are Uint8Array. */
export type Value = string | number | null | Uint8Array;

/** One row by column name. Rooms name the shape they selected; the engine does not check it. */
export type Row = Readonly<Record<string, Value>>;

export interface Statement {
  readonly sql: string;
  readonly args: readonly Value[];
  /** Nobody looks at its rows, and none are given: an engine may send it together with what follows. */
  readonly unread?: true;
}

/** Yields statements and receives the rows of each; what it returns is the answer of the write. */
export type Transaction<Result> = Generator<Statement, Result, Row[]>;

/** A transaction by its name in the catalogue: the function itself, so that callers are checked by the compiler. */
export type TransactionFunction<Input, Result> = (input: Input) => Transaction<Result>;

/** Every transaction that a writer may be asked for, by name. */
export type Catalogue = Readonly<Record<string, TransactionFunction<never, unknown>>>;

/** Inserts rows by as few statement texts as there are powers of two: `insert` ends with `values`. */
export function* insertRows(insert: string, rows: readonly (readonly Value[])[]): Transaction<void> {
  for (let from = 0; from < rows.length; ) {
    const count = Math.min(maxRows, 2 ** Math.floor(Math.log2(rows.length - from)));
    const some = rows.slice(from, from + count);
    const marks = some.map((row) => `(${row.map(() => "?").join(", ")})`).join(", ");
    yield { sql: `${insert} ${marks}`, args: some.flat(), unread: true };
    from += count;
  }
}

/** Placeholders for a list: padded to a power of two, so that few statement texts exist. */
export function inList(values: readonly Value[]): { readonly marks: string; readonly args: readonly Value[] } {
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, values.length)));
  const args = Array.from({ length: size }, (_, i) => values[Math.min(i, values.length - 1)] ?? null);
  return { marks: args.map(() => "?").join(","), args };
}
