// lists.ts PORT REPOSITORIES TAGS [CLIENTS]: fills a registry: so many repositories `bench/list-…` with one tag, and `bench/tagged` with
// so many tags of one image.
import { makeSmallImage } from "../content.ts";
import { type Connection, openConnection } from "./connection.ts";
import { pushImage, pushManifest } from "./pushing.ts";

const [port = 0, repositories = 0, tags = 0, clients = 16] = process.argv.slice(2).map(Number);
const image = makeSmallImage("lists");
const nameOf = (count: number) => String(count).padStart(5, "0");

/** Does each of `count` things once, by several clients. */
async function spread(count: number, act: (connection: Connection, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    const connection = await openConnection(port);
    while (next < count) await act(connection, next++);
    connection.close();
  };
  await Promise.all(Array.from({ length: clients }, work));
}

await spread(1, (connection) => pushImage(connection, "bench/tagged", nameOf(0), image));
await spread(repositories, (connection, i) => pushImage(connection, `bench/list-${nameOf(i)}`, "v1", image));
await spread(tags - 1, (connection, i) => pushManifest(connection, "bench/tagged", nameOf(i + 1), image));
