// Builds the published model at its full size with random weights and runs it on the CPU: the U-Net on one and two frames of 320x512
// pictures, then the autoencoder, both towers and the resampler. Writes time, memory and parameters to benchmarks/results/full-size.json.
// Usage: npx tsc -p benchmarks && node benchmarks/dist/full-size.js [--unet-only] [--actions 13] [--threads N] [--out FILE]
// Memory: 7 GiB for the U-Net alone, 12 GiB for everything.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { circumstances, describeCircumstances } from "@vid2world/cli/bench/circumstances";
import { processMemory } from "@vid2world/cli/bench/process-memory";
import { writeFileAtomically } from "@vid2world/formats";
import {
  type Module,
  type Tensor,
  full,
  getNumThreads,
  inferenceMode,
  libtorchVersion,
  manualSeed,
  noGrad,
  rand,
  randn,
  scope,
  setNumThreads,
} from "@vid2world/torch";
import { sceneDescriber } from "@vid2world/world";
import { AutoencoderKL } from "@vid2world/world/model/autoencoder/autoencoder";
import { ClipImageTower } from "@vid2world/world/model/clip/image-tower";
import { ClipTextTower } from "@vid2world/world/model/clip/text-tower";
import { publishedUNet } from "@vid2world/world/model/latent-video-diffusion";
import { Resampler } from "@vid2world/world/model/resampler";
import { UNet3D } from "@vid2world/world/model/unet/unet";

const { values } = parseArgs({
  options: {
    "unet-only": { type: "boolean", default: false },
    actions: { type: "string", default: "13" },
    threads: { type: "string" },
    out: { type: "string", default: "benchmarks/results/full-size.json" },
  },
});
if (values.threads !== undefined) setNumThreads(Number(values.threads));
const actionDim = Number(values.actions);
const [height, width, downscale] = [320, 512, 8];
const GiB = 2 ** 20; // in KiB, as the kernel counts

/** A stage of the run: what it did, how long it took, and the process's memory after it. */
interface Stage {
  readonly stage: string;
  readonly seconds: number;
  /** Of the processor: less than `seconds` where other programs ran, more with several threads. */
  readonly cpuSeconds: number;
  readonly residentGiB: number;
  readonly peakGiB: number;
  readonly parameters?: number;
}

const stages: Stage[] = [];
const rounded = (value: number): number => Math.round(value * 100) / 100;

async function measured<T>(stage: string, run: () => T): Promise<T> {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  const result = run();
  const seconds = rounded((performance.now() - begun) / 1000);
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = rounded((user + system) / 1e6);
  const { residentKiB, peakKiB } = await processMemory();
  const memory = { residentGiB: rounded(residentKiB / GiB), peakGiB: rounded(peakKiB / GiB) };
  const parameters = isModule(result) ? { parameters: countOf(result) } : {};
  stages.push({ stage, seconds, cpuSeconds, ...memory, ...parameters });
  const count = parameters.parameters === undefined ? "" : `, ${parameters.parameters.toLocaleString("en")} parameters`;
  console.log(
    `${stage}: ${seconds} s (${cpuSeconds} s of CPU), ${memory.residentGiB} GiB resident, peak ${memory.peakGiB} GiB${count}`,
  );
  return result;
}

const isModule = (value: unknown): value is Module =>
  typeof value === "object" && value !== null && "parameters" in value;
const countOf = (module: Module): number => module.parameters().reduce((sum, { numel }) => sum + numel, 0);

/** Refuses before the machine starts to swap or the kernel kills somebody. */
async function needGiB(gib: number, what: string): Promise<void> {
  const available = Number(/^MemAvailable:\s+(\d+)/m.exec(await readFile("/proc/meminfo", "utf8"))?.[1]) / GiB;
  if (available < gib) throw new Error(`${what} needs ${gib} GiB of free memory, there are ${available.toFixed(1)}`);
}

