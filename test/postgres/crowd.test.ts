// Many clients at once on PostgreSQL: transactions that lose races are run again until they win, and nobody is turned away.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { digestOf } from "#lib/digest";
import { startServer, type TestServer } from "../server.ts";
import { type Cluster, openCluster } from "./cluster.ts";

const patience = 120_000;
const clients = 32;
const pushes = 25;
const manifestType = "application/vnd.oci.image.manifest.v1+json";
let cluster: Cluster;
let server: TestServer;

beforeAll(async () => {
  cluster = await openCluster();
  server = await startServer({ flags: ["--database", await cluster.makeDatabase()] });
}, patience);
afterAll(async () => {
  await server.stop();
  await cluster.remove();
}, patience);

/** Pushes one small image with content of its own; the statuses of its requests. */
async function push(repository: string, tag: string): Promise<number[]> {
  const base = `${server.url}/v2/${repository}`;
  const statuses: number[] = [];
  const put = async (content: string) => {
    const digest = digestOf(new TextEncoder().encode(content));
    const { status } = await fetch(`${base}/blobs/uploads/?digest=${digest}`, { method: "POST", body: content });
    statuses.push(status);
    return { digest, size: content.length };
  };
  const layer = await put(`layer of ${tag}`);
  const config = await put(JSON.stringify({ tag, rootfs: { type: "layers", diff_ids: [layer.digest] } }));
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer }],
  };
  const headers = { "Content-Type": manifestType };
  const body = JSON.stringify(manifest);
  statuses.push((await fetch(`${base}/manifests/${tag}`, { method: "PUT", headers, body })).status);
  return statuses;
}

test(
  "32 clients push into one repository, and every push is taken",
  async () => {
    const work = async (client: number) => {
      const statuses: number[] = [];
      for (let i = 0; i < pushes; i++) statuses.push(...(await push("crowd/app", `c${client}-${i}`)));
      return statuses;
    };
    const statuses = (await Promise.all(Array.from({ length: clients }, (_, client) => work(client)))).flat();
    expect(statuses.filter((status) => status !== 201)).toEqual([]);
    const list = await fetch(`${server.url}/v2/crowd/app/tags/list?n=10000`);
    expect(await list.json()).toHaveProperty("tags.length", clients * pushes);
  },
  patience,
);
