// The servers that are measured: how each is found, configured and started. One entry each.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Certificate } from "./certificate.ts";
import type { Image } from "./content.ts";
import { openConnection } from "./load/connection.ts";
import { pushImage } from "./load/pushing.ts";
import { findProgram, pickPort, type Running, run, startServer } from "./processes.ts";

/** What a start may ask for beside the folder. */
export interface Way {
  /** Serves HTTPS with HTTP/2. */
  readonly tls?: Certificate;
  /** Writes a line for each request into a file. */
  readonly logsRequests?: boolean;
  /** Further flags of Berth. */
  readonly flags?: readonly string[];
}

export interface Server {
  readonly name: string;
  readonly version: string;
  readonly canPush: boolean;
  /** In how many rounds it is looked at, at most. */
  readonly rounds: number;
  /** Puts images under their repositories in a new `folder`. */
  fill(folder: string, images: ReadonlyMap<string, Image>): Promise<void>;
  start(folder: string, way?: Way): Promise<Running>;
}

export const tag = "v1";

interface Place extends Way {
  readonly folder: string;
  readonly port: number;
}

interface Kind {
  readonly name: string;
  readonly program: string;
  readonly hint: string;
  readonly canPush: boolean;
  readonly rounds?: number;
  readonly env?: Readonly<Record<string, string>>;
  version(program: string): Promise<string>;
  /** Writes the configuration into the folder; returns the command. */
  command(program: string, place: Place): readonly string[];
}

const root = join(import.meta.dir, "..");

/** The runtime's own HTTP server with nothing behind it, over the files of a folder. */
export function bareCommand(program: string, port: number, folder: string): readonly string[] {
  return [program, join(import.meta.dir, "load/bare.ts"), String(port), folder];
}

const kinds: readonly Kind[] = [
  {
    name: "Berth",
    program: process.execPath,
    hint: "",
    canPush: true,
    async version() {
      const manifest: unknown = await Bun.file(join(root, "package.json")).json();
      const version =
        manifest !== null && typeof manifest === "object" && "version" in manifest ? manifest.version : "";
      const commit = await run(["git", "-C", root, "describe", "--always", "--dirty"]).catch(() => "");
      return `${version} ${commit.trim()} on Bun ${Bun.version}`;
    },
    command: (program, { folder, port, tls, logsRequests = false, flags = [] }) => [
      ...[program, join(root, "src/main.ts"), "serve", "--listen", `127.0.0.1:${port}`, "--data", folder],
      ...(logsRequests ? ["--log-level", "info", "--log-format", "json"] : ["--log-level", "error"]),
      ...(tls === undefined ? [] : ["--tls-certificate", tls.certificate, "--tls-key", tls.key]),
      ...flags,
    ],
  },
  {
    name: "distribution 3",
    program: "registry3",
    hint: "build cmd/registry of github.com/distribution/distribution v3.1 and call it registry3",
    canPush: true,
    env: { OTEL_TRACES_EXPORTER: "none" },
    version: async (program) => lastWord(await run([program, "--version"])),
    command: distributionCommand,
  },
  {
    name: "distribution 2.8",
    program: "docker-registry",
    hint: "Debian's package docker-registry",
    canPush: true,
    // It is never the best of the peers.
    rounds: 1,
    version: async (program) => lastWord(await run([program, "--version"])),
    command: distributionCommand,
  },
  {
    name: "zot",
    program: "zot",
    hint: "a release of github.com/project-zot/zot, the minimal build, called zot",
    canPush: true,
    version: async (program) => /"commit":"([^"]+)"/.exec(await run([program, "--version"]))?.[1] ?? "",
    command(program, { folder, port, tls }) {
      const file = join(folder, "c.json");
      const secure = tls === undefined ? {} : { tls: { cert: tls.certificate, key: tls.key } };
      const config = {
        distSpecVersion: "1.1.1",
        storage: { rootDirectory: join(folder, "data") },
        http: { address: "127.0.0.1", port: String(port), compat: ["docker2s2"], ...secure },
        log: { level: "error" },
      };
      writeFileSync(file, JSON.stringify(config));
      return [program, "serve", file];
    },
  },
  {
    name: "nginx",
    program: "nginx",
    hint: "Debian's package nginx-light: it serves files, the limit for reads",
    canPush: false,
    version: async (program) => lastWord(await run([program, "-v"])).replace("nginx/", ""),
    command(program, place) {
      const { folder } = place;
      const file = join(folder, "nginx.conf");
      writeFileSync(file, nginxConfig(place));
      return [program, "-p", folder, "-e", "stderr", "-c", file];
    },
  },
  {
    name: "bare Bun",
    program: process.execPath,
    hint: "",
    canPush: false,
    rounds: 2,
    version: async () => `${Bun.version}, node:http with nothing behind it, files in memory: the runtime's limit`,
    command: (program, { folder, port, tls }) => [
      ...bareCommand(program, port, join(folder, "data")),
      ...(tls === undefined ? [] : [tls.certificate, tls.key]),
    ],
  },
];

