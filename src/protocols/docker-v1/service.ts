// What this server is, how it is, and what can be found on it.
import type { Answer } from "#http/answer";
import { Fault } from "#lib/fault";
import { corsHeaders, flavour, jsonAnswer, version } from "./answers.ts";
import type { Question } from "./deciding.ts";
import type { Json } from "./json.ts";

const maxResults = 1000;
const defaultPageSize = 25;
const maxPageSize = 100;
const maxPage = 1_000_000;

export function answerRoot(): Answer {
  return jsonAnswer(200, `docker-registry server (${flavour}) (v${version})`);
}

/** By the header clients know whether to send passwords or tokens. */
export function answerPing({ house }: Question): Answer {
  const isStandalone = house.mode.kind === "standalone" ? "True" : "False";
  return jsonAnswer(200, true, { first: ["X-Docker-Registry-Standalone", isStandalone] });
}

/** 503 when the database or the store does not answer. */
export async function answerStatus({ house }: Question): Promise<Answer> {
  const failure = await house.check().then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Fault) return error.message;
      throw error;
    },
  );
  const failures: Json = failure === undefined ? {} : { storage: failure };
  const value: Json = { failures, host: house.hostname, services: ["storage"] };
  return jsonAnswer(failure === undefined ? 200 : 503, value);
}

/** All that is found, as the standalone server answered; pages of it where `n` or `page` is given, as the Hub did. */
export async function search({ house, call, actor }: Question): Promise<Answer> {
  const { query } = call;
  // Clients write a space as a plus, which is a plus elsewhere; no name holds one.
  const term = (query.get("q") ?? "").replaceAll("+", " ");
  const isHub = house.mode.kind === "hub";
  const isPaged = isHub || query.has("n") || query.has("page");
  const size = isPaged ? numberOf(query.get("n"), defaultPageSize, maxPageSize) : maxResults;
  const page = isPaged ? numberOf(query.get("page"), 1, maxPage) : 1;
  const found = await house.repositories.search(actor, term, { limit: size, offset: (page - 1) * size });
  const results = found.results.map(({ name, description }) => {
    // At the Hub those of the library are called by their bare name.
    const isOfficial = isHub && name.startsWith("library/");
    return {
      description,
      is_automated: false,
      is_official: isOfficial,
      is_trusted: false,
      name: isOfficial ? name.slice("library/".length) : name,
      star_count: 0,
    };
  });
  const paging = { num_pages: Math.ceil(found.total / size), page, page_size: size };
  const value = { ...(isPaged ? paging : {}), num_results: found.total, query: term, results };
  return jsonAnswer(200, value, { after: corsHeaders });
}

/** A number from 1 to `most`; what is none is the usual one. */
function numberOf(text: string | null, usual: number, most: number): number {
  if (text === null || !/^\d{1,9}$/.test(text)) return usual;
  return Math.min(Math.max(Number(text), 1), most);
}
