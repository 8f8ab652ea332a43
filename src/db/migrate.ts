// Migrations: numbered SQL texts, each in one transaction; `store.format` is the number of the last one.

export interface MigrationText {
  readonly number: number;
  readonly sql: string;
}
