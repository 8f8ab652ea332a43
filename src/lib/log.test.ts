// Lines of the log as another process sees them: on standard error, also when nothing more can be opened.
import { expect, test } from "bun:test";
import { join } from "node:path";

const load = `import { openLog } from ${JSON.stringify(join(import.meta.dir, "log.ts"))};`;

/** What a program writes on standard error, which may open 256 files. */
async function runProgram(text: string): Promise<string> {
  const limited = 'ulimit -n 256 && exec "$0" -e "$1"';
  const child = Bun.spawn(["sh", "-c", limited, process.execPath, text], { stderr: "pipe" });
  const written = await new Response(child.stderr).text();
  await child.exited;
  return written;
}

test("a line is one of JSON, with its level, its time and its fields", async () => {
  const lines = await runProgram(`${load}
    const log = openLog("warn", "json");
    log.info({ a: 1 }, "nobody wants it");
    log.error({ err: new Error("why") }, "what");`);
  const { level, time, err, msg } = JSON.parse(lines);
  expect({ level, message: err.message, msg }).toEqual({ level: 50, message: "why", msg: "what" });
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test("the last words are written although the process ends with them", async () => {
  const lines = await runProgram(`${load}
    openLog("error", "json").fatal({}, "the end");
    process.exit(1);`);
  expect(lines).toContain('"msg":"the end"');
});

test("the first line of a server that has no descriptor left is written", async () => {
  const lines = await runProgram(`${load}
    import { openSync } from "node:fs";
    const log = openLog("error", "json");
    await Bun.sleep(1000);
    try {
      for (;;) openSync("/dev/null", "r");
    } catch (error) {
      log.error({ code: error.code }, "no more");
    }`);
  expect(lines).toContain('"msg":"no more"');
});

test("a silent log writes nothing", async () => {
  expect(await runProgram(`${load} openLog("silent", "json").fatal({}, "nothing");`)).toBe("");
});
