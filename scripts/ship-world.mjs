// Turns a finished run of scripts/train-doom.sh into the folder that the repository ships: float16 weights, the world's description with
// the playing settings of configs/doom/rollout.yaml, the decoders of the last stages (the tiny one if
// there is one), and the resolved configuration and log of each training stage.
// Usage: node scripts/ship-world.mjs RUNS WORLD, for example runs/doom worlds/doom
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { loadConfig, loadWorld, saveWorld } from "@vid2world/world";
import { loadTinyDecoder } from "@vid2world/world/checkpoints/tiny-decoder-file";
import { loadAutoencoder } from "@vid2world/world/training/autoencoder-file";
import { trainingConfigSchema } from "@vid2world/world/training/config";

const [runs, target] = process.argv.slice(2);
if (!runs || !target) {
  console.error("usage: node scripts/ship-world.mjs RUNS WORLD");
  process.exit(2);
}
const settings = await loadConfig("configs/doom/rollout.yaml", trainingConfigSchema);
const { config, parts } = await loadWorld(join(runs, "rollout/world"));
const { autoencoder } = await loadAutoencoder(join(runs, "decoder"));
const tinyFile = join(runs, "tiny-decoder/tiny-decoder.safetensors");
const tinyDecoder = existsSync(tinyFile) ? await loadTinyDecoder(tinyFile) : undefined;
const recordings = relative(resolve(target), resolve(settings.data.recordings));
const { sampler, contextFrames } = settings;
await saveWorld(
  target,
  {
    ...config,
    name: basename(resolve(target)),
    sampler,
    contextFrames,
    recordings,
    ...(tinyDecoder && { tinyDecoder: tinyDecoder.options }),
  },
  { ...parts, autoencoder, ...(tinyDecoder && { tinyDecoder }) },
  {
    dtype: "float16",
  },
);
await mkdir(join(target, "training"), { recursive: true });
for (const stage of (await readdir(runs)).filter((name) => name !== "latents")) {
  await copyFile(join(runs, stage, "config.yaml"), join(target, "training", `${stage}.yaml`));
  await copyFile(join(runs, stage, "metrics.jsonl"), join(target, "training", `${stage}.metrics.jsonl`));
}
console.log(`${target}: ready (${recordings})`);
