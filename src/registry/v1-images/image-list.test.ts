// The list of a push: read, merged as the server of 2014 did, and bounded.
import { describe, expect, test } from "bun:test";
import { addToImageList, mergeImageLists, readImageList, tagsOfList } from "./image-list.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const text = (list: Uint8Array) => new TextDecoder().decode(list);
const ids = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ id: `i${from + i}` }));

describe("the list of images of a repository", () => {
  test("is the first list, byte for byte", () => {
    const first = new TextEncoder().encode('[ {"Tag":"a",  "id":"1"} ]');
    expect(mergeImageLists(null, first)).toBe(first);
    expect(addToImageList(first, ["1"])).toBe(first);
  });

  test("has what came last in front, keeps checksums and drops tags", () => {
    const known = bytes([{ id: "1", checksum: "c1" }, { id: "2" }]);
    const incoming = bytes([{ id: "3", Tag: "t" }, { id: "1" }, { id: "2", checksum: "c2" }]);
    expect(text(mergeImageLists(known, incoming))).toBe(
      '[{"id": "3"}, {"checksum": "c1", "id": "1"}, {"checksum": "c2", "id": "2"}]',
    );
  });

  test("does not replace a checksum that it has", () => {
    const merged = mergeImageLists(bytes([{ id: "1", checksum: "old" }]), bytes([{ id: "1", checksum: "new" }]));
    expect(text(merged)).toBe('[{"checksum": "new", "id": "1"}]');
  });

  test("is written in ASCII", () => {
    expect(text(mergeImageLists(bytes([]), bytes([{ id: "é😀" }])))).toBe('[{"id": "\\u00e9\\ud83d\\ude00"}]');
  });

  test("gets the ids that it lacks at its end", () => {
    expect(text(addToImageList(bytes([{ id: "1" }]), ["2", "1"]))).toBe('[{"id": "1"}, {"id": "2"}]');
    expect(text(addToImageList(null, []))).toBe("[]");
  });

  test("grows past what one push may name, up to a bound, and is read all the same", () => {
    const first = mergeImageLists(bytes(ids(0, 20_000)), bytes(ids(20_000, 20_000)));
    const second = mergeImageLists(first, bytes(ids(40_000, 20_000)));
    const kept: { id: string }[] = JSON.parse(text(second));
    expect(kept).toHaveLength(50_000);
    expect(kept[0]?.id).toBe("i40000");
    expect(text(addToImageList(second, ["more"]))).toEndWith('{"id": "more"}]');
  });

  test("is refused when one push names too many", () => {
    expect(() => readImageList(bytes(ids(0, 20_001)))).toThrow("Invalid data");
  });

  for (const [sent, words] of [
    ["{", "Error Decoding JSON"],
    ["{}", "Invalid data"],
    ['"x"', "Invalid data"],
    ["[1]", "Invalid data"],
    ['[{"id":1}]', "Invalid data"],
    ["[null]", "Invalid data"],
  ] as const) {
    test(`refuses ${sent}`, () => {
      expect(() => readImageList(new TextEncoder().encode(sent))).toThrow(words);
    });
  }

  test("says which image a tag is for: the last that has it", () => {
    const entries = readImageList(
      bytes([{ id: "1", Tag: "a" }, { id: "2", Tag: "a" }, { id: "3" }, { id: "3", Tag: "__proto__" }]),
    );
    const tags = tagsOfList(entries);
    expect(JSON.stringify(tags)).toBe('{"a":"2","__proto__":"3"}');
    expect(tagsOfList([])).toBeNull();
  });
});
