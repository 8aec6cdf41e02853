// Measures the data loader on the bundled recordings: the first epoch's start, when episodes are being decoded, and the steady
// state, when they are in memory. Run after `npm run build`:
//   node benchmarks/loader.mjs [recording, default recordings/doom-e1m2] [workers, default 2] [seconds, default 10]
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDataset } from "@vid2world/world/data/dataset";
import { createLoader } from "@vid2world/world/data/loader";
import { openRecording } from "@vid2world/world/data/recording";

const root = fileURLToPath(new URL("..", import.meta.url));
const [recording = "recordings/doom-e1m2", workers = "2", seconds = "10"] = process.argv.slice(2);
const opened = await openRecording(join(root, recording));
const dataset = createDataset([opened], { split: "train", frames: 16, shuffleSeed: 0 });
const load = loadavg()
  .map((value) => value.toFixed(1))
  .join(" ");
console.log(`${cpus().length} x ${cpus()[0]?.model}, load ${load}, Node ${process.version}, ${workers} workers`);

async function measure(title, loader, milliseconds) {
  const begun = performance.now();
  let clips = 0;
  while (performance.now() - begun < milliseconds) clips += (await loader.next()).batch;
  const elapsed = (performance.now() - begun) / 1000;
  const rate = clips / elapsed;
  console.log(`${title}: ${rate.toFixed(1)} clips/s, ${(rate * 16).toFixed(0)} frames/s over ${elapsed.toFixed(1)} s`);
}

for (const [title, cacheBytes] of [
  ["in memory", 2 ** 30],
  ["clip by clip", 0],
]) {
  const loader = createLoader(dataset, { batch: 8, workers: Number(workers), cacheBytes });
  if (cacheBytes > 0) {
    const begun = performance.now();
    const seen = new Set();
    while (seen.size < dataset.episodes.length) for (const clip of (await loader.next()).clips) seen.add(clip.episode);
    const frames = dataset.episodes.reduce((sum, episode) => sum + episode.frames, 0);
    const elapsed = (performance.now() - begun) / 1000;
    console.log(`decoding all ${frames} frames: ${elapsed.toFixed(1)} s, ${(frames / elapsed).toFixed(0)} frames/s`);
  }
  await measure(title, loader, Number(seconds) * 1000);
  await loader.close();
}
