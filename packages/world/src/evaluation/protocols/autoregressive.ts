// `ar`, `single-step`, `rollout` and `action-control`: frame after frame, history noised to the second smallest sampling step, guidance on
// the newest action.
// Axes: B clips of a batch, T frames, C channels, H height, W width.
import type { FrameBlock } from "./frame-block.js";
import { rolloutFrames } from "../../diffusion/rollout.js";
import type { WorldModel } from "../../world-model.js";
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

/** Rolls a batch out. -> per clip the known frames as the autoencoder shows them (published), then the predicted ones */
export async function sampleAutoregressive(
  world: WorldModel,
  batch: ClipBatch,
  options: SamplingOptions,
): Promise<FrameBlock[]> {
  const { frames, onFrame } = options;
  const settings = frameSettings(world, batch.seeds, options);
  const window = encodeWindow(world, batch.known, settings.noise);
  const contextFrames = window.latents_BTCHW.size(1);
  const actions_BTA = actionsOfAll(world, batch, 0, contextFrames + frames - 1);
  try {
    const blocks = blocksFor(world, batch, contextFrames + frames);
    for (let frame = 0; frame < contextFrames; frame++) {
      using latent_BCHW = window.latents_BTCHW.select(1, frame);
      decodeInto(world, blocks, latent_BCHW, frame);
    }
    const start = { ...window.scene, latents_BTCHW: window.latents_BTCHW, numFrames: frames };
    const given = actions_BTA ? { ...start, actions_BTA } : start;
    for await (const { frame, latent_BCHW } of rolloutFrames(world.network, given, settings)) {
      decodeInto(world, blocks, latent_BCHW, frame);
      latent_BCHW.dispose();
      onFrame?.();
    }
    return blocks;
  } finally {
    disposeWindow(window);
    actions_BTA?.dispose();
  }
}
