// Makes a copy of a recording with pictures of half the size: each new pixel is the mean of four. For studies that have to be cheap.
// Usage: node scripts/halve-recording.mjs FROM TO
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeVideo } from "@vid2world/formats";
import { openRecording, readClip } from "@vid2world/world/data/recording";
import { writeHeader } from "@vid2world/world/data/recording-writer";

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error("usage: node scripts/halve-recording.mjs FROM TO");
const recording = await openRecording(from);
const { format: _, ...header } = JSON.parse(await readFile(join(from, "actions.json"), "utf8"));
const [width, height] = [Math.floor(header.width / 2), Math.floor(header.height / 2)];
await writeHeader(to, { ...header, name: `${header.name}-half`, width, height });

for (const episode of recording.episodes) {
  const { frames_THWC, frames } = await readClip(episode);
  const pictures = Array.from({ length: frames }, (_unused, t) => halved(frames_THWC, t));
  await writeVideo(join(to, `${episode.name}.mp4`), pictures, { width, height, fps: header.fps, lossless: true });
  await copyFile(join(from, `${episode.name}.actions.json`), join(to, `${episode.name}.actions.json`));
  process.stderr.write(`\r${episode.name}: ${frames} frames   `);
}
process.stderr.write("\n");

/** Frame t of `frames_THWC` at half the size. */
function halved(frames_THWC, t) {
  const row = header.width * 3;
  const first = t * header.height * row;
  return Uint8Array.from({ length: height * width * 3 }, (_unused, i) => {
    const pixel = Math.floor(i / 3);
    const at = first + 2 * Math.floor(pixel / width) * row + 6 * (pixel % width) + (i % 3);
    const sum = frames_THWC[at] + frames_THWC[at + 3] + frames_THWC[at + row] + frames_THWC[at + row + 3];
    return Math.round(sum / 4);
  });
}
