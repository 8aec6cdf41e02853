// `bench encode`: a training step that reads stored latents beside one that reads and encodes its clips live. Same clips, same noise.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { AdamW, libtorchVersion, manualSeed, setNumThreads } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";
import { noiseSchedule } from "@vid2world/world/diffusion/schedule";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import { loadConfig } from "@vid2world/world/config/load";
import { trainingConfigSchema, type DenoisingRunConfig } from "@vid2world/world/training/config";
import { denoisingObjective } from "@vid2world/world/training/denoising-objective";
import { countFrames } from "@vid2world/world/training/episodes";
import { frozenAutoencoder } from "@vid2world/world/training/frozen-networks";
import { loadEpisodes } from "@vid2world/world/training/load-episodes";
import { createTrainStep } from "@vid2world/world/training/train-step";
import { type LatentInputs, encodeSplits, openClips } from "@vid2world/world/training/training-clips";
import { networkOf } from "@vid2world/world/world-network";
import { caseNames, quickRun, type CaseName } from "./cases.js";
import { circumstances, type Circumstances } from "./circumstances.js";
import { repositoryRoot } from "./repository.js";
import { textTable } from "@vid2world/formats/text-table";
import { interleave, ratioOf, timesOf, type Ratio, type Times } from "./timing.js";

/** One configuration's figures. */
export interface EncodeFigures {
  readonly case: CaseName;
  readonly clips: number;
  readonly framesPerClip: number;
  /** Encoding everything once, frames per second of wall time. */
  readonly encodedFrames: number;
  readonly framesPerSecond: number;
  /** Milliseconds of wall time of one step. */
  readonly live: Times;
  readonly stored: Times;
  /** Live by stored: how many times faster the stored step is. */
  readonly speedup: Ratio;
  /** Largest difference between the losses of the two, step by step. */
  readonly lossDifference: number;
}

/** What `bench encode` found. */
export interface EncodeResult extends Circumstances {
  readonly benchmark: "encode";
  readonly cases: readonly EncodeFigures[];
}

/** What is measured. */
export interface EncodeOptions {
  readonly cases?: readonly CaseName[];
  /** Turns that the two take. */
  readonly rounds: number;
  readonly threads: number;
}

/** Runs the benchmark; the two steps take turns. */
export async function runEncode({ cases = caseNames, rounds, threads }: EncodeOptions): Promise<EncodeResult> {
  setNumThreads(threads);
  const found: EncodeFigures[] = [];
  for (const name of cases) found.push(await measure(name, rounds));
  return { benchmark: "encode", ...circumstances(threads, { libtorch: libtorchVersion }), cases: found };
}

async function measure(name: CaseName, rounds: number): Promise<EncodeFigures> {
  const { config: file, overrides } = quickRun(name);
  const config = await loadConfig(path.join(repositoryRoot(), file), trainingConfigSchema, { overrides });
  if (config.kind !== "world") throw invalid(file, "a world's configuration", config.kind);
  const run = "recordings" in config.data ? { ...config, data: inRepository(config.data) } : config;
  manualSeed(run.training.seed);
  const data = { ...(await loadEpisodes(run)), validation: [] };
  const frozen = await frozenAutoencoder(run, data);
  const folder = await mkdtemp(path.join(tmpdir(), "vid2world-encode-"));
  try {
    const began = performance.now();
    await encodeSplits({ config: run, data, frozen }, { folder });
    const seconds = (performance.now() - began) / 1000;
    const stored = await stepOf({ config: run, data, frozen }, folder, false);
    const live = await stepOf({ config: run, data, frozen }, folder, true);
    await interleave([live.take, stored.take], 2); // optimisers make their states, decoders start
    const [liveSteps = [], storedSteps = []] = await interleave([live.take, stored.take], rounds);
    await Promise.all([live.close(), stored.close()]);
    const [liveTimes, storedTimes] = [liveSteps, storedSteps].map((steps) => timesOf(steps.map(({ time }) => time)));
    const encodedFrames = countFrames(data.training);
    return {
      ...{ case: name, clips: run.training.batchSize, framesPerClip: run.model.temporalLength },
      ...{ encodedFrames, framesPerSecond: encodedFrames / seconds },
      ...{ live: liveTimes as Times, stored: storedTimes as Times },
      speedup: ratioOf(liveTimes as Times, storedTimes as Times),
      lossDifference: Math.max(...liveSteps.map(({ loss }, i) => Math.abs(loss - (storedSteps[i]?.loss ?? NaN)))),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function inRepository<Data extends { readonly recordings: string }>(data: Data): Data {
  return { ...data, recordings: path.resolve(repositoryRoot(), data.recordings) };
}

/** A training step of a fresh model over one source of clips. */
async function stepOf(
  { config, data, frozen }: LatentInputs & { readonly config: DenoisingRunConfig },
  folder: string,
  live: boolean,
) {
  const { training, model } = config;
  const { cache: _, ...latents } = config.latents;
  const source: DenoisingRunConfig = {
    ...config,
    latents: live ? { ...latents, live } : { ...latents, cache: folder },
  };
  const clips = await openClips({ config: source, data, frozen, frames: model.temporalLength }, { folder });
  manualSeed(training.seed);
  const unet = new UNet3D(model);
  const objective = await denoisingObjective({
    ...{ module: unet, network: networkOf(unet), schedule: noiseSchedule(config.diffusion), loss: config.loss },
    ...{ clips: clips.training, useActions: model.actionDim !== undefined, settings: training },
  });
  const optimizer = new AdamW(unet.namedParameters(), { learningRate: training.learningRate });
  const step = createTrainStep({ objective, optimizer, settings: training });
  let steps = 0;
  return {
    take: async (): Promise<{ readonly time: number; readonly loss: number }> => {
      const began = performance.now();
      await step.run(steps++, training.learningRate);
      const { loss = NaN } = await step.read();
      return { time: performance.now() - began, loss };
    },
    close: () => clips.training.close(),
  };
}

/** The figures as a table for people. */
export function showEncode({ cases }: EncodeResult): string {
  return textTable([
    ["case", "clips x frames", "encode, frames/s", "live step, ms", "stored step, ms", "speed-up", "loss differs by"],
    ...cases.map((figures) => [
      figures.case,
      `${figures.clips} x ${figures.framesPerClip}`,
      figures.framesPerSecond.toFixed(0),
      figures.live.median.toFixed(1),
      figures.stored.median.toFixed(1),
      `${figures.speedup.median.toFixed(2)}x`,
      figures.lossDifference.toExponential(1),
    ]),
  ]);
}
