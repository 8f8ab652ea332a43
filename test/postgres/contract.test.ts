// The suite of every database, on PostgreSQL.
import { afterAll, beforeAll } from "bun:test";
import { openPostgres } from "#db";
import { describeDb } from "../../src/db/contract.ts";
import { type Cluster, openCluster } from "./cluster.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
});
afterAll(() => cluster.remove());

describeDb("PostgreSQL", async () => {
  const url = await cluster.makeDatabase();
  return { open: () => openPostgres({ url }), remove: async () => undefined };
});
