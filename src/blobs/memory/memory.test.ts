// The store in memory keeps the contract.
import { describeStore } from "../contract.ts";
import { openMemoryStore } from "./index.ts";

describeStore("memory", async () => ({ store: openMemoryStore(), remove: async () => undefined }));
