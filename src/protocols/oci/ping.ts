// GET /v2/: that the door is there. Docker 1.5 to 1.9 are not told: they know signed schema 1 only, and once they believe in
// /v2/ a push does not fall back. Where they find no /v2/ they speak v1, which the docker-v1 door serves.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support
import { type Answer, json } from "#http/answer";
import type { Call } from "#http/call";
import { commonHeaders, versionHeader } from "./errors.ts";

/** Docker 1.5 to 1.9 by their words. The ping of 1.5 has only the name of its HTTP library. */
const older = /(?:^|\s)docker\/1\.[5-9](?!\d)|^Go 1\.1 package http$/;

export function answerPing(call: Call): Answer {
  if (!older.test(call.header("user-agent") ?? "")) return json(200, {}, commonHeaders);
  return json(404, {}, commonHeaders.slice(versionHeader.length));
}
