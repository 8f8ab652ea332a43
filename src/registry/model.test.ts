// Any sequence of verbs, over several repositories, answers as a plain model of a registry does; also across restarts.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { anonymous } from "#access";
import { digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { ociIndex, ociManifest } from "#lib/media-type";
import { parseRepositoryName, parseTag } from "#lib/reference";
import { incomingOf, readAll } from "#lib/stream";
import { type Contents, type Model, type ModelUpload, openModel } from "./model.ts";
import { openTestRegistry, type TestRegistry } from "./testing.ts";

setDefaultTimeout(120_000);
const actor = anonymous("test", "127.0.0.1", "model");
const blobSizes = [30, 5000, 17_000, 70_000];
const wrong = digestOf(new Uint8Array([1, 2, 3]));
const dayMilliseconds = 24 * 3_600_000;

let house: TestRegistry;
let runs = 0;
beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
});
afterAll(() => house.remove());

/** What one sequence plays with: names and contents of its own, the model, and the ids of its uploads. */
interface World {
  readonly prefix: string;
  readonly blobs: readonly Uint8Array[];
  readonly manifests: readonly (Contents["manifests"][number] & { readonly bytes: Uint8Array })[];
  readonly model: Model;
  readonly ids: string[];
}

function openWorld(): World {
  const prefix = `run${String(++runs).padStart(6, "0")}`;
  const blobs = blobSizes.map((size, i) => new TextEncoder().encode(`${prefix} ${i} `.padEnd(size, "x")));
  const manifests = makeManifests(blobs);
  const model = openModel({ blobs: blobs.map(({ byteLength }) => ({ size: byteLength })), manifests });
  return { prefix, blobs, manifests, model, ids: [] };
}

const descriptorOf = (mediaType: string, bytes: Uint8Array = new Uint8Array()) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.byteLength,
});

/** Two images, one the referrer of the other, their index, another referrer, and an index in an index that refers to it. */
function makeManifests(blobs: readonly Uint8Array[]): World["manifests"] {
  const made: World["manifests"][number][] = [];
  const make = (used: readonly number[], children: readonly number[], subject?: number) => {
    const [config, ...layers] = used.map((each) => descriptorOf("application/x", blobs[each]));
    const manifests = children.map((each) => descriptorOf(ociManifest, made[each]?.bytes));
    const content =
      config === undefined ? { mediaType: ociIndex, manifests } : { mediaType: ociManifest, config, layers };
    const more = subject === undefined ? {} : { subject: descriptorOf(ociManifest, made[subject]?.bytes) };
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, ...content, ...more }));
    const known = subject === undefined ? {} : { subject };
    made.push({ bytes, digest: digestOf(bytes), blobs: used, children, ...known });
  };
  make([0, 1], []);
  make([0, 2], [], 0);
  make([], [0, 1]);
  make([3], [], 0);
  make([], [2], 2);
  return made;
}

/** One verb: what the registry answers, and what the model says. The registry is asked first. */
interface Step {
  readonly says: string;
  real(world: World): Promise<unknown>;
  model(world: World): string;
}

const at = ({ prefix }: World, repository: string) => `${prefix}/${repository}`;
const nameAt = (world: World, repository: string) => parseRepositoryName(at(world, repository));
const blobAt = ({ blobs }: World, index: number) => blobs[index] ?? new Uint8Array();
const blobDigest = (world: World, index: number) => digestOf(blobAt(world, index));
const manifestBytes = ({ manifests }: World, index: number) => manifests[index]?.bytes ?? new Uint8Array();
const manifestDigest = (world: World, index: number) => digestOf(manifestBytes(world, index));

const repository = fc.constantFrom("a", "b", "b/c");
const blob = fc.nat(blobSizes.length - 1);
const manifest = fc.nat(4);
const tag = fc.constantFrom("v1", "v2", "V1");
const seldom = fc.nat(4).map((each) => each === 0);

/** A step on one of the latest uploads. */
function onUpload(
  says: string,
  which: number,
  real: (world: World, upload: ModelUpload, id: string) => Promise<unknown>,
  model: (world: World, upload: ModelUpload) => string,
): Step {
  const indexIn = ({ ids }: World) => ids.length - 1 - which;
  const uploadIn = (world: World) => world.model.uploads[indexIn(world)];
  return {
    says: `${says} of upload ${which} from the last`,
    real: async (world) => {
      const upload = uploadIn(world);
      return upload === undefined ? "none" : real(world, upload, world.ids[indexIn(world)] ?? "");
    },
    model: (world) => {
      const upload = uploadIn(world);
      return upload === undefined ? "none" : model(world, upload);
    },
  };
}

