// Rollouts with toy networks: what the network is shown, that the answer is found, and that time and memory behave.
import { Generator, type Tensor, liveTensors, randn, scope, stack, zerosLike } from "@vid2world/torch";
import { expect, test } from "vitest";
import type { Conditioning, Network } from "./denoiser.js";
import type { FrameSettings } from "./frame-sampling.js";
import { atLevels } from "./level-tables.js";
import { seededNoise } from "./noise.js";
import { velocityFromX0 } from "./parameterization.js";
import { type RolloutStart, rollout, rolloutFrames, sampleClip } from "./rollout.js";
import { type SamplerConfig, samplerSchema } from "./samplers/sampler-config.js";
import { noiseSchedule } from "./schedule.js";

const schedule = noiseSchedule();
const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array, Number);
const draw = (seed: number, shape: number[]): Tensor => randn(shape, { generator: new Generator({ seed }) });
const start: RolloutStart = { latents_BTCHW: draw(1, [2, 2, 4, 3, 3]), actions_BTA: draw(2, [2, 12, 3]), numFrames: 6 };

function settings(sampler: Partial<SamplerConfig> = {}, changes: Partial<FrameSettings> = {}): FrameSettings {
  const config = samplerSchema.parse({ numSteps: 5, ...sampler });
  return { schedule, sampler: config, windowLength: 4, noise: seededNoise([7, 8]), ...changes };
}

/** The world it knows: each frame is the one before plus the first number of the action that led to it (history arrives noised). */
const counting: Network = (x, levels_BT, { actions_BTA, concat_BTCHW }) => {
  const [b, t] = x.dims("B T C H W");
  const sum = (actions_BTA as Tensor).narrow(2, 0, 1).cumsum(1).reshape([b, t, 1, 1, 1]);
  const x0 = (concat_BTCHW as Tensor).add(sum).mul(atLevels(schedule, "scale", levels_BT));
  return velocityFromX0(schedule, x, x0, levels_BT);
};

/** What `counting` must give. */
function expected(frames: number): Tensor {
  const { latents_BTCHW, actions_BTA } = start;
  const all = [latents_BTCHW.select(1, 0), latents_BTCHW.select(1, 1)];
  // The first window starts at frame 0: its frame 1 is not what the network would have said, only new frames are.
  for (let frame = 2; frame < frames; frame++) {
    const first = Math.max(0, frame - 3);
    const sum = (actions_BTA as Tensor)
      .narrow(1, first, frame - first)
      .narrow(2, 0, 1)
      .sum([1]);
    all.push((all[first] as Tensor).add(sum.reshape([2, 1, 1, 1])));
  }
  return stack(all, { dim: 1 });
}

test("an oracle's world is rolled out exactly, over a window that slides, with and without fresh noise", async () => {
  for (const eta of [0, 1]) {
    const got = await rollout(counting, start, settings({ eta, variant: "consistent", guidanceScale: 1 }));
    expect(got.shape).toEqual([2, 8, 4, 3, 3]);
    expect(Math.max(...numbers(got.sub(expected(8)).abs()))).toBeLessThan(1e-4);
  }
});

test("no number of steps, guidance or not, gives anything but finite numbers", async () => {
  for (const numSteps of [2, 3, 7, 11, 14, 15, 20, 25]) {
    const got = await rollout(counting, { ...start, numFrames: 2 }, settings({ numSteps, eta: 1 }));
    expect(numbers(got).every(Number.isFinite), `${numSteps} steps`).toBe(true);
  }
});

interface Call {
  readonly x: number[];
  readonly frames: number;
  readonly batch: number;
  readonly levels: number[];
  readonly mask: number[];
}

/** Records what the network is shown. */
function recording(calls: Call[]): Network {
  return (x, levels, { actionMask_BT }: Conditioning) => {
    const mask = actionMask_BT ? numbers(actionMask_BT) : [];
    calls.push({ x: numbers(x), frames: x.size(1), batch: x.size(0), levels: numbers(levels), mask });
    return zerosLike(x);
  };
}

test("the window never exceeds its length, history has the second smallest level, guidance drops the newest action alone", async () => {
  const calls: Call[] = [];
  await rollout(recording(calls), start, settings());
  expect(Math.max(...calls.map(({ frames }) => frames))).toBe(4);
  expect(calls.every(({ batch }) => batch === 4)).toBe(true);
  expect(calls[0]?.levels.slice(0, 3)).toEqual([399, 399, 999]);
  expect(calls[4]?.levels.slice(0, 3)).toEqual([399, 399, 199]);
  expect(calls[0]?.mask).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0]);
});