/** Gives layers that begin at zero, and would make every result zero, small random weights. */
function withoutZeros<M extends Module>(module: M): M {
  const startsAtZero = (weight: Tensor): boolean => weight.detach().flatten().narrow(0, 0, 1).item() === 0;
  noGrad(() =>
    scope(() => {
      for (const weight of module.parameters())
        if (weight.rank > 1 && startsAtZero(weight)) weight.normal_({ mean: 0, std: 0.02 });
    }),
  );
  return module;
}

/** A number that tells whether a result is finite and not all zeros. */
function checked(what: string, result: Tensor): void {
  const size = inferenceMode(() => scope(() => result.float().square().mean().sqrt().item()));
  if (!Number.isFinite(size) || size === 0) throw new Error(`${what}: root mean square ${size}`);
}

manualSeed(0);
await needGiB(values["unet-only"] ? 8 : 13.5, "the full-size model");
const ready = <M extends Module>(build: () => M): M => withoutZeros(build()).requiresGrad_(false).eval();

const unet = await measured("build the U-Net", () => ready(() => new UNet3D(publishedUNet(actionDim))));
const { textTokens, imageTokensPerFrame, temporalLength, contextDim = 0 } = unet.options;
const randomContext = randn([1, textTokens + imageTokensPerFrame * temporalLength, contextDim]);

/** One evaluation as in sampling: noisy latents beside the first frame's, a level and an action per frame. */
function evaluate(frames: number, context: Tensor): void {
  const latents = [height / downscale, width / downscale];
  const output = inferenceMode(() =>
    unet.forward({
      x_BTCHW: randn([1, frames, 8, ...latents]),
      timesteps: full([1, frames], 500, { dtype: "int64" }),
      context,
      actions_BTA: randn([1, frames, actionDim]),
    }),
  );
  checked("the U-Net", output);
  output.dispose();
}
await measured("U-Net, 1 frame", () => evaluate(1, randomContext));
await measured("U-Net, 2 frames", () => evaluate(2, randomContext));

const parts: Record<string, Module> = { unet };
if (!values["unet-only"]) {
  const autoencoder = await measured("build the autoencoder", () => ready(() => new AutoencoderKL()));
  const textTower = await measured("build the text tower", () => ready(() => new ClipTextTower()));
  const imageTower = await measured("build the image tower", () => ready(() => new ClipImageTower()));
  const resampler = await measured("build the resampler", () => ready(() => new Resampler()));
  Object.assign(parts, { autoencoder, textTower, imageTower, resampler });

  const frame_BCHW = rand([1, 3, height, width]).mul(2).sub(1);
  const latent_BCHW = await measured("encode a frame", () =>
    inferenceMode(() => autoencoder.encode(frame_BCHW).mean_NCHW),
  );
  const decoded_BCHW = await measured("decode a frame", () => inferenceMode(() => autoencoder.decode(latent_BCHW)));
  checked("the autoencoder", decoded_BCHW);
  const describe = sceneDescriber({ textTower, imageTower, resampler });
  const scene = await measured("describe a scene and its reconstruction", () =>
    describe(frame_BCHW, () => decoded_BCHW),
  );
  const context = scene.context as Tensor;
  checked("the context", context);
  await measured("U-Net, 1 frame, everything in memory", () => evaluate(1, context));
}

const networks = Object.values(parts);
const result = {
  benchmark: "full-size",
  what: `random weights, float32, ${width}x${height}, actions of ${actionDim} numbers${values["unet-only"] ? ", U-Net alone" : ""}`,
  ...circumstances(getNumThreads(), { libtorch: libtorchVersion }),
  parameters: {
    ...Object.fromEntries(Object.entries(parts).map(([name, module]) => [name, countOf(module)])),
    total: networks.reduce((sum, module) => sum + countOf(module), 0),
  },
  keys: networks.reduce((sum, module) => sum + module.stateDict().size, 0),
  stages,
};
await writeFileAtomically(values.out, `${JSON.stringify(result, undefined, 2)}\n`);
console.log(`${describeCircumstances(result)}\n${values.out}`);
