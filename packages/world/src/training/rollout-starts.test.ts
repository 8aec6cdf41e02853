// Starts hold exactly the frames and actions of their place.
import { expect, test } from "vitest";
import type { TrainingEpisode } from "./episodes.js";
import { rolloutStarts } from "./rollout-starts.js";

/** Frames of 1x1 pixels whose value is their number; action t is [t, -t]. */
function episode(name: string, frames: number): TrainingEpisode {
  const bytes = Uint8Array.from({ length: frames * 3 }, (_, i) => Math.floor(i / 3));
  return {
    ...{ name, frames, height: 1, width: 1, actionDim: 2 },
    actions_TA: Float32Array.from({ length: frames * 2 }, (_, i) => (i % 2 === 0 ? i / 2 : -(i - 1) / 2)),
    readFrames: () => {
      throw new Error("not needed");
    },
    readClip: (start, count) => Promise.resolve(bytes.slice(start * 3, (start + count) * 3)),
  };
}

const pixels = (bytes: Uint8Array): number[] => [...bytes].filter((_, i) => i % 3 === 0);

test("known frames, true continuation and actions belong together, and are the same every time", async () => {
  const episodes = [episode("a", 12), episode("short", 4), episode("b", 30)];
  const starts = await rolloutStarts(episodes, { clips: 4, contextFrames: 2, frames: 3 });
  expect(starts.map(({ source, frame }) => `${source} ${frame}`)).toEqual(["a 6", "b 6", "b 15", "b 23"]);
  for (const { frame, context_THWC, truth_THWC, actions_TA } of starts) {
    expect(pixels(context_THWC)).toEqual([frame - 2, frame - 1]);
    expect(pixels(truth_THWC)).toEqual([frame, frame + 1, frame + 2]);
    expect([...actions_TA]).toEqual([2, 1, 0, -1].flatMap((back) => [frame - back, -(frame - back)]));
  }
});

test("clips longer than every episode are refused, and the signal ends the reading", async () => {
  const options = { clips: 1, contextFrames: 1, frames: 9 };
  await expect(rolloutStarts([episode("a", 5)], options)).rejects.toThrow(/clip length that some episode reaches/);
  await expect(rolloutStarts([episode("a", 50)], { ...options, signal: AbortSignal.abort() })).rejects.toThrow();
});
