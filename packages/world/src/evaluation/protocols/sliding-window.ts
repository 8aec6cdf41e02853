// `long`: a window of pictures slides over the rollout; for every new frame all of it is encoded anew, with a new sample of the
// autoencoder's posterior, and described by its first frame. Pictures are handed on as they were decoded, not clamped.
// Axes: B clips of a batch, T frames, C channels, H height, W width.
import { rolloutFrames } from "../../diffusion/rollout.js";
import type { WorldModel } from "../../world-model.js";
import { type FrameBlock, joinBlocks, sliceBlock } from "./frame-block.js";
import {
  type ClipBatch,
  type SamplingOptions,
  actionsOfAll,
  blocksFor,
  decodeInto,
  disposeWindow,
  encodeWindow,
  frameSettings,
} from "./sampling.js";

/** How a long rollout is run. */
export interface LongOptions extends Omit<SamplingOptions, "noise"> {
  /** Frames per clip that an interrupted run already made; they must be equally many. */
  readonly done?: readonly FrameBlock[];
  /** Called after every `saveEvery` predicted frames and after the last, with all predicted frames so far. */
  readonly save?: (predicted: readonly FrameBlock[]) => Promise<void>;
  readonly saveEvery?: number;
}

/** Rolls a batch out over a window as long as the known frames. -> per clip the predicted frames only, as published */
export async function sampleLong(world: WorldModel, batch: ClipBatch, options: LongOptions): Promise<FrameBlock[]> {
  const { frames, done, save, saveEvery = 10, signal, onFrame } = options;
  const history = batch.known[0]?.frames ?? 0;
  const blocks = blocksFor(world, batch, frames);
  const made = Math.min(done?.[0]?.frames ?? 0, frames);
  done?.forEach((block, b) => blocks[b]?.values.set(sliceBlock(block, 0, made).values));
  for (let step = made; step < frames; step++) {
    const window = blocks.map((block, b) => windowAt(batch.known[b] as FrameBlock, block, step, history));
    await nextFrame(world, { ...batch, known: window }, step, blocks, signal ? { signal } : {});
    onFrame?.();
    const finished = step + 1;
    if (save && (finished % saveEvery === 0 || finished === frames))
      await save(blocks.map((block) => sliceBlock(block, 0, finished)));
  }
  return blocks;
}

/** Predicts frame `step` after the window and decodes it into the blocks. */
async function nextFrame(
  world: WorldModel,
  batch: ClipBatch,
  step: number,
  blocks: readonly FrameBlock[],
  options: Pick<SamplingOptions, "signal">,
): Promise<void> {
  // Every step is a rollout of its own: its noise is drawn with the step in the upper half of the seed.
  const settings = frameSettings(
    world,
    batch.seeds.map((seed) => seed + step * 2 ** 32),
    options,
  );
  const window = encodeWindow(world, batch.known, settings.noise);
  const history = window.latents_BTCHW.size(1);
  const actions_BTA = actionsOfAll(world, batch, step, step + history);
  try {
    const start = { ...window.scene, latents_BTCHW: window.latents_BTCHW, numFrames: 1 };
    const given = actions_BTA ? { ...start, actions_BTA } : start;
    for await (const { latent_BCHW } of rolloutFrames(world.network, given, settings)) {
      decodeInto(world, blocks, latent_BCHW, step);
      latent_BCHW.dispose();
    }
  } finally {
    disposeWindow(window);
    actions_BTA?.dispose();
  }
}

/** The last `history` frames before predicted frame `step`. */
function windowAt(known: FrameBlock, predicted: FrameBlock, step: number, history: number): FrameBlock {
  if (step >= history) return sliceBlock(predicted, step - history, step);
  return joinBlocks(sliceBlock(known, step, history), sliceBlock(predicted, 0, step));
}
