// Measures one world of the ablation study on held-out recordings: PSNR and SSIM over the first predicted frames against two baselines, a
// Frechet distance between features of the autoencoder's encoder, and whether it turns the way it is told. Every run is asked for the
// same starts with the same noise. scripts/ablation-doom.mjs calls it after each run.
// Usage: npx tsc -p benchmarks && node benchmarks/dist/evaluate-ablation.js WORLD --out FILE [--recordings DIR] [--starts 24] [--frames 5]
//        [--turn-frames 3] [--seed 7] [--batch 16] [--guidance 1] [--threads 1]
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomically } from "@vid2world/formats";
import { setNumThreads } from "@vid2world/torch";
import { findWorld, loadWorld, type WorldModel } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { evaluateWorld } from "@vid2world/world/evaluation/evaluate-world";
import { readHeldOutClips } from "@vid2world/world/evaluation/held-out";
import { encoderDistance } from "@vid2world/world/evaluation/metrics/encoder-distance";
import { measureObedience } from "@vid2world/world/evaluation/obedience/turns";
import { repeatLastFrame } from "@vid2world/world/evaluation/baselines";
import { turnActions } from "@vid2world/world/evaluation/obedience/probe-actions";
import { chooseStarts, type Start, usualSkip } from "@vid2world/world/evaluation/starts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string" },
    recordings: { type: "string" },
    starts: { type: "string", default: "24" },
    frames: { type: "string", default: "5" },
    "turn-frames": { type: "string", default: "3" },
    seed: { type: "string", default: "7" },
    batch: { type: "string", default: "16" },
    guidance: { type: "string" },
    threads: { type: "string", default: "1" },
  },
});
/** The recordings' horizontal field of view, degrees. */
const fieldOfView = 90;

const [name] = positionals;
if (name === undefined || values.out === undefined) throw new Error("usage: evaluate-ablation.js WORLD --out FILE");
setNumThreads(Number(values.threads));
const sampler = values.guidance === undefined ? {} : { guidanceScale: Number(values.guidance) };
const world = await loadWorld(name, { sampler });
const folder = values.recordings ?? resolve(await findWorld(name), world.config.recordings ?? ".");
const recording = await openRecording(folder);
const turns = turnActions(recording.header.channels);
if (turns === undefined) throw new Error(`${folder}: no keys turn left and right; obedience can not be measured`);

const seed = Number(values.seed);
const frames = Number(values.frames);
const starts = chooseStarts(await readHeldOutClips(recording, world), {
  count: Number(values.starts),
  contextFrames: world.contextFrames,
  ...{ frames, seed, skip: usualSkip },
});
const shared = { seed, batch: Number(values.batch) };
const began = performance.now();
const { report, predictions, shuffled } = await evaluateWorld(world, starts, { ...shared, frames });
const obedience = await measureObedience(world, starts, {
  ...{ ...shared, turns, fieldOfView },
  frames: Number(values["turn-frames"]),
});
const { model, repeatLastFrame: repeated, shuffledActions } = report;
const result = {
  world: world.name,
  starts: starts.length,
  ...{ frames, seed },
  sampler: world.sampler,
  psnr: model.psnrMean,
  ssim: model.ssimMean,
  encoderDistance: distanceOf(predictions),
  psnrShuffledActions: shuffledActions.psnrMean,
  encoderDistanceShuffledActions: distanceOf(shuffled),
  turns: obedience,
  byHorizon: { psnr: model.psnr, ssim: model.ssim },
  /** The same for every run: what a world has to be compared with. */
  baselines: {
    repeatLastFrame: {
      psnr: repeated.psnrMean,
      ssim: repeated.ssimMean,
      encoderDistance: distanceOf(
        starts.map((start) => repeatLastFrame(start.context_THWC, world.height * world.width * 3, frames)),
      ),
    },
    autoencoder: { encoderDistance: distanceOf(starts.map((start) => throughAutoencoder(world, start))) },
  },
  seconds: (performance.now() - began) / 1000,
  cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
};
await writeFileAtomically(values.out, `${JSON.stringify(result, undefined, 2)}\n`);

/** To the true continuations of the starts. */
function distanceOf(clips: readonly Uint8Array[]): number {
  const truth = starts.map((start) => start.truth_THWC);
  return encoderDistance(world.parts.autoencoder, clips, truth, world);
}

/** What is left of the truth when it is encoded and decoded: no world can come nearer. */
function throughAutoencoder({ codec }: WorldModel, { truth_THWC }: Start): Uint8Array {
  using latents_NCHW = codec.encode(truth_THWC);
  return codec.decode(latents_NCHW);
}
