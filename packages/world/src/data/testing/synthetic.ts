// Makes a small recording with known content, for tests and for trying a configuration: a white square that the actions
// move over a ground whose colour tells episode (red) and frame (green). Lossless, so every byte can be predicted.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeImage, writeVideo } from "@vid2world/formats";
import { randomIntegers } from "../random.js";
import { writeClipFile, writeHeader, type HeaderInput } from "../recording-writer.js";

/** Size of a synthetic recording. */
export interface SyntheticOptions {
  readonly name?: string;
  /** Frames of each training episode. Default: two of 12. */
  readonly train?: readonly number[];
  /** Frames of each validation episode. Default: one of 12. */
  readonly val?: readonly number[];
  readonly height?: number;
  readonly width?: number;
  /** Folders of PNG images instead of videos. */
  readonly images?: boolean;
  /** Seed of the actions. */
  readonly seed?: number;
}

const SQUARE = 4;

/** Channels of synthetic recordings. */
export const SYNTHETIC_CHANNELS: HeaderInput["channels"] = [
  { name: "move", kind: "continuous", range: [-1, 1], unit: "2 pixels", keys: { ArrowLeft: -1, ArrowRight: 1 } },
  { name: "jump", kind: "binary", keys: { Space: 1 } },
  { name: "tool", kind: "choice", options: ["none", "rope", "lamp"], keys: { Digit1: 1, Digit2: 2 } },
];

/** Writes the recording into `folder`; episodes are called train_0, train_1, ..., val_0, ... */
export async function writeSyntheticRecording(folder: string, options: SyntheticOptions = {}): Promise<void> {
  const {
    name = "synthetic",
    train = [12, 12],
    val = [12],
    height = 16,
    width = 24,
    images = false,
    seed = 0,
  } = options;
  const fps = 10;
  const source = "made by a program";
  const { channels } = await writeHeader(folder, {
    name,
    fps,
    width,
    height,
    channels: SYNTHETIC_CHANNELS,
    licence: "CC0-1.0",
    source,
  });
  const episodes = [
    ...train.map((frames, i) => ({ frames, split: "train" as const, title: `train_${i}` })),
    ...val.map((frames, i) => ({ frames, split: "val" as const, title: `val_${i}` })),
  ];
  for (const [number, { frames, split, title }] of episodes.entries()) {
    const next = randomIntegers(seed, number);
    const actions = Array.from({ length: frames }, () => [(next() % 5) / 2 - 1, next() % 2, next() % 3]);
    const pictures: Uint8Array[] = [];
    const x: number[] = [];
    let position = Math.floor(width / 2);
    for (const [t, [move = 0, jump = 0]] of actions.entries()) {
      const top = height - SQUARE - (t > 0 && (actions[t - 1]?.[1] ?? jump) === 1 ? 3 : 0);
      pictures.push(syntheticFrame({ height, width }, number, t, position, top));
      x.push(position);
      position = Math.min(width - SQUARE, Math.max(0, position + Math.round(2 * move)));
    }
    if (images) {
      await mkdir(join(folder, title), { recursive: true });
      for (const [t, data_HWC] of pictures.entries()) {
        await writeImage(join(folder, title, `${t}.png`), { data_HWC, height, width });
      }
    } else {
      await writeVideo(join(folder, `${title}.mp4`), pictures, {
        width,
        height,
        fps,
        lossless: true,
        preset: "ultrafast",
      });
    }
    await writeClipFile(folder, title, { split, frames, actions, state: { x } }, channels);
  }
}

function syntheticFrame(
  { height, width }: { height: number; width: number },
  episode: number,
  t: number,
  left: number,
  top: number,
): Uint8Array {
  const frame_HWC = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = x >= left && x < left + SQUARE && y >= top && y < top + SQUARE;
      frame_HWC.set(inside ? [255, 255, 255] : [episode, t, 40], (y * width + x) * 3);
    }
  }
  return frame_HWC;
}
