// A toy for tests: a random panorama that is turned by one number per frame, as a world and as a recording. No network.
// Axes: T frames, H height, W width, C colours (RGB bytes).

import { join } from "node:path";
import { writeVideo } from "@vid2world/formats";
import { channelsSchema } from "../data/action-space.js";
import { writeClipFile, writeHeader } from "../data/recording-writer.js";
import type { EvaluatedWorld } from "./evaluated-world.js";
import { seededRandom } from "./starts.js";

/** Size of the toy's pictures. */
export const toySize = { height: 24, width: 32 } as const;

/** The toy's action space: forward does nothing, turn moves the picture (left positive). */
export const toyChannels = channelsSchema.parse([
  { name: "forward", kind: "continuous", range: [-1, 1], keys: { KeyW: 1, KeyS: -1 } },
  { name: "turn", kind: "continuous", range: [-1, 1], keys: { ArrowLeft: 0.5, ArrowRight: -0.5 } },
]);

/** Columns that a turn of 1 moves the picture. */
export const toyTurn = 6;
/** Columns once around: 84 frames of half a turn. */
const circumference = 252;

/** The picture at a direction, counted in columns to the right. */
export function toyView(column: number): Uint8Array {
  const { height, width } = toySize;
  return Uint8Array.from({ length: height * width * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    const x = ((((pixel % width) + Math.round(column)) % circumference) + circumference) % circumference;
    return panorama[Math.floor(pixel / width) * circumference + x] ?? 0;
  });
}

const random = seededRandom(21);
const panorama = Uint8Array.from({ length: toySize.height * circumference }, () => 40 + random() * 180);

/** The direction of a picture of the panorama; 0 for any other picture. */
function columnOf(picture: Uint8Array): number {
  for (let column = 0; column < circumference; column++)
    if (Buffer.compare(picture, toyView(column)) === 0) return column;
  return 0;
}

/** A perfect world: finds where it stands in the panorama and turns as told. `calls` holds the size of each batch. */
export function toyWorld(contextFrames = 2): EvaluatedWorld & { readonly calls: number[] } {
  const calls: number[] = [];
  const size = toySize.height * toySize.width * 3;
  return {
    name: "toy",
    ...toySize,
    contextFrames,
    actionWidth: 2,
    calls,
    async rollout(jobs, { frames, onFrame, signal }) {
      calls.push(jobs.length);
      const clips = jobs.map(() => new Uint8Array(frames * size));
      const columns = jobs.map(({ context_THWC }) => columnOf(context_THWC.subarray(-size)));
      for (let t = 0; t < frames; t++) {
        await Promise.resolve();
        signal?.throwIfAborted();
        for (const [b, { actions_TA }] of jobs.entries()) {
          columns[b] = (columns[b] ?? 0) - toyTurn * (actions_TA[(contextFrames - 1 + t) * 2 + 1] ?? 0);
          clips[b]?.set(toyView(columns[b] ?? 0), t * size);
        }
        onFrame?.(t);
      }
      return clips;
    },
  };
}

/** Writes a recording of the panorama into `folder`: clips `a` (train), `b` and `c` (held out), of 40 frames each unless others are asked for. */
export async function writeToyRecording(folder: string, frames = 40): Promise<void> {
  await writeHeader(folder, {
    name: "toy",
    fps: 8,
    ...toySize,
    channels: toyChannels,
    licence: "CC0-1.0",
    source: "made by a test",
  });
  for (const [index, name] of ["a", "b", "c"].entries()) {
    const turns = Array.from({ length: frames }, (_, t) => Math.sign(Math.sin(t / 3 + index)) / 2);
    let column = 50 * index;
    const pictures = turns.map((turn) => {
      const picture = toyView(column);
      column -= toyTurn * turn;
      return picture;
    });
    await writeVideo(join(folder, `${name}.mp4`), pictures, { ...toySize, fps: 8, lossless: true });
    const actions = turns.map((turn) => [0, turn]);
    await writeClipFile(folder, name, { split: index === 0 ? "train" : "val", frames, actions }, toyChannels);
  }
}
