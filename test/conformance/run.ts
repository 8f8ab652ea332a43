// The conformance suite of the OCI Distribution Spec, each time against a fresh server on an empty store.
// https://github.com/opencontainers/distribution-spec/tree/main/conformance
// `bun test/conformance/run.ts [NAME…]` runs the cases named, or all. It needs Go, which builds the suite, and PostgreSQL 15.
import { execFile } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCluster } from "../postgres/cluster.ts";
import { startServer } from "../server.ts";
import { complaintsAbout, type Expected, readCounts } from "./summary.ts";

const suite = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111";

interface Case extends Expected {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly flags: readonly string[];
}

// Version 1.1 has no cancelling of uploads: two of its tests are switched off by its configuration.
const suites: readonly Omit<Case, "flags">[] = [
  { name: "1.1", settings: { OCI_VERSION: "1.1" }, disabled: 2 },
  { name: "dev", settings: { OCI_VERSION: "dev" }, disabled: 0 },
];

/** Every suite, with whole and with sparse content, on a server started with `flags`. */
function casesOn(place: string, flags: readonly string[]): Case[] {
  return suites.flatMap(({ name, settings, ...rest }) => [
    { ...rest, name: `${name} ${place}`, settings, flags },
    {
      ...rest,
      name: `${name} sparse ${place}`,
      settings: { ...settings, OCI_DATA_SPARSE: "true" },
      flags: [...flags, "--manifests-missing", "any"],
    },
  ]);
}

interface Ran {
  readonly code: number | string | null;
  readonly output: string;
}

function run(command: string, args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Ran> {
  return new Promise((done) => {
    const env = { ...process.env, ...environment };
    execFile(command, args, { env, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : (error.code ?? null), output: `${stdout}${stderr}` });
    });
  });
}

async function build(folder: string): Promise<string> {
  const { code, output } = await run("go", ["install", suite], { GOBIN: folder });
  if (code !== 0) throw new Error(`the conformance suite could not be built (is Go installed?):\n${output}`);
  return join(folder, "conformance");
}

/** Runs one case; returns how many tests passed and what is wrong, if anything is. */
async function runCase(program: string, { name, settings, flags, disabled }: Case, folder: string) {
  const server = await startServer({ flags: ["--log-level", "warn", ...flags] });
  try {
    const results = join(folder, name);
    const { code, output } = await run(program, [], {
      OCI_REGISTRY: server.address,
      OCI_TLS: "disabled",
      OCI_RESULTS_DIR: results,
      ...settings,
    });
    const counts = readCounts(output);
    // With a wrong configuration the program ends with 0 and without a report.
    const hasReport = await access(join(results, "results.yaml")).then(
      () => true,
      () => false,
    );
    const complaints = [
      ...(code === 0 ? [] : [`the suite ended with ${code}`]),
      ...(hasReport ? [] : [`the suite wrote no report:\n${output.slice(0, 2000)}`]),
      ...complaintsAbout(output, { disabled }),
    ];
    return { passed: counts?.pass ?? 0, complaints };
  } finally {
    await server.stop();
  }
}

const wanted = process.argv.slice(2);
const cluster = await openCluster();
const folder = await mkdtemp(join(tmpdir(), "berth-conformance-"));
let passed = 0;
let failed = 0;
try {
  const program = await build(folder);
  const cases = [
    ...casesOn("on SQLite", []),
    ...casesOn("with two workers", ["--workers", "2"]),
    ...casesOn("on PostgreSQL", []),
  ];
  for (const each of cases.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const database = each.name.endsWith("PostgreSQL") ? ["--database", await cluster.makeDatabase()] : [];
    const result = await runCase(program, { ...each, flags: [...each.flags, ...database] }, folder);
    passed += result.passed;
    failed += result.complaints.length;
    const verdict = result.complaints.length === 0 ? "" : `\n  ${result.complaints.join("\n  ")}`;
    process.stdout.write(`OCI conformance ${each.name}: ${result.passed} tests passed${verdict}\n`);
  }
} finally {
  await cluster.remove();
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
