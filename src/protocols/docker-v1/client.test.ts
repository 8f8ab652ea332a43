// What clients say of themselves.
import { describe, expect, test } from "bun:test";
import { call } from "#http/call";
import { tagInfoOf, usesSessions } from "./client.ts";

const docker = "docker/1.5.0 go/go1.4.1 git-commit/a8a31ef kernel/3.16.0-4-AMD64 os/Linux arch/amd64";
const by = (agent: string | undefined) =>
  call("GET", "/", agent === undefined ? {} : { headers: { "user-agent": agent } });

describe("a User-Agent", () => {
  test("of Docker says what is kept with a tag", () => {
    expect<unknown>(tagInfoOf(by(docker), 1_403_610_889_999)).toEqual({
      last_update: 1_403_610_889,
      docker_version: "1.5.0",
      docker_go_version: "go1.4.1",
      arch: "amd64",
      kernel: "3.16.0-4-amd64",
      os: "linux",
    });
  });

  test("of another client says nothing", () => {
    for (const agent of [undefined, "", "curl/8.5.0", "docker", "docker/ /go"])
      expect<unknown>(tagInfoOf(by(agent), 5000)).toEqual({ last_update: 5 });
  });

  test("of Docker 0.5 and 0.6 asks for sessions, no other does", () => {
    for (const agent of ["docker/0.5.3 go/go1.1", "docker/0.6.7", "docker/0.6.7-dev"])
      expect(usesSessions(by(agent))).toBe(true);
    for (const agent of [docker, "docker/0.7.6", "docker/0.10.0", "docker/0.50", "curl/0.5.1", undefined])
      expect(usesSessions(by(agent))).toBe(false);
  });
});
