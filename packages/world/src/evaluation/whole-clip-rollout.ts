// Starts rolled out by a model that is not causal: all frames of a clip together, by the protocol `nar`. Bytes in, bytes out.
// Axes: T frames, H height, W width, C colours (RGB bytes).
import type { WorldModel } from "../world-model.js";
import type { RolloutJob } from "./evaluated-world.js";
import { type FrameBlock, emptyBlock, frameBytes } from "./protocols/frame-block.js";
import { sampleWholeClip } from "./protocols/whole-clip.js";

/** How clips are sampled. */
export interface WholeClipOptions {
  /** Frames to predict; with the known ones they fill the model's window. */
  readonly frames: number;
  /** Clip i is drawn with `seed + i`. */
  readonly seed: number;
  /** Clips per batch. */
  readonly batch: number;
  readonly signal?: AbortSignal;
}

/** Predicted continuations in the order of the jobs, N*H*W*3 bytes each. Of the known frames only the first is shown to the model. */
export async function rolloutWholeClips(
  world: WorldModel,
  jobs: readonly RolloutJob[],
  { frames, seed, batch, signal }: WholeClipOptions,
): Promise<Uint8Array[]> {
  const results: Uint8Array[] = [];
  for (let from = 0; from < jobs.length; from += batch) {
    const part = jobs.slice(from, from + batch);
    const known = part.map(({ context_THWC }) => blockOfBytes(context_THWC, world));
    const clips = {
      known,
      actions_TA: part.map(({ actions_TA }) => withRestingRow(actions_TA, world.actionWidth)),
      seeds: part.map((_, i) => seed + from + i),
    };
    const blocks = await sampleWholeClip(world, clips, { frames, ...(signal && { signal }) });
    results.push(...blocks.map((block) => bytesOfBlock(block, block.frames - frames)));
  }
  return results;
}

/** A whole clip has an action for its last frame too; nothing follows from it. */
function withRestingRow(actions_TA: Float32Array, width: number): Float32Array {
  const rows = new Float32Array(actions_TA.length + width);
  rows.set(actions_TA);
  return rows;
}

/** RGB bytes T*H*W*3 -> [T 3 H W], -1 to 1. */
function blockOfBytes(bytes_THWC: Uint8Array, { height, width }: WorldModel): FrameBlock {
  const plane = height * width;
  const block = emptyBlock(bytes_THWC.length / (plane * 3), height, width);
  for (let t = 0; t < block.frames; t++)
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < plane; i++)
        block.values[(t * 3 + c) * plane + i] = (bytes_THWC[(t * plane + i) * 3 + c] ?? 0) / 127.5 - 1;
  return block;
}

/** Frames from `first` on. */
function bytesOfBlock(block: FrameBlock, first: number): Uint8Array {
  const size = block.height * block.width * 3;
  const bytes = new Uint8Array((block.frames - first) * size);
  for (let t = first; t < block.frames; t++) bytes.set(frameBytes(block, t, "round"), (t - first) * size);
  return bytes;
}
