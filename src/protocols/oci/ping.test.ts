// Who is told that /v2/ is there, and who is to speak v1.
import { expect, test } from "bun:test";
import { call } from "#http/call";
import { guard } from "#http/guard";
import { silentLog } from "#lib/log";
import { openTestRegistry } from "#registry/testing";
import { ociErrors, openOciDoor } from "./index.ts";

const hidden = [
  "docker/1.5.0 go/go1.4.1 git-commit/a8a31ef kernel/3.16.0 os/linux arch/amd64",
  "docker/1.6.2 go/go1.4.2 git-commit/7c8fca2 kernel/3.16.0 os/linux arch/amd64",
  "docker/1.7.1",
  "docker/1.8.3",
  "docker/1.9.1 go/go1.4.3",
  "docker/1.9",
  "docker/1.9-dev",
  "Go 1.1 package http",
];
const shown = [
  undefined,
  "",
  "docker/1.4.1",
  "docker/1.10.0 go/go1.5.3",
  "docker/1.50.0",
  "docker/17.05.0-ce",
  "docker/27.1.2 go/go1.21.13 git-commit/f9522e5 UpstreamClient(Docker-Client/1.5.0)",
  "notdocker/1.5.0",
  "Go 1.1 package http 2",
  "Go-http-client/1.1",
  "go-containerregistry/v0.20.2",
];

async function openPing() {
  const house = await openTestRegistry();
  const door = guard(openOciDoor(house.registry), ociErrors, silentLog);
  const ping = (method: string, path: string, agent: string | undefined) =>
    door(call(method, path, agent === undefined ? {} : { headers: { "user-agent": agent } }));
  return { ping, remove: house.remove };
}

test("Docker 1.5 to 1.9 find no /v2/, everybody else does", async () => {
  const { ping, remove } = await openPing();
  for (const method of ["GET", "HEAD"]) {
    for (const path of ["/v2/", "/v2"]) {
      for (const agent of hidden) {
        const { status, headers } = await ping(method, path, agent);
        expect({ agent, status }).toEqual({ agent, status: 404 });
        expect(headers).not.toContain("Docker-Distribution-Api-Version");
        expect(headers).toContain("nosniff");
      }
      for (const agent of shown) {
        const { status, headers } = await ping(method, path, agent);
        expect({ agent, status }).toEqual({ agent, status: 200 });
        expect(headers).toContain("Docker-Distribution-Api-Version");
      }
    }
  }
  await remove();
});
