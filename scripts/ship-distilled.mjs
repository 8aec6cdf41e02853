// Turns a finished run of configs/doom/distill.yaml into the folder that the repository ships: float16 weights, the decoders of the teacher (the
// tiny one is used, as the world is for live play), and the resolved configuration and log of the run.
// Usage: node scripts/ship-distilled.mjs RUN WORLD, for example runs/doom/distill worlds/doom-live
import { copyFile, mkdir } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { loadConfig, loadWorld, saveWorld } from "@vid2world/world";
import { trainingConfigSchema } from "@vid2world/world/training/config";

const [run, target] = process.argv.slice(2);
if (!run || !target) {
  console.error("usage: node scripts/ship-distilled.mjs RUN WORLD");
  process.exit(2);
}
const { data } = await loadConfig(join(run, "config.yaml"), trainingConfigSchema);
const { config, parts } = await loadWorld(join(run, "world"));
const recordings = relative(resolve(target), resolve(data.recordings));
const name = basename(resolve(target));
await saveWorld(target, { ...config, name, recordings, decoder: "tiny" }, parts, { dtype: "float16" });
await mkdir(join(target, "training"), { recursive: true });
await copyFile(join(run, "config.yaml"), join(target, "training", "distill.yaml"));
await copyFile(join(run, "metrics.jsonl"), join(target, "training", "distill.metrics.jsonl"));
console.log(`${target}: ready (${recordings})`);
