// Who goes with whom.
import { expect, test } from "bun:test";
import { openGathering } from "./gathering.ts";

/** Groups that end when they are told to; what each was. */
function openGroups() {
  const late = Promise.withResolvers<void>();
  const groups: { readonly members: readonly string[]; end(): void }[] = [];
  const gather = openGathering<string>(async (members) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    groups.push({ members, end: resolve });
    await promise;
    return members.map(async (member) => {
      if (member === "bad") throw new RangeError(member);
      if (member === "late") await late.promise;
      return `${member} is done`;
    });
  });
  const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
  return { groups, gather, turn, late, listed: () => groups.map(({ members }) => members) };
}

test("those that come in one turn go together, and those that come meanwhile are the next group", async () => {
  const { groups, gather, turn, listed } = openGroups();
  const answers = [gather({ member: "a", apart: ["1"] }), gather({ member: "b", apart: ["2"] })];
  await turn();
  answers.push(gather({ member: "c", apart: ["1"] }), gather({ member: "d", apart: [] }));
  await turn();
  expect(listed()).toEqual([["a", "b"]]);
  groups[0]?.end();
  await turn();
  expect(listed()).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
  groups[1]?.end();
  expect(await Promise.all(answers)).toEqual(["a is done", "b is done", "c is done", "d is done"]);
});

test("those that share a name do not meet, and keep their order", async () => {
  const { groups, gather, turn, listed } = openGroups();
  const all = [
    { member: "a", apart: ["x"] },
    { member: "b", apart: ["x", "y"] },
    { member: "c", apart: ["y"] },
    { member: "d", apart: ["z"] },
  ];
  const answers = Promise.all(all.map(gather));
  for (let i = 0; i < 3; i++) {
    await turn();
    groups[i]?.end();
  }
  await answers;
  expect(listed()).toEqual([["a", "d"], ["b"], ["c"]]);
});

test("one that fails answers for itself, and the next group goes", async () => {
  const { groups, gather, turn } = openGroups();
  const outcomes = Promise.allSettled(["bad", "good"].map((member) => gather({ member, apart: [member] })));
  await turn();
  const next = gather({ member: "next", apart: [] });
  groups[0]?.end();
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  await turn();
  groups[1]?.end();
  expect(await next).toBe("next is done");
});

test("one whose answer comes later holds up nobody", async () => {
  const { groups, gather, turn, late } = openGroups();
  const order: string[] = [];
  const last = gather({ member: "late", apart: ["late"] }).then(() => order.push("late"));
  await turn();
  groups[0]?.end();
  const next = gather({ member: "next", apart: ["next"] }).then(() => order.push("next"));
  await turn();
  groups[1]?.end();
  await next;
  late.resolve();
  await last;
  expect(order).toEqual(["next", "late"]);
});
