// The store in memory keeps the contract.
import { describeStore } from "../contract.ts";
import { describeLayers } from "../layers/contract.ts";
import { openMemoryStore } from "./index.ts";

const makePlace = async () => ({ store: openMemoryStore(), remove: async () => undefined });

describeStore("memory", makePlace);
describeLayers("memory", makePlace);
