// `nar`: all frames of a clip sampled together at one noise level per step, the first frame too.
// Axes: B clips of a batch, T frames, C channels, H height, W width.
import { fromTypedArray, scope } from "@vid2world/torch";
import { noiseSeed } from "../../diffusion/noise.js";
import { sampleClip } from "../../diffusion/rollout.js";
import type { WorldModel } from "../../world-model.js";
import { seededRandom } from "../starts.js";
import type { FrameBlock } from "./frame-block.js";
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

/** Share of the actions that the unconditional branch loses: it keeps a random rest, as published. */
const dropped = 0.2;

/** Samples whole clips of the known plus `frames` frames; of the known ones only the first is shown to the network. */
export async function sampleWholeClip(
  world: WorldModel,
  batch: ClipBatch,
  options: SamplingOptions,
): Promise<FrameBlock[]> {
  const { frames, signal, onFrame } = options;
  const settings = frameSettings(world, batch.seeds, options);
  const total = (batch.known[0]?.frames ?? 1) + frames;
  const window = encodeWindow(world, batch.known, settings.noise);
  const actions_BTA = actionsOfAll(world, batch, 0, total);
  const mask_BT = fromTypedArray(Float32Array.from(batch.seeds.flatMap((seed) => keptActions(seed, total))), [
    batch.seeds.length,
    total,
  ]);
  try {
    signal?.throwIfAborted();
    using latents_BTCHW = scope(() => {
      const start = { ...window.scene, latents_BTCHW: window.latents_BTCHW, numFrames: total };
      const unconditionalMask_BT = mask_BT.to(world.device);
      return sampleClip(world.network, actions_BTA ? { ...start, actions_BTA, unconditionalMask_BT } : start, settings);
    });
    const blocks = blocksFor(world, batch, total);
    for (let frame = 0; frame < total; frame++) {
      using latent_BCHW = latents_BTCHW.select(1, frame);
      decodeInto(world, blocks, latent_BCHW, frame);
      if (frame >= total - frames) onFrame?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return blocks;
  } finally {
    disposeWindow(window);
    actions_BTA?.dispose();
    mask_BT.dispose();
  }
}

/** 1 where the unconditional branch keeps an action. */
function keptActions(seed: number, frames: number): number[] {
  const random = seededRandom(noiseSeed(seed, { kind: "start", frame: frames }));
  return Array.from({ length: frames }, () => (random() > dropped ? 1 : 0));
}