const nameOf = ({ path }: ModelUpload) => parseRepositoryName(path);

const uploadSteps = [
  fc.tuple(repository, blob).map(
    ([path, index]): Step => ({
      says: `start in ${path} for blob ${index}`,
      real: async (world) => {
        world.ids.push(house.registry.uploads.start(actor, nameAt(world, path)));
      },
      model: (world) => world.model.start(at(world, path), index),
    }),
  ),
  fc
    .tuple(fc.nat(3), fc.constantFrom(0, 10, 4000, 16_384, 40_000), seldom)
    .map(([which, length, isMisplaced]): Step => {
      const partOf = (world: World, upload: ModelUpload) =>
        blobAt(world, upload.blob).slice(upload.size, upload.size + length);
      const real = async (world: World, upload: ModelUpload, id: string) => {
        const part = { body: incomingOf(partOf(world, upload)), start: upload.size + (isMisplaced ? 1 : 0) };
        return `at ${await house.registry.uploads.append(actor, nameOf(upload), id, part)}`;
      };
      return onUpload(`append ${length} bytes${isMisplaced ? ", misplaced," : ""}`, which, real, (world, upload) =>
        world.model.append(upload, partOf(world, upload).byteLength, isMisplaced),
      );
    }),
  fc.tuple(fc.nat(3), seldom).map(([which, isWrong]): Step => {
    const real = (world: World, upload: ModelUpload, id: string) => {
      const bytes = blobAt(world, upload.blob);
      const part = { body: incomingOf(bytes.slice(upload.size)) };
      return house.registry.uploads.finish(actor, nameOf(upload), id, isWrong ? wrong : digestOf(bytes), part);
    };
    return onUpload(`finish${isWrong ? " wrongly" : ""}`, which, real, (world, upload) =>
      world.model.finish(upload, isWrong),
    );
  }),
  fc.nat(3).map(
    (which): Step =>
      onUpload(
        "cancel",
        which,
        (_, upload, id) => house.registry.uploads.cancel(actor, nameOf(upload), id),
        (world, upload) => world.model.cancel(upload),
      ),
  ),
  fc.tuple(fc.nat(3), repository).map(
    ([which, path]): Step =>
      onUpload(
        `status in ${path}`,
        which,
        async (world, _, id) => `at ${await house.registry.uploads.status(actor, nameAt(world, path), id)}`,
        (world, upload) => world.model.status(upload, at(world, path)),
      ),
  ),
];

const blobSteps = [
  fc.tuple(repository, blob, seldom).map(
    ([path, index, isWrong]): Step => ({
      says: `push blob ${index} to ${path}${isWrong ? " wrongly" : ""}`,
      real: (world) => {
        const digest = isWrong ? wrong : blobDigest(world, index);
        return house.registry.uploads.put(actor, nameAt(world, path), digest, incomingOf(blobAt(world, index)));
      },
      model: (world) =>
        isWrong ? world.model.pushWrongBlob(at(world, path), index) : world.model.pushBlob(at(world, path), index),
    }),
  ),
  fc.tuple(repository, blob).map(
    ([path, index]): Step => ({
      says: `pull blob ${index} from ${path}`,
      real: async (world) => {
        const source = await house.registry.blobs.open(actor, nameAt(world, path), blobDigest(world, index));
        const bytes = await readAll(source.read(0, source.size), source.size);
        await source.close();
        return `blob ${world.blobs.findIndex((each) => bytes !== undefined && Buffer.compare(each, bytes) === 0)}`;
      },
      model: (world) => world.model.pullBlob(at(world, path), index),
    }),
  ),
  fc.tuple(repository, blob).map(
    ([path, index]): Step => ({
      says: `delete blob ${index} of ${path}`,
      real: (world) => house.registry.blobs.delete(actor, nameAt(world, path), blobDigest(world, index)),
      model: (world) => world.model.deleteBlob(at(world, path), index),
    }),
  ),
  fc.tuple(repository, blob, fc.option(repository, { nil: undefined })).map(
    ([path, index, from]): Step => ({
      says: `mount blob ${index} in ${path} from ${from ?? "anywhere"}`,
      real: async (world) => {
        const source = from === undefined ? undefined : nameAt(world, from);
        return `${await house.registry.blobs.mount(actor, nameAt(world, path), blobDigest(world, index), source)}`;
      },
      model: (world) => world.model.mount(at(world, path), index, from === undefined ? undefined : at(world, from)),
    }),
  ),
];

