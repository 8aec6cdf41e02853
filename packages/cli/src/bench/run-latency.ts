// `bench latency`: from an action to its picture, by sampler, in turns; and how many frames a second that allows.
import { libtorchVersion, setNumThreads } from "@vid2world/torch";
import { textTable } from "@vid2world/formats/text-table";
import { WorldModel, loadWorld } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import type { SamplerConfig } from "@vid2world/world/diffusion/samplers/sampler-config";
import { readHeldOutClips } from "@vid2world/world/evaluation/held-out";
import { chooseStarts, usualSkip } from "@vid2world/world/evaluation/starts";
import { recordingsOf } from "../commands/demo.js";
import { type Circumstances, circumstances } from "./circumstances.js";
import { randomParts, randomWorldConfig } from "./random-world.js";
import { quantile } from "./timing.js";

/** One way of sampling a world. */
export interface LatencyFigures {
  readonly name: string;
  readonly samples: number;
  /** Milliseconds from action to pixels, the network's memory being up to date: what a player waits. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Milliseconds of bringing the memory up to date afterwards, the median. */
  readonly settle: number;
  /** Frames per second where actions come as fast as they are taken: 1 / (p50 + settle). */
  readonly framesPerSecond: number;
}

/** What `bench latency` found. */
export interface LatencyResult extends Circumstances {
  readonly benchmark: "latency";
  readonly world: string;
  readonly figures: readonly LatencyFigures[];
}

/** What to run. */
export interface LatencyOptions {
  readonly world: string;
  /** This configuration's network with random weights, in the world's place. */
  readonly case?: "debug";
  /** Folder of a distilled form of the world; absent: it is not measured. */
  readonly distilled?: string;
  /** Denoising steps of the settings that are not the world's own; default 50 and 10. */
  readonly steps?: readonly [many: number, few: number];
  readonly rounds: number;
  /** Frames of the settings with fifty steps of whole windows, which take seconds each. */
  readonly slowRounds: number;
  readonly threads: number;
  readonly onProgress: (text: string) => void;
}

/** Plays the same start by every setting, frame by frame in turns. */
export async function runLatency(options: LatencyOptions): Promise<LatencyResult> {
  const { rounds, slowRounds, threads, distilled, onProgress, steps: [many, few] = [50, 10] } = options;
  setNumThreads(threads);
  const random =
    options.case && randomParts(await randomWorldConfig(options.case), { device: "cpu", dtype: "float32" });
  const load = async (sampler: Partial<SamplerConfig> = {}): Promise<WorldModel> =>
    random ? new WorldModel(random, { sampler }) : loadWorld(options.world, { sampler });
  const shared = await load();
  const settings: [string, WorldModel, number][] = [];
  const add = async (name: string, world: Promise<WorldModel> | WorldModel, count = rounds): Promise<void> =>
    void settings.push([name, await world, count]);
  const tiny = shared.parts.tinyDecoder ? ({ decoder: "tiny" } as const) : {};
  await add(`window, ${many} steps`, load({ evaluation: "window", numSteps: many }), slowRounds);
  await add(`streaming, ${many} steps`, load({ evaluation: "streaming", numSteps: many }));
  await add(`streaming, ${few} steps`, load({ evaluation: "streaming", numSteps: few }));
  if (!random) await add(`as shipped (${shared.sampler.numSteps} steps)`, shared);
  if (shared.parts.tinyDecoder) await add("as shipped, tiny decoder", loadWorld(options.world, tiny));
  if (distilled !== undefined) await add("distilled, tiny decoder", loadWorld(distilled, tiny));
  const frames = random ? greyFrames(shared) : await heldOutStart(shared, options.world);
  const taken = settings.map(() => ({ step: [] as number[], settle: [] as number[] }));
  for (const [, world] of settings) {
    world.reset({ frames });
    world.settle();
  }
  // The first frames fill the window and make the traces; they are not counted.
  const warm = Math.max(2, shared.config.unet.temporalLength - shared.contextFrames) + 1;
  for (let round = -warm; round < rounds; round++) {
    settings.forEach(([name, world, count], i) => {
      if (round >= count || (count < rounds && round < -1)) return;
      const began = performance.now();
      world.step();
      const stepped = performance.now();
      world.settle();
      const settled = performance.now();
      if (round < 0) return;
      taken[i]?.step.push(stepped - began);
      taken[i]?.settle.push(settled - stepped);
      if (i === 0) onProgress(`${round + 1}/${rounds}: ${name}: ${Math.round(stepped - began)} ms`);
    });
  }
  const figures = settings.map(([name], i): LatencyFigures => {
    const { step, settle } = taken[i] as { step: number[]; settle: number[] };
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(step, share)) as [number, number, number];
    const settling = quantile(settle, 0.5);
    return { name, samples: step.length, p50, p95, p99, settle: settling, framesPerSecond: 1000 / (p50 + settling) };
  });
  return {
    benchmark: "latency",
    ...circumstances(threads, { libtorch: libtorchVersion }),
    ...{ world: shared.name, figures },
  };
}

/** Context frames of a held-out clip. */
async function heldOutStart(world: WorldModel, name: string): Promise<Uint8Array> {
  const clips = await readHeldOutClips(await openRecording(await recordingsOf(name)), world);
  const { contextFrames } = world;
  const [start] = chooseStarts(clips, { count: 1, contextFrames, frames: 1, seed: 0, skip: usualSkip });
  if (!start) throw new Error("no held-out clip to start from");
  return start.context_THWC;
}

const greyFrames = ({ contextFrames, width, height }: WorldModel): Uint8Array =>
  new Uint8Array(contextFrames * width * height * 3).fill(128);

/** The result as a table. */
export function showLatency({ world, figures }: LatencyResult): string {
  const heading = [world, "frames", "p50 ms", "p95", "p99", "settle ms", "frames/s"];
  const rows = figures.map(({ name, samples, p50, p95, p99, settle, framesPerSecond }) => [
    ...[name, String(samples), p50.toFixed(0), p95.toFixed(0), p99.toFixed(0), settle.toFixed(0)],
    framesPerSecond.toFixed(1),
  ]);
  return textTable([heading, ...rows]);
}
