// Runs client programs as a user would, each test with a home of its own, so that no setting or login leaks in.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** Where `go install` puts programs when nobody says otherwise. */
const searched = [process.env["PATH"] ?? "", join(homedir(), "go", "bin")].join(delimiter);

export interface Programs {
  /** A folder of this test; also the home of the programs. */
  readonly folder: string;
  /** Runs a program to its end and returns its standard output, trimmed. Throws with all that it said when it fails. */
  run(program: string, ...words: readonly string[]): Promise<string>;
  /** Starts a program and does not wait. */
  start(program: string, ...words: readonly string[]): ChildProcess;
  /** Removes the folder. */
  remove(): Promise<void>;
}

/** Opens a place to run programs in; `variables` are set beside those that every program gets. */
export async function openPrograms(variables: Readonly<Record<string, string>> = {}): Promise<Programs> {
  const folder = await mkdtemp(join(tmpdir(), "berth-client-"));
  const runtime = join(folder, "run");
  await mkdir(runtime, { mode: 0o700 });
  const logins = join(folder, "auth.json");
  await writeFile(logins, "{}");
  const env = {
    ...process.env,
    PATH: searched,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, ".config"),
    XDG_RUNTIME_DIR: runtime,
    DOCKER_CONFIG: join(folder, ".docker"),
    REGISTRY_AUTH_FILE: logins,
    ...variables,
  };
  const start = (program: string, ...words: readonly string[]) => {
    const path = Bun.which(program, { PATH: searched });
    if (path === null) throw new Error(`${program} is not installed: scripts/setup-clients.sh installs it`);
    return spawn(path, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  };
  return {
    folder,
    start,
    run: (program, ...words) =>
      new Promise((resolve, reject) => {
        const child = start(program, ...words);
        let out = "";
        let all = "";
        child.stdout?.setEncoding("utf8").on("data", (text: string) => {
          out += text;
          all += text;
        });
        child.stderr?.setEncoding("utf8").on("data", (text: string) => {
          all += text;
        });
        child.once("error", reject);
        child.once("close", (code, signal) => {
          if (code === 0) resolve(out.trim());
          else reject(new Error(`${[program, ...words].join(" ")}: ended with ${code ?? signal}\n${all}`));
        });
      }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