function distributionCommand(program: string, { folder, port, tls }: Place): readonly string[] {
  const secure = tls === undefined ? "" : `, tls: {certificate: "${tls.certificate}", key: "${tls.key}"}`;
  const file = join(folder, "c.yml");
  const lines = [
    "version: 0.1",
    "log: {level: error, accesslog: {disabled: true}}",
    `storage: {filesystem: {rootdirectory: "${join(folder, "data")}"}, delete: {enabled: true}, cache: {blobdescriptor: inmemory}}`,
    `http: {addr: "127.0.0.1:${port}", secret: x${secure}}`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return [program, "serve", file];
}

function nginxConfig({ folder, port, tls }: Place): string {
  const secure = tls === undefined ? "" : `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key};`;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (each) => `${each}_temp_path ${folder}/temp-${each};`,
  );
  return `${process.getuid?.() === 0 ? "user root;" : ""} daemon off; pid ${folder}/pid; worker_processes 2; events { worker_connections 1024; }
http { sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000; open_file_cache max=1000; ${temporary.join(" ")}
  server { listen 127.0.0.1:${port}${tls === undefined ? "" : " ssl http2"}; ${secure} root ${folder}/data; default_type application/octet-stream; } }
`;
}

function lastWord(text: string): string {
  return text.trim().split(/\s+/).at(-1) ?? "";
}

/** The servers that are here, and a sentence for each that is not. */
export async function findServers(): Promise<{
  readonly servers: readonly Server[];
  readonly missing: readonly string[];
}> {
  const servers: Server[] = [];
  const missing: string[] = [];
  for (const kind of kinds) {
    const program = findProgram(kind.program) ?? (kind.program === process.execPath ? process.execPath : undefined);
    if (program === undefined) missing.push(`${kind.name} was left out: no program ${kind.program} (${kind.hint}).`);
    else servers.push(await openServer(kind, program));
  }
  return { servers, missing };
}

async function openServer(kind: Kind, program: string): Promise<Server> {
  const start = async (folder: string, way: Way = {}): Promise<Running> => {
    mkdirSync(join(folder, "data"), { recursive: true });
    const port = await pickPort();
    const path = kind.canPush ? "/v2/" : "/";
    const command = kind.command(program, { ...way, folder, port });
    return startServer(command, { port, cwd: folder, env: kind.env ?? {}, path, isTls: way.tls !== undefined });
  };
  return {
    name: kind.name,
    version: await kind.version(program),
    canPush: kind.canPush,
    rounds: kind.rounds ?? Number.POSITIVE_INFINITY,
    start,
    async fill(folder, images) {
      if (!kind.canPush) {
        for (const [repository, image] of images) await layOut(join(folder, "data/v2", repository), image);
        return;
      }
      const running = await start(folder);
      const connection = await openConnection(running.port);
      for (const [repository, image] of images) await pushImage(connection, repository, tag, image);
      connection.close();
      await running.stop();
    },
  };
}

/** The image as files under the paths of the protocol, in the folder of its repository. */
async function layOut(base: string, image: Image): Promise<void> {
  mkdirSync(join(base, "manifests"), { recursive: true });
  mkdirSync(join(base, "blobs"), { recursive: true });
  for (const reference of [tag, image.digest]) writeFileSync(join(base, "manifests", reference), image.manifest);
  for (const { digest, parts } of [image.config, ...image.layers]) {
    const file = Bun.file(join(base, "blobs", digest)).writer();
    for (const part of parts()) {
      file.write(part);
      await file.flush();
    }
    await file.end();
  }
}
