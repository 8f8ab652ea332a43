// A registry in the plainest words, for model.test.ts: what each verb must answer, without a database, bytes or time.
import { maxContentBytes } from "./uploads.ts";

type Manifest = { digest: string; blobs: readonly number[]; children: readonly number[]; subject?: number };
/** What may be pushed. Blobs and manifests are called by their number. */
export type Contents = { readonly blobs: readonly { size: number }[]; readonly manifests: readonly Manifest[] };
type Repository = { blobs: Set<number>; manifests: Set<number>; tags: Map<string, number> };
export type ModelUpload = { path: string; blob: number; size: number; state: "open" | "finished" | "ended" };
export type Model = ReturnType<typeof openModel>;

export function openModel(contents: Contents) {
  const repositories = new Map<string, Repository>();
  const uploads: ModelUpload[] = [];
  /** A repository is there from the first thing that was written of it. */
  const make = (path: string): Repository => {
    const known = repositories.get(path) ?? { blobs: new Set(), manifests: new Set(), tags: new Map() };
    repositories.set(path, known);
    return known;
  };
  const find = (path: string) => repositories.get(path);
  const has = (path: string, blob: number) => find(path)?.blobs.has(blob) === true;
  const manifestsOf = (path: string) => [...(find(path)?.manifests ?? [])];
  const missing = (path: string, subject: string) => (find(path) ? `unknown ${subject}` : "unknown repository");
  const isLarge = (blob: number) => (contents.blobs[blob]?.size ?? 0) > maxContentBytes;
  const done = (_: unknown) => "done";

  return {
    uploads,
    pushBlob: (path: string, blob: number) => done(make(path).blobs.add(blob)),
    pushWrongBlob: (path: string, blob: number) => (isLarge(blob) ? make(path) : path) && "invalid digest",
    start: (path: string, blob: number) => done(uploads.push({ path, blob, size: 0, state: "open" })),
    append(upload: ModelUpload, count: number, isMisplaced: boolean): string {
      if (upload.state !== "open") return "unknown upload";
      if (isMisplaced) return `range upload ${upload.size}`;
      make(upload.path);
      upload.size += count;
      return `at ${upload.size}`;
    },
    finish(upload: ModelUpload, isWrong: boolean): string {
      if (upload.state === "ended" || (upload.state === "finished" && isWrong)) return "unknown upload";
      if (!isWrong || isLarge(upload.blob)) make(upload.path);
      if (isWrong) return "invalid digest";
      if (upload.state === "open") make(upload.path).blobs.add(upload.blob);
      upload.state = "finished";
      return "done";
    },
    cancel(upload: ModelUpload): string {
      if (upload.state !== "open") return "unknown upload";
      upload.state = "ended";
      return done(make(upload.path));
    },
    status: ({ state, path, size }: ModelUpload, asked: string) =>
      state === "open" && path === asked ? `at ${size}` : "unknown upload",
    passADay: () => done(uploads.map((each) => Object.assign(each, { state: "ended" }))),
    pullBlob: (path: string, blob: number) => (has(path, blob) ? `blob ${blob}` : missing(path, "blob")),
    deleteBlob(path: string, blob: number): string {
      if (!has(path, blob)) return missing(path, "blob");
      const isUsed = manifestsOf(path).some((each) => contents.manifests[each]?.blobs.includes(blob));
      return isUsed ? "unsupported blob" : done(find(path)?.blobs.delete(blob));
    },
    mount(path: string, blob: number, from: string | undefined): string {
      if (![...repositories.keys()].some((each) => (from ?? each) === each && has(each, blob))) return "false";
      make(path).blobs.add(blob);
      return "true";
    },
    pushManifest(path: string, manifest: number, tag: string | undefined): string {
      const { blobs = [], children = [] } = contents.manifests[manifest] ?? {};
      const isComplete =
        blobs.every((each) => has(path, each)) && children.every((each) => manifestsOf(path).includes(each));
      if (!isComplete) return "unknown manifest-blob";
      make(path).manifests.add(manifest);
      return done(tag === undefined || find(path)?.tags.set(tag, manifest));
    },
    pullManifest(path: string, reference: string | number): string {
      const manifest = typeof reference === "string" ? find(path)?.tags.get(reference) : reference;
      const isThere = manifest !== undefined && manifestsOf(path).includes(manifest);
      return isThere ? `manifest ${manifest}` : missing(path, "manifest");
    },
    deleteManifest(path: string, manifest: number): string {
      if (!find(path)?.manifests.delete(manifest)) return missing(path, "manifest");
      const tags = [...(find(path)?.tags ?? [])].filter(([, target]) => target === manifest);
      return done(tags.map(([tag]) => find(path)?.tags.delete(tag)));
    },
    deleteTag: (path: string, tag: string) => (find(path)?.tags.delete(tag) ? "done" : missing(path, "manifest")),
    listTags: (path: string) => [...(find(path)?.tags.keys() ?? ["unknown repository"])].sort().join(),
    listRepositories: () => [...repositories.keys()].sort().join(),
    listReferrers(path: string, manifest: number): string {
      const referring = manifestsOf(path)
        .map((each) => contents.manifests[each])
        .filter((each) => each?.subject === manifest);
      return referring
        .map((each) => each?.digest)
        .sort()
        .join();
    },
  };
}
