// Reads what the conformance suite prints: a tree of tests, then counts.

export interface Counts {
  readonly pass: number;
  readonly fail: number;
  readonly error: number;
  readonly skip: number;
  readonly disabled: number;
}

export interface Expected {
  /** How many tests the suite itself switches off. */
  readonly disabled: number;
}

/** The counts at the end of the output; undefined when there are none. */
export function readCounts(output: string): Counts | undefined {
  const count = (name: string) => {
    const text = new RegExp(`^\\s*${name}\\.+:\\s+(\\d+)\\s*$`, "im").exec(output)?.[1];
    return text === undefined ? undefined : Number(text);
  };
  const [pass, fail, error] = [count("Pass"), count("FAIL"), count("Error")];
  const [skip, disabled] = [count("Skip"), count("Disabled")];
  if (pass === undefined || fail === undefined || error === undefined) return undefined;
  if (skip === undefined || disabled === undefined) return undefined;
  return { pass, fail, error, skip, disabled };
}

/** What is wrong with a run: each test that failed or was skipped, and counts that are not as they should be. */
export function complaintsAbout(output: string, { disabled }: Expected): string[] {
  const counts = readCounts(output);
  if (counts === undefined) return [`the suite printed no counts:\n${output.slice(-2000)}`];
  const tests = [...output.matchAll(/^\s+OCI Conformance Test\/(.+): (FAIL|Error|Skip)$/gim)];
  const complaints = tests.map(({ 1: name, 2: status }) => `${name}: ${status}`);
  if (counts.fail + counts.error + counts.skip > 0 && complaints.length === 0) {
    complaints.push(`${counts.fail} failed, ${counts.error} ended in an error, ${counts.skip} were skipped`);
  }
  if (counts.disabled !== disabled) complaints.push(`${counts.disabled} tests were switched off, not ${disabled}`);
  if (counts.pass === 0) complaints.push("no test passed");
  return complaints;
}
