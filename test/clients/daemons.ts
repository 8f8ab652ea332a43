// Daemons that clients need, on folders and sockets of their own: nothing of the machine is touched.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { registryName } from "./certificates.ts";
import type { Programs } from "./programs.ts";

export interface Daemon {
  /** Runs the client of the daemon. */
  run(...words: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

export interface DockerDaemon extends Daemon {
  /** Starts the client and does not wait. */
  start(...words: readonly string[]): ChildProcess;
  /** From now on the daemon takes only what this authority signed, for the registry at HOST:PORT. */
  trust(registry: string, certificate: string): Promise<void>;
}

/** In a mount namespace of its own, the daemon sees our folder as /etc/docker, and our names of hosts. */
const withOwnSettings = 'mount --bind "$1" /etc/docker && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"';

/** A dockerd, and the docker that talks to it. */
export async function startDocker(programs: Programs): Promise<DockerDaemon> {
  const [settings, hosts] = [join(programs.folder, "docker-settings"), join(programs.folder, "hosts")];
  await mkdir(join(settings, "certs.d"), { recursive: true });
  await mkdir("/etc/docker", { recursive: true });
  // dockerd asks for no certificate where a name leads into 127.0.0.0/8. 0.0.0.0 leads here too.
  await writeFile(hosts, `127.0.0.1 localhost\n0.0.0.0 ${registryName}\n`);
  const inFolder = (name: string) => join(programs.folder, name);
  const host = `unix://${inFolder("docker.sock")}`;
  const places = ["--data-root", inFolder("docker"), "--exec-root", inFolder("exec"), "-p", inFolder("docker.pid")];
  const quiet = ["--iptables=false", "--bridge=none", "--storage-driver=vfs"];
  const own = ["--mount", "sh", "-c", withOwnSettings, "sh", settings, hosts];
  const run = (...words: readonly string[]) => programs.run("docker", "--host", host, ...words);
  const daemon = await start(programs, ["unshare", ...own, "dockerd", "-H", host, ...places, ...quiet], () =>
    run("version"),
  );
  return {
    run,
    start: (...words) => programs.start("docker", "--host", host, ...words),
    stop: daemon.stop,
    async trust(registry, certificate) {
      const folder = join(settings, "certs.d", registry);
      await mkdir(folder, { recursive: true });
      await copyFile(certificate, join(folder, "ca.crt"));
    },
  };
}

/** A containerd without Kubernetes, and the ctr that talks to it. */
export async function startContainerd(programs: Programs): Promise<Daemon> {
  const [config, socket] = [join(programs.folder, "containerd.toml"), join(programs.folder, "containerd.sock")];
  const settings = [
    "version = 2",
    `root = ${JSON.stringify(join(programs.folder, "root"))}`,
    `state = ${JSON.stringify(join(programs.folder, "state"))}`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
    "[grpc]",
    `address = ${JSON.stringify(socket)}`,
  ];
  await writeFile(config, `${settings.join("\n")}\n`);
  const run = (...words: readonly string[]) => programs.run("ctr", "--address", socket, ...words);
  const { stop } = await start(programs, ["containerd", "--config", config], () => run("version"));
  return { run, stop };
}

/** Starts a daemon and waits until `ask` succeeds. Throws with its log when it ends before that. */
async function start(programs: Programs, words: readonly string[], ask: () => Promise<unknown>) {
  const [program = "", ...rest] = words;
  const child = programs.start(program, ...rest);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const ended = once(child, "exit");
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`${program} ended:\n${log}`);
    const isUp = await ask().then(
      () => true,
      () => false,
    );
    if (isUp) {
      return {
        async stop() {
          child.kill("SIGTERM");
          await ended;
        },
      };
    }
    await Bun.sleep(200);
  }
  child.kill("SIGKILL");
  throw new Error(`${program} does not answer:\n${log}`);
}
