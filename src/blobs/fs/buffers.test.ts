// Buffers that are used again: what was lent comes back once, and nothing else does.
import { describe, expect, test } from "bun:test";
import { openBuffers } from "./buffers.ts";

describe("buffers", () => {
  test("a buffer that was taken back is lent again", () => {
    const buffers = openBuffers(1024, 2);
    const first = buffers.lend();
    buffers.takeBack(first);
    expect(buffers.lend().buffer).toBe(first.buffer);
  });

  test("a buffer that nobody took back is not lent again", () => {
    const buffers = openBuffers(1024, 2);
    expect(buffers.lend().buffer).not.toBe(buffers.lend().buffer);
  });

  test("a buffer that is taken back twice is lent to one only", () => {
    const buffers = openBuffers(1024, 2);
    const first = buffers.lend();
    buffers.takeBack(first);
    buffers.takeBack(first);
    expect(buffers.lend().buffer).not.toBe(buffers.lend().buffer);
  });

  test("what was not lent here, and a part of what was, are left alone", () => {
    const buffers = openBuffers(1024, 2);
    const stranger = Buffer.allocUnsafeSlow(1024);
    const lent = buffers.lend();
    buffers.takeBack(stranger);
    buffers.takeBack(lent.subarray(0, 512));
    const next = [buffers.lend().buffer, buffers.lend().buffer];
    expect(next).not.toContain(stranger.buffer);
    expect(next).not.toContain(lent.buffer);
  });

  test("no more than a few are kept", () => {
    const buffers = openBuffers(1024, 1);
    const [first, second] = [buffers.lend(), buffers.lend()];
    buffers.takeBack(first);
    buffers.takeBack(second);
    expect(buffers.lend().buffer).toBe(first.buffer);
    expect(buffers.lend().buffer).not.toBe(second.buffer);
  });
});
