// Tags of a repository, and what is known of the client that set one.
import type { Answer } from "#http/answer";
import type { Call } from "#http/call";
import { Fault } from "#lib/fault";
import { isTag, type RepositoryName } from "#lib/reference";
import { type Platform, platformOf } from "#registry";
import { jsonAnswer } from "./answers.ts";
import { tagInfoOf } from "./client.ts";
import type { Question } from "./deciding.ts";
import { isImageId } from "./images.ts";
import { type Json, parseJson, readBody } from "./json.ts";

const maxBytes = 64 * 1024;
const nothingKnown: Json = {
  arch: "amd64",
  docker_go_version: null,
  docker_version: null,
  kernel: null,
  last_update: null,
  os: "linux",
};

/** Faults: those of the registry. */
export async function listTags({ house, call, actor }: Question, name: RepositoryName): Promise<Answer> {
  const { tags, isByPlatform } = await house.tags.list(actor, name, platformFor(call));
  const value = Object.fromEntries(tags.map((tag) => [tag.name, tag.imageId]));
  return jsonAnswer(200, value, { first: vary(isByPlatform) });
}

/** Faults: invalid tag, invalid request, unknown image, unknown tag. */
export async function answerTag(question: Question, name: RepositoryName, tag: string): Promise<Answer> {
  const { house, call, actor } = question;
  if (call.method === "PUT") return putTag(question, name, tag);
  if (!isTag(tag)) throw new Fault("unknown", "tag", "Tag not found");
  if (call.method === "DELETE") {
    await house.tags.delete(actor, name, tag);
    return jsonAnswer(200, true);
  }
  const { imageId, isByPlatform } = await house.tags.get(actor, name, tag, platformFor(call));
  return jsonAnswer(200, imageId, { first: vary(isByPlatform) });
}

async function putTag({ house, call, actor }: Question, name: RepositoryName, tag: string): Promise<Answer> {
  if (!isTag(tag)) throw new Fault("invalid", "tag", "Invalid tag name (must match ^[\\w][\\w.-]{0,127}$)");
  const imageId = parseJson(await readBody(call, maxBytes))?.value;
  if (typeof imageId !== "string" || imageId === "") throw new Fault("invalid", "request", "Invalid data");
  if (!isImageId(imageId)) throw new Fault("unknown", "image", "Image not found");
  await house.tags.put(actor, name, tag, { imageId, info: tagInfoOf(call, house.clock.now()) });
  return jsonAnswer(200, true);
}

/** What is known of a tag; of a repository it is what is known of its `latest`. */
export async function getTagMetadata({ house, actor }: Question, name: RepositoryName, tag: string): Promise<Answer> {
  const info = isTag(tag) ? await house.tags.info(actor, name, tag) : undefined;
  return jsonAnswer(200, info ?? nothingKnown);
}

/** The machine that an image is wanted for. */
function platformFor(call: Call): Platform {
  return platformOf(call.header("user-agent"));
}

function vary(isByPlatform: boolean): readonly string[] {
  return isByPlatform ? ["Vary", "User-Agent"] : [];
}
