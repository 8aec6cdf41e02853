// Small pairs of clips for tests: a wave that moves, and the same with as much noise as is asked for.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { writeVideo } from "@vid2world/formats";

/** Size of the clips. */
export const [height, width] = [32, 32];
/** A clip that moves: frame t of `count`, with `noise` of 0..1. */
export function* moving(count: number, noise: number): Generator<Uint8Array> {
  for (let t = 0; t < count; t++)
    yield Uint8Array.from({ length: height * width * 3 }, (_, i) => {
      const wave = 128 + 100 * Math.sin((i % (width * 3)) / 9 + t / 2);
      return Math.max(0, Math.min(255, wave + noise * 120 * Math.sin(i * i)));
    });
}
/** Writes `folder/name/{gt,pred}_video.mp4` without loss. */
export async function writePair(folder: string, name: string, noise: number, frames = 3): Promise<void> {
  await mkdir(path.join(folder, name), { recursive: true });
  const video = { height, width, fps: 4, crf: 0 };
  await writeVideo(path.join(folder, name, "gt_video.mp4"), moving(frames, 0), video);
  await writeVideo(path.join(folder, name, "pred_video.mp4"), moving(frames, noise), video);
}
