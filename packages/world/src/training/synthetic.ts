// A tiny invented world for the debug configuration: a bright square that the action moves over a striped floor. It needs no files
// and no decoder, and is made of integers only, so every machine trains on the same bytes.
// Axes: T frames, H height, W width, C colour channels, A action channels.
import { z } from "zod";
import type { Channel } from "../data/action-space.js";
import { drawFor } from "./draws.js";
import type { FramePiece, TrainingEpisode } from "./episodes.js";

/** Size of the invented recordings. */
export const syntheticSchema = z.strictObject({
  episodes: z.int().min(1).default(4),
  frames: z.int().min(2).default(40),
  /** Side of the square frames. */
  size: z.int().min(16).default(32),
  /** Episodes that are only measured; 0: no validation. */
  validationEpisodes: z.int().min(0).default(1),
  seed: z.int().min(0).default(0),
});

/** Checked size of the invented recordings. */
export type SyntheticConfig = z.output<typeof syntheticSchema>;

/** What the square obeys. */
export const SYNTHETIC_CHANNELS: readonly Channel[] = [
  { name: "right", kind: "continuous", range: [-1, 1], rest: 0, keys: { ArrowLeft: -1, ArrowRight: 1 } },
  { name: "down", kind: "continuous", range: [-1, 1], rest: 0, keys: { ArrowUp: -1, ArrowDown: 1 } },
];
const ACTION_DIM = SYNTHETIC_CHANNELS.length;
/** Frames over which one action is held. */
const HELD = 4;
/** Pixels that one action moves the square. */
const SPEED = 2;

/** Makes the episodes. Equal settings give equal bytes. */
export function syntheticEpisodes(config: Omit<SyntheticConfig, "validationEpisodes">): TrainingEpisode[] {
  return Array.from({ length: config.episodes }, (_, index) => syntheticEpisode(config, index));
}

function syntheticEpisode(
  { frames, size, seed }: Omit<SyntheticConfig, "validationEpisodes">,
  index: number,
): TrainingEpisode {
  const draw = drawFor(seed, index);
  const side = size >> 2;
  const actions_TA = new Float32Array(frames * ACTION_DIM);
  const data = new Uint8Array(frames * size * size * 3);
  let [x, y, right, down] = [draw.below(size - side), draw.below(size - side), 0, 0];
  for (let t = 0; t < frames; t++) {
    if (t % HELD === 0) [right, down] = [draw.below(3) - 1, draw.below(3) - 1];
    actions_TA.set([right, down], t * ACTION_DIM);
    paint(data.subarray(t * size * size * 3, (t + 1) * size * size * 3), size, side, x, y);
    x = Math.min(size - side, Math.max(0, x + SPEED * right));
    y = Math.min(size - side, Math.max(0, y + SPEED * down));
  }
  return {
    name: `synthetic-${index}`,
    frames,
    height: size,
    width: size,
    actions_TA,
    actionDim: ACTION_DIM,
    readFrames: () => oncePromised({ data, frames }),
    readClip: (start, count) => Promise.resolve(data.slice(start * size * size * 3, (start + count) * size * size * 3)),
  };
}

async function* oncePromised(piece: FramePiece): AsyncGenerator<FramePiece> {
  yield await Promise.resolve(piece);
}

function paint(frame_HWC: Uint8Array, size: number, side: number, left: number, top: number): void {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const inside = x >= left && x < left + side && y >= top && y < top + side;
      const stripe = (x >> 2) % 2 === 0 ? 40 : 80;
      frame_HWC.set(inside ? [230, 200, 60] : [stripe, stripe, 120], (y * size + x) * 3);
    }
  }
}
