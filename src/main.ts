// argv to a command.
import { Fault } from "#lib/fault";
import { openProgram } from "./cli/index.ts";

try {
  await openProgram().parseAsync();
} catch (error) {
  process.stderr.write(
    `berth: ${error instanceof Fault ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
}
