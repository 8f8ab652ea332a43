// cosign with a key of its own: signatures and attestations, in tags and as referrers, without the network.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failureOf } from "../failure.ts";
import { startServer, type TestServer } from "../server.ts";
import { makeLayout } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let server: TestServer;
let programs: Programs;

/** Whoever it asks beside this machine, nobody answers. */
const nobody = "http://127.0.0.1:1";

beforeAll(async () => {
  const offline = { HTTP_PROXY: nobody, HTTPS_PROXY: nobody, NO_PROXY: "127.0.0.1" };
  programs = await openPrograms({ COSIGN_PASSWORD: "", COSIGN_EXPERIMENTAL: "1", ...offline });
  server = await startServer();
  await cosign("generate-key-pair");
  await cosign("generate-key-pair", "--output-key-prefix", "other");
  await cosign("trusted-root", "create", "--out", join(programs.folder, "root.json"));
  await writeFile(join(programs.folder, "predicate.json"), '{"built":"here"}');
});

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const http = "--allow-http-registry";
const cosign = (...words: string[]) => programs.run("cosign", ...words);
const crane = (...words: string[]) => programs.run("crane", ...words);
const at = (reference: string) => `${server.address}/${reference}`;
const signing = [http, "--yes", "--tlog-upload=false", "--key", "cosign.key"];
const verifying = [http, "--insecure-ignore-tlog", "--key", "cosign.pub"];

interface Pushed {
  /** `NAME@DIGEST` */
  readonly reference: string;
  readonly digest: string;
  /** What a tag that stands for the digest begins with. */
  readonly prefix: string;
}

async function pushImage(name: string): Promise<Pushed> {
  const { path, digest } = await makeLayout(programs, name, [300_000]);
  await crane("push", path, at(`cosign/${name}:1`));
  return { reference: at(`cosign/${name}@${digest}`), digest, prefix: digest.replace(":", "-") };
}

test("An image is signed and verified, and what nobody or somebody else signed is not", async () => {
  const { reference, digest, prefix } = await pushImage("signed");
  expect(await failureOf(cosign("verify", ...verifying, reference))).toContain("no signatures found");
  await cosign("sign", ...signing, reference);
  expect(await cosign("verify", ...verifying, at("cosign/signed:1"))).toContain(digest);
  const others = [http, "--insecure-ignore-tlog", "--key", "other.pub"];
  expect(await failureOf(cosign("verify", ...others, reference))).toContain("no matching signatures");
  expect(await cosign("triangulate", http, reference)).toBe(at(`cosign/signed:${prefix}.sig`));
  expect(await cosign("tree", http, reference)).toContain(`${prefix}.sig`);
  await record("cosign", "sign and verify");
}, 60_000);

test("A signature that was made elsewhere is attached, and verified", async () => {
  const { reference, digest } = await pushImage("attached");
  const [payload, signature] = [join(programs.folder, "payload.json"), join(programs.folder, "signature")];
  await writeFile(payload, await cosign("generate", http, reference));
  const offline = ["--yes", "--tlog-upload=false", "--key", "cosign.key"];
  await cosign("sign-blob", ...offline, "--output-signature", signature, payload);
  await cosign("attach", "signature", http, "--payload", payload, "--signature", signature, reference);
  expect(await cosign("verify", ...verifying, reference)).toContain(digest);
  await record("cosign", "attach");
}, 60_000);

test("An attestation is pushed, verified, and copied and cleaned away with its image", async () => {
  const { reference, prefix } = await pushImage("attested");
  await cosign("sign", ...signing, reference);
  await cosign("attest", ...signing, "--type", "custom", "--predicate", "predicate.json", reference);
  const verified = await cosign("verify-attestation", ...verifying, "--type", "custom", reference);
  expect(JSON.parse(verified).payloadType).toBe("application/vnd.in-toto+json");
  await cosign("copy", http, at("cosign/attested:1"), at("cosign/copied:1"));
  await cosign("verify", ...verifying, at("cosign/copied:1"));
  expect(await crane("ls", at("cosign/copied"))).toContain(`${prefix}.att`);
  await cosign("clean", "--force", http, at("cosign/copied:1"));
  expect(await crane("ls", at("cosign/copied"))).not.toMatch(/\.(?:att|sig)$/m);
  await record("cosign", "copy with digest tags", "delete a tag");
}, 60_000);

test("A signature that refers to its image needs no tag", async () => {
  const { reference, digest } = await pushImage("referred");
  await cosign("sign", ...signing, "--registry-referrers-mode", "oci-1-1", reference);
  expect(await cosign("verify", ...verifying, "--experimental-oci11", reference)).toContain(digest);
  expect(await crane("ls", at("cosign/referred"))).toBe("1");
}, 60_000);

test("A bundle is found through the referrers of its image, and verified", async () => {
  const { reference, digest } = await pushImage("bundled");
  await cosign("sign", ...signing, "--new-bundle-format", reference);
  const bundles = ["--new-bundle-format", "--trusted-root", "root.json"];
  expect(await cosign("verify", ...verifying, ...bundles, reference)).toContain(digest);
  const response = await fetch(`${server.url}/v2/cosign/bundled/referrers/${digest}`);
  expect(await response.text()).toContain("application/vnd.dev.sigstore.bundle.v0.3+json");
  expect(await crane("ls", at("cosign/bundled"))).toBe("1");
  await record("cosign", "list referrers");
}, 60_000);
