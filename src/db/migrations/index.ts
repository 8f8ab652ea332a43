// The list of migrations, in order. A file is never changed once released; a new one is added at the end.
import type { MigrationText } from "../migrate.ts";
import registry from "./0001-registry.sql" with { type: "text" };
import v1Images from "./0002-v1-images.sql" with { type: "text" };
import unfinishedUploads from "./0003-unfinished-uploads.sql" with { type: "text" };
import fewerPages from "./0004-fewer-pages.sql" with { type: "text" };
import fewerPagesOfSqlite from "./0004-fewer-pages.sqlite.sql" with { type: "text" };

export const migrations: readonly MigrationText[] = [
  { number: 1, sql: registry },
  { number: 2, sql: v1Images },
  { number: 3, sql: unfinishedUploads },
  { number: 4, sql: fewerPages, sqlite: fewerPagesOfSqlite },
];

/** The format that this program writes. */
export const newestFormat = migrations.at(-1)?.number ?? 0;
