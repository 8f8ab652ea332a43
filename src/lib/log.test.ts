// Lines of the log as another process sees them: on standard error, also when nothing more can be opened.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openGathering } from "./log.ts";

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

test("lines are written at once; while they are many, those of ten milliseconds together, in order", async () => {
  const written: string[] = [];
  const stream = openGathering({ write: (text) => void written.push(text) });
  let count = 0;
  const say = (lines: number) => {
    for (let i = 0; i < lines; i++) stream.write(`${count++}\n`);
  };
  say(60);
  expect(written.length).toBe(60);
  await Bun.sleep(15);
  say(1000);
  expect(written.length).toBeLessThan(70);
  // After the period that was still full, one that is not. One sleep after the other: a busy machine may end all that is due at once.
  for (let i = 0; i < 4; i++) await Bun.sleep(15);
  say(1);
  expect(written.at(-1)).toBe("1060\n");
  expect(written.join("")).toBe(Array.from({ length: 1061 }, (_, i) => `${i}\n`).join(""));
});

test("what waits is written when it is long, and when the program ends", async () => {
  const lines = await runProgram(`${load}
    const log = openLog("info", "json");
    log.load();
    for (let i = 0; i < 60; i++) log.line(String(i));
    await Bun.sleep(12);
    for (let i = 60; i < 20_000; i++) log.line(String(i));
    process.exit();`);
  expect(lines).toBe(Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join(""));
});

test("a silent log writes nothing", async () => {
  expect(await runProgram(`${load} openLog("silent", "json").fatal({}, "nothing");`)).toBe("");
});