const manifestSteps = [
  fc.tuple(repository, manifest, fc.option(tag, { nil: undefined })).map(
    ([path, index, name]): Step => ({
      says: `push manifest ${index} to ${path} as ${name ?? "its digest"}`,
      real: async (world) => {
        const tags = name === undefined ? [] : [parseTag(name)];
        const pushed = { bytes: manifestBytes(world, index), contentType: undefined, tags };
        await house.registry.manifests.put(actor, nameAt(world, path), pushed);
      },
      model: (world) => world.model.pushManifest(at(world, path), index, name),
    }),
  ),
  fc.tuple(repository, fc.oneof(manifest, tag)).map(
    ([path, index]): Step => ({
      says: `pull manifest ${index} from ${path}`,
      real: async (world) => {
        const reference =
          typeof index === "string" ? { tag: parseTag(index) } : { digest: manifestDigest(world, index) };
        const { bytes } = await house.registry.manifests.get(actor, nameAt(world, path), reference);
        return `manifest ${world.manifests.findIndex((each) => Buffer.compare(each.bytes, bytes) === 0)}`;
      },
      model: (world) => world.model.pullManifest(at(world, path), index),
    }),
  ),
  fc.tuple(repository, manifest).map(
    ([path, index]): Step => ({
      says: `delete manifest ${index} of ${path}`,
      real: (world) => house.registry.manifests.delete(actor, nameAt(world, path), manifestDigest(world, index)),
      model: (world) => world.model.deleteManifest(at(world, path), index),
    }),
  ),
  fc.tuple(repository, tag).map(
    ([path, name]): Step => ({
      says: `delete tag ${name} of ${path}`,
      real: (world) => house.registry.tags.delete(actor, nameAt(world, path), parseTag(name)),
      model: (world) => world.model.deleteTag(at(world, path), name),
    }),
  ),
];

const page = { limit: 100, after: "" };
const otherSteps = [
  repository.map(
    (path): Step => ({
      says: `list tags of ${path}`,
      real: async (world) => (await house.registry.tags.list(actor, nameAt(world, path), page)).entries.join(),
      model: (world) => world.model.listTags(at(world, path)),
    }),
  ),
  fc.constant<Step>({
    says: "list repositories",
    real: async ({ prefix }) => {
      const { entries } = await house.registry.repositories.list(actor, { ...page, after: prefix });
      return entries.join();
    },
    model: ({ model }) => model.listRepositories(),
  }),
  fc.tuple(repository, manifest).map(
    ([path, index]): Step => ({
      says: `list referrers of manifest ${index} in ${path}`,
      real: async (world) => {
        const subject = manifestDigest(world, index);
        const { entries } = await house.registry.referrers.list(actor, nameAt(world, path), subject, {
          ...page,
          artifactType: null,
        });
        return entries.map(({ digest }) => digest).join();
      },
      model: (world) => world.model.listReferrers(at(world, path), index),
    }),
  ),
  fc.constant<Step>({
    says: "let a day pass",
    real: async () => {
      house.pass(dayMilliseconds + 1);
      await house.registry.expireUploads();
    },
    model: ({ model }) => model.passADay(),
  }),
  fc.constant<Step>({
    says: "restart",
    real: async () => {
      house = await house.restart();
    },
    model: () => "done",
  }),
];

const weighted = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const anyStep = fc.oneof(
  weighted(30, fc.oneof(...uploadSteps)),
  weighted(30, fc.oneof(...blobSteps)),
  weighted(30, fc.oneof(...manifestSteps)),
  weighted(8, fc.oneof(...otherSteps)),
);

/** The answer in the words of the model. What is no Fault is a bug and is thrown. */
async function answerOf(step: Step, world: World): Promise<string> {
  try {
    return `${(await step.real(world)) ?? "done"}`;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { kind, subject, detail } = error;
    return `${kind} ${subject}${"offset" in detail ? ` ${detail["offset"]}` : ""}`;
  }
}

test("any sequence of verbs answers as the model says", async () => {
  const sequence = fc.array(anyStep, { minLength: 10, maxLength: 120, size: "max" });
  await fc.assert(
    fc.asyncProperty(sequence, async (steps) => {
      const world = openWorld();
      const told: string[] = [];
      for (const step of steps) {
        const answer = await answerOf(step, world);
        told.push(`${step.says}: ${answer}`);
        expect([...told.slice(0, -1), `${step.says}: ${step.model(world)}`]).toEqual(told);
      }
    }),
    { numRuns: 60 },
  );
});
