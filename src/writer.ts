// The entry of the writer's thread: the catalogue of every room's transactions, served.
import { serveWriter } from "#db/writer";
import { registryTransactions } from "#registry/transactions";

serveWriter({ ...registryTransactions });
