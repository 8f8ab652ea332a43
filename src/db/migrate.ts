// Migrations: numbered SQL texts, run in one transaction; `store.format` is the number of the last one.

export interface MigrationText {
  readonly number: number;
  readonly sql: string;
  /** What SQLite runs after that: how it places rows has no counterpart elsewhere. */
  readonly sqlite?: string;
}
