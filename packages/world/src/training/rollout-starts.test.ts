// Starts hold exactly the frames and actions of their place, whatever the pieces in which episodes are read.
import { expect, test } from "vitest";
import type { TrainingEpisode } from "./episodes.js";
import { rolloutStarts } from "./rollout-starts.js";

/** Frames of 1x1 pixels whose value is their number; action t is [t, -t]. */
function episode(name: string, frames: number, piece: number, read: number[] = []): TrainingEpisode {
  return {
    ...{ name, frames, height: 1, width: 1, actionDim: 2 },
    actions_TA: Float32Array.from({ length: frames * 2 }, (_, i) => (i % 2 === 0 ? i / 2 : -(i - 1) / 2)),
    async *readFrames() {
      for (let start = 0; start < frames; start += piece) {
        const count = Math.min(piece, frames - start);
        read.push(start);
        yield await Promise.resolve({
          data: Uint8Array.from({ length: count * 3 }, (_, i) => start + Math.floor(i / 3)),
          frames: count,
        });
      }
    },
  };
}

const pixels = (bytes: Uint8Array): number[] => [...bytes].filter((_, i) => i % 3 === 0);

test("known frames, true continuation and actions belong together, and are the same every time", async () => {
  for (const piece of [1, 3, 100]) {
    const episodes = [episode("a", 12, piece), episode("short", 4, piece), episode("b", 30, piece)];
    const starts = await rolloutStarts(episodes, { clips: 4, contextFrames: 2, frames: 3 });
    expect(starts.map(({ source, frame }) => `${source} ${frame}`)).toEqual(["a 6", "b 6", "b 15", "b 23"]);
    for (const { frame, context_THWC, truth_THWC, actions_TA } of starts) {
      expect(pixels(context_THWC)).toEqual([frame - 2, frame - 1]);
      expect(pixels(truth_THWC)).toEqual([frame, frame + 1, frame + 2]);
      expect([...actions_TA]).toEqual([2, 1, 0, -1].flatMap((back) => [frame - back, -(frame - back)]));
    }
  }
});

test("no more of an episode is read than its last clip needs", async () => {
  const read: number[] = [];
  await rolloutStarts([episode("a", 100, 10, read)], { clips: 1, contextFrames: 1, frames: 2 });
  expect(Math.max(...read)).toBe(50);
});

test("clips longer than every episode are refused, and the signal ends the reading", async () => {
  const options = { clips: 1, contextFrames: 1, frames: 9 };
  await expect(rolloutStarts([episode("a", 5, 5)], options)).rejects.toThrow(/clip length that some episode reaches/);
  await expect(rolloutStarts([episode("a", 50, 5)], { ...options, signal: AbortSignal.abort() })).rejects.toThrow();
});