test("history is noised once: a frame looks the same to all later steps and frames", async () => {
  const calls: Call[] = [];
  await rollout(recording(calls), { ...start, numFrames: 2 }, settings({ guidanceScale: 1 }, { windowLength: 8 }));
  const size = 4 * 3 * 3;
  const frameOf = (call: Call | undefined, frame: number): number[] =>
    (call?.x ?? []).slice(frame * size, (frame + 1) * size);
  for (const frame of [0, 1]) {
    expect(frameOf(calls[0], frame)).toEqual(frameOf(calls[4], frame));
    expect(frameOf(calls[0], frame)).toEqual(frameOf(calls[5], frame));
    expect(frameOf(calls[0], frame)).not.toEqual(numbers(start.latents_BTCHW.select(1, frame)).slice(0, size));
  }
});

test("clean history is shown as it is, at timestep 0", async () => {
  const calls: Call[] = [];
  await rollout(recording(calls), { ...start, numFrames: 1 }, settings({ guidanceScale: 1, historyLevel: "clean" }));
  expect(calls[0]?.levels.slice(0, 2)).toEqual([0, 0]);
  expect(calls[0]?.x.slice(0, 36)).toEqual(numbers(start.latents_BTCHW.select(1, 0)).slice(0, 36));
});

test("equal seeds give equal rollouts, and a row of a batch equals the rollout of that row alone", async () => {
  const mixing: Network = (x, levels, conditioning) =>
    counting(x, levels, conditioning).add(x.mean([1, 2], { keepdim: true }).mul(0.1));
  const whole = await rollout(mixing, start, settings());
  const again = await rollout(mixing, start, settings());
  expect(numbers(whole)).toEqual(numbers(again));
  const second = {
    latents_BTCHW: start.latents_BTCHW.narrow(0, 1, 1),
    actions_BTA: (start.actions_BTA as Tensor).narrow(0, 1, 1),
    numFrames: start.numFrames,
  };
  const alone = await rollout(mixing, second, settings({}, { noise: seededNoise([8]) }));
  expect(Math.max(...numbers(whole.narrow(0, 1, 1).sub(alone).abs()))).toBeLessThan(1e-5);
});

test("frames arrive one by one; leaving the loop or aborting stops, and nothing is left behind", async () => {
  await rollout(counting, { ...start, numFrames: 1 }, settings()).then((x) => x.dispose());
  const before = liveTensors();
  const seen: number[] = [];
  for await (const { frame, latent_BCHW } of rolloutFrames(counting, start, settings())) {
    latent_BCHW.dispose();
    seen.push(frame);
    if (frame === 4) break;
  }
  expect(seen).toEqual([2, 3, 4]);
  const controller = new AbortController();
  const aborted = rollout(counting, start, settings({}, { signal: controller.signal }), () => controller.abort());
  await expect(aborted).rejects.toThrow(/abort/i);
  expect(liveTensors()).toBe(before);
});

test("memory is flat over a long rollout", async () => {
  const counts: number[] = [];
  const long = { latents_BTCHW: draw(1, [1, 2, 4, 2, 2]), actions_BTA: draw(2, [1, 210, 3]), numFrames: 200 };
  for await (const { latent_BCHW } of rolloutFrames(counting, long, settings({}, { noise: seededNoise([1]) }))) {
    latent_BCHW.dispose();
    counts.push(liveTensors());
  }
  expect(Math.max(...counts.slice(5))).toBe(Math.min(...counts.slice(5)));
});

test("too few actions are refused before anything is computed", async () => {
  const few = { ...start, actions_BTA: (start.actions_BTA as Tensor).narrow(1, 0, 6) };
  await expect(rollout(counting, few, settings())).rejects.toThrow(/at least 7 actions/);
});

test("a whole clip is sampled at one level, guided away from no actions at all", () => {
  const calls: Call[] = [];
  const spy = recording(calls);
  const both: Network = (x, levels, given) => {
    spy(x, levels, given);
    return counting(x, levels, given);
  };
  const clip = { ...start, numFrames: 4 };
  const actions_BTA = (start.actions_BTA as Tensor).narrow(1, 0, 4);
  sampleClip(both, { ...clip, actions_BTA }, settings());
  expect(calls[0]?.levels).toEqual(Array(16).fill(999));
  expect(calls[0]?.mask).toEqual(Array.from({ length: 16 }, (_, i) => (i < 8 ? 1 : 0)));
  const got = sampleClip(counting, { ...clip, actions_BTA }, settings({ variant: "consistent", guidanceScale: 1 }));
  scope(() => {
    const sum = actions_BTA.narrow(2, 0, 1).cumsum(1).narrow(1, 0, 3).reshape([2, 3, 1, 1, 1]);
    const first = start.latents_BTCHW.narrow(1, 0, 1);
    expect(Math.max(...numbers(got.narrow(1, 1, 3).sub(first.add(sum)).abs()))).toBeLessThan(1e-4);
    return [];
  });
});
