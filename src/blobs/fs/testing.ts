// Run by a test as a process of its own whose files may not grow past a limit, which is how a full disk looks to it.
// It sends what fits, what does not, and what fits again, and prints what became of it.
import { digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { bodyOf, bytesLike, makeId } from "../contract.ts";
import { openFsStore } from "./index.ts";

/** What fits under any reading of the limit, and what under none. */
export const fitting = bytesLike(1, 100_000);
const excessive = new Uint8Array(1_000_000);
const excessiveParts = 5;

/** What the process prints. */
export interface Outcome {
  readonly failure: string;
  readonly hasBodyEnded: boolean;
  readonly sizeAfterFailure: number | undefined;
  readonly isDigestRight: boolean;
}

async function sendPastTheLimit(root: string): Promise<Outcome> {
  const store = openFsStore(root);
  const id = makeId();
  await store.uploads.append(id, "sha256", 0, bodyOf(fitting));
  let hasBodyEnded = false;
  const body = async function* () {
    try {
      for (let i = 0; i < excessiveParts; i++) yield excessive;
    } finally {
      hasBodyEnded = true;
    }
  };
  const error = await store.uploads.append(id, "sha256", fitting.byteLength, body()).catch((each: unknown) => each);
  const sizeAfterFailure = await store.uploads.size(id);
  await store.uploads.append(id, "sha256", fitting.byteLength, bodyOf(new Uint8Array([1])));
  const digest = await store.uploads.digest(id, "sha256");
  await store.uploads.commit(id, digest);
  await store.close();
  return {
    failure: error instanceof Fault ? `${error.kind} ${error.subject}` : String(error),
    hasBodyEnded,
    sizeAfterFailure,
    isDigestRight: digest === digestOf(Buffer.concat([fitting, new Uint8Array([1])])),
  };
}

if (import.meta.main) console.log(JSON.stringify(await sendPastTheLimit(process.argv[2] ?? "")));
