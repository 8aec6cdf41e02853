// The tree of frames: branches, ways through it, and that it agrees with the parents it was told.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Timeline, createTimeline } from "./timeline.js";

/** Nodes 0, 1, 2, ...; `parents` of those from 1 on. */
function timelineOf(parents: readonly number[]): Timeline {
  const timeline = createTimeline();
  timeline.add({ node: 0, frame: 0 });
  parents.forEach((parent, i) => timeline.add({ node: i + 1, parent, frame: (timeline.get(parent)?.frame ?? 0) + 1 }));
  return timeline;
}

describe("a session that went back once", () => {
  // 0 1 2 3 4, then 5 6 from 2
  const timeline = timelineOf([0, 1, 2, 3, 2, 5]);

  test("has two branches", () => {
    expect(timeline.branches).toEqual([
      { id: 0, parent: undefined, firstFrame: 0, nodes: [0, 1, 2, 3, 4] },
      { id: 1, parent: 0, firstFrame: 3, nodes: [5, 6] },
    ]);
  });

  test("finds frames on the way to each of them", () => {
    expect([0, 1, 2, 3, 4, 5].map((frame) => timeline.at(1, frame))).toEqual([0, 1, 2, 5, 6, undefined]);
    expect(timeline.at(0, 4)).toBe(4);
    expect(timeline.tip(1)).toBe(6);
  });

  test("knows how far each part of a way goes", () => {
    expect(timeline.way(1).map(({ branch, lastFrame }) => [branch.id, lastFrame])).toEqual([
      [0, 2],
      [1, 4],
    ]);
  });
});

test("a node that is told twice is one node, and gets what was not known", () => {
  const timeline = timelineOf([0]);
  timeline.add({ node: 1, parent: 0, frame: 1, action: [1] });
  expect(timeline.size).toBe(2);
  expect(timeline.get(1)).toEqual({ node: 1, parent: 0, frame: 1, action: [1] });
});

test("a server that came back from an older save has lost what came after it, also where its numbers are used again", () => {
  const before = timelineOf([0, 1, 2, 3]);
  expect(before.lostIn(timelineOf([0, 1, 2, 3, 4]))).toBe(0);
  expect(before.lostIn(timelineOf([0, 1]))).toBe(2);
  expect(before.lostIn(timelineOf([0, 1, 1, 3]))).toBe(2); // 3 and 4 are others now
  const acted = timelineOf([0]);
  acted.add({ node: 2, parent: 1, frame: 2, action: [1] });
  const otherwise = timelineOf([0]);
  otherwise.add({ node: 2, parent: 1, frame: 2, action: [0] });
  expect(acted.lostIn(otherwise)).toBe(1);
  expect(acted.lostIn(acted)).toBe(0);
});

test("an action is the same as a frame carries it and as the server lists it", () => {
  const [carried, listed] = [timelineOf([]), timelineOf([])];
  carried.add({ node: 1, parent: 0, frame: 1, action: [Math.fround(0.4)] });
  listed.add({ node: 1, parent: 0, frame: 1, action: [0.4] });
  expect(carried.lostIn(listed)).toBe(0);
});

test("any tree: the way to a branch is the way of parents from its end", () => {
  const trees = fc.array(fc.nat(), { maxLength: 60 }).map((seeds) => seeds.map((seed, i) => seed % (i + 1)));
  fc.assert(
    fc.property(trees, (parents) => {
      const timeline = timelineOf(parents);
      for (const { id } of timeline.branches) {
        let node = timeline.tip(id);
        for (let frame = timeline.get(node ?? 0)?.frame ?? 0; frame >= 0; frame--) {
          expect(timeline.at(id, frame)).toBe(node);
          node = timeline.get(node ?? 0)?.parent;
        }
      }
      expect(timeline.branches.flatMap(({ nodes }) => nodes).length).toBe(parents.length + 1);
    }),
  );
});
