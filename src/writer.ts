// The entry of the writer's thread: the catalogue of every room's transactions, served.
import { serveWriter } from "#db";
import { registryTransactions } from "#registry";

serveWriter({ ...registryTransactions });
