// Writes a checkpoint of the published model at its full size (random weights, float32, 10.4 GB) as the published code would, inspects
// it, loads all five networks from it in a fresh process, and reports time and peak memory. The file is deleted afterwards.
// Usage: npx tsc -p benchmarks && node benchmarks/dist/full-checkpoint.js [--folder DIR] [--keep] [--out FILE]
// Needs 12 GB of disk in DIR and 13 GiB of memory.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { circumstances, describeCircumstances } from "@vid2world/cli/bench/circumstances";
import { processMemory } from "@vid2world/cli/bench/process-memory";
import { writeFileAtomically } from "@vid2world/formats";
import { OrderedDict } from "@vid2world/formats/pickle/values";
import { TorchTensorInput, writeTorchArchive } from "@vid2world/formats/torch-archive/write";
import { getNumThreads, initializing, libtorchVersion, manualSeed, noGrad, randn, scope } from "@vid2world/torch";
import { inspectCheckpoint } from "@vid2world/world/checkpoints/inspect";
import { closeSources, loadPart, openSources } from "@vid2world/world/checkpoints/load-part";
import { clipSchema } from "@vid2world/world/model/clip/options";
import { autoencoderSchema } from "@vid2world/world/model/autoencoder/options";
import { latentVideoDiffusionKeyMap } from "@vid2world/world/model/key-maps/latent-video-diffusion";
import { LatentVideoDiffusion, publishedUNet } from "@vid2world/world/model/latent-video-diffusion";
import { resamplerSchema } from "@vid2world/world/model/resampler";
import { unetSchema } from "@vid2world/world/model/unet/options";

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: tmpdir() },
    keep: { type: "boolean", default: false },
    out: { type: "string", default: "benchmarks/results/full-checkpoint.json" },
    /** For the second process: the file to load. */
    load: { type: "string" },
  },
});

const ACTIONS = 13;
const GIGABYTE = 1e9;
const rounded = (value: number): number => Math.round(value * 100) / 100;

/** A stage of the run, with the memory of its process after it. */
interface Stage {
  readonly stage: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly residentGB: number;
  readonly peakGB: number;
}

async function measured<T>(stages: Stage[], stage: string, run: () => Promise<T>): Promise<T> {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  const result = await run();
  const { user, system } = process.cpuUsage(cpu);
  const { residentKiB, peakKiB } = await processMemory();
  const [residentGB, peakGB] = [rounded((residentKiB * 1024) / GIGABYTE), rounded((peakKiB * 1024) / GIGABYTE)];
  const seconds = rounded((performance.now() - begun) / 1000);
  stages.push({ stage, seconds, cpuSeconds: rounded((user + system) / 1e6), residentGB, peakGB });
  process.stderr.write(`${stage}: ${seconds} s, ${residentGB} GB resident, peak ${peakGB} GB\n`);
  return result;
}

/** Streams the checkpoint to the disk: one tensor in memory at a time. */
async function writeCheckpoint(file: string): Promise<number> {
  const options = { unet: publishedUNet(ACTIONS) };
  const model = initializing({ device: "meta", random: false }, () => new LatentVideoDiffusion(options));
  const map = latentVideoDiffusionKeyMap(options);
  const state = [...model.stateDict()].map(([key, { shape }]) => {
    const bytes = (): Uint8Array => noGrad(() => scope(() => randn(shape).mul(0.02).toBytes()));
    return [map.toOriginal(key) ?? key, new TorchTensorInput("float32", shape, bytes)] as const;
  });
  manualSeed(0);
  await writeTorchArchive(
    file,
    new Map<string, unknown>([
      ["epoch", 0],
      ["global_step", 100_000],
      ["state_dict", new OrderedDict(state)],
    ]),
  );
  return state.length;
}

/** In the second process: all five networks. */
async function load(file: string): Promise<void> {
  const stages: Stage[] = [];
  const sources = await measured(stages, "open and identify", () => openSources([file]));
  const modules = await measured(stages, "load five networks", async () => {
    const clip = clipSchema.parse({});
    return [
      await loadPart("unet", unetSchema.parse(publishedUNet(ACTIONS)), sources),
      await loadPart("autoencoder", autoencoderSchema.parse({}), sources),
      await loadPart("textTower", clip, sources),
      await loadPart("imageTower", clip, sources),
      await loadPart("resampler", resamplerSchema.parse({}), sources),
    ];
  });
  await closeSources(sources);
  const parameters = modules.reduce(
    (sum, module) => sum + module.parameters().reduce((n, { numel }) => n + numel, 0),
    0,
  );
  console.log(JSON.stringify({ stages, parameters }));
}

/** Refuses before the disk is full or the kernel kills somebody. */
async function needRoom(folder: string): Promise<void> {
  const memory = Number(/^MemAvailable:\s+(\d+)/m.exec(await readFile("/proc/meminfo", "utf8"))?.[1]) * 1024;
  const { bavail, bsize } = await statfs(folder);
  if (memory < 13 * 2 ** 30)
    throw new Error(`13 GiB of free memory are needed, there are ${rounded(memory / 2 ** 30)}`);
  if (bavail * bsize < 12 * GIGABYTE)
    throw new Error(`${folder}: 12 GB of free disk are needed, there are ${rounded((bavail * bsize) / GIGABYTE)}`);
}

async function main(): Promise<void> {
  await needRoom(values.folder);
  const folder = await mkdtemp(path.join(values.folder, "vid2world-full-"));
  const file = path.join(folder, "full.ckpt");
  const stages: Stage[] = [];
  try {
    const keys = await measured(stages, "write", () => writeCheckpoint(file));
    const report = await measured(stages, "inspect", () => inspectCheckpoint(file));
    const text = execFileSync(process.execPath, [fileURLToPath(import.meta.url), "--load", file], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    const loaded = JSON.parse(text) as { stages: Stage[]; parameters: number };
    const result = {
      benchmark: "full-checkpoint",
      what: `${report.model.title}: random weights, float32, Lightning-style zip archive`,
      ...circumstances(getNumThreads(), { libtorch: libtorchVersion }),
      fileGB: rounded((await stat(file)).size / GIGABYTE),
      keys,
      parameters: loaded.parameters,
      writing: stages,
      loading: loaded.stages,
    };
    await writeFileAtomically(values.out, `${JSON.stringify(result, undefined, 2)}\n`);
    console.log(`${describeCircumstances(result)}\n${values.out}`);
  } finally {
    if (!values.keep) await rm(folder, { recursive: true, force: true });
  }
}

await (values.load === undefined ? main() : load(values.load));
