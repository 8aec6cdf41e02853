// Frames by the published algorithm in plain PyTorch for Python, of the very weights of ours: how long they take, and whether they are equal.
// Axes: B batch, K known frames, T = K + 1, C channels, A action numbers, L context tokens, D context width.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  type Tensor,
  loadSafetensors,
  manualSeed,
  noGrad,
  randn,
  saveSafetensors,
  scope,
  stack,
} from "@vid2world/torch";
import { type WorldParts, networkOf } from "@vid2world/world";
import { sampleFrame } from "@vid2world/world/diffusion/frame-sampling";
import { noiseSchedule } from "@vid2world/world/diffusion/schedule";
import { findPyTorch, startPyTorch } from "./python.js";
import { HISTORY_LEVEL, type Placement } from "./random-world.js";
import { quantile } from "./timing.js";

/** What is asked. */
export interface PlainOptions extends Placement {
  readonly context: number;
  readonly steps: number;
  readonly frames: number;
  /** Seconds for all frames; more are estimated. */
  readonly limit: number;
  readonly threads: number;
}

/** What was found; `deviation`: the largest difference of a frame in two steps from ours, as a part of its largest number. */
export interface PlainFrames {
  readonly version: string;
  readonly deviation: number;
  readonly figures: {
    readonly perFrame: number;
    readonly p50: number;
    readonly p95: number;
    readonly frames: number;
    readonly peakBytes: number;
  };
}

/** Seconds of a frame of many steps, from frames of one and of two. */
export const extrapolated = (one: number, two: number, steps: number): number =>
  one + (steps - 1) * Math.max(0, two - one);

/** Times frames in a Python process of its own; or says why it cannot. */
export async function timePlainFrames(
  parts: WorldParts,
  options: PlainOptions,
): Promise<PlainFrames | { readonly missing: string }> {
  const found = await findPyTorch();
  if ("missing" in found) return found;
  const folder = await mkdtemp(path.join(tmpdir(), "vid2world-bench-"));
  const file = (name: string): string => path.join(folder, `${name}.safetensors`);
  try {
    const ours = await writeInputs(parts, options, file);
    await using python = startPyTorch(options.threads);
    await python.ask({ request: "hello", threads: options.threads });
    const { guidanceScale, guidanceRescale } = parts.config.sampler;
    await python.ask({
      ...{ request: "open-sampler", model: parts.config.unet, diffusion: parts.config.diffusion },
      ...{ sampler: { guidanceScale, guidanceRescale, historyLevel: HISTORY_LEVEL } },
      ...{ weights: file("weights"), inputs: file("inputs"), device: options.device, dtype: options.dtype },
    });
    await python.ask({ request: "frame-output", steps: 2, path: file("frame") });
    const theirs = [...((await loadSafetensors(file("frame"))).get("latent")?.toNumbers() ?? [])];
    const largest = Math.max(...ours.map(Math.abs));
    const deviation = Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] ?? NaN)))) / largest;
    const timed = (steps: number, count: number) => python.ask({ request: "frames", steps, count });
    const [one = NaN] = (await timed(1, 1)).seconds;
    const [two = NaN] = (await timed(2, 1)).seconds;
    const expected = extrapolated(one, two, options.steps);
    const estimated = options.frames * expected > options.limit;
    const { seconds, peakBytes } = await timed(estimated ? 1 : options.steps, estimated ? 1 : options.frames);
    const peak = peakBytes ?? 1024 * (await python.ask({ request: "memory" })).peakKiB;
    const [p50, p95] = estimated ? [expected, expected] : [quantile(seconds, 0.5), quantile(seconds, 0.95)];
    const figures = { perFrame: p50, p50, p95, frames: estimated ? 0 : options.frames, peakBytes: peak };
    return { version: found.version, deviation, figures };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Writes weights and a random window, and makes its next frame by our sampler in two steps without fresh noise. -> its numbers */
async function writeInputs(
  { unet, config, describeScene }: WorldParts,
  { context: known, device }: PlainOptions,
  file: (name: string) => string,
): Promise<number[]> {
  manualSeed(1);
  const { frame, autoencoder, unet: options } = config;
  const halved = 2 ** (autoencoder.channelMultipliers.length - 1);
  const shape = [1, autoencoder.embedDim, frame.height / halved, frame.width / halved];
  const random = (size: readonly number[]): Tensor => randn(size).to(device);
  const sampler = { ...config.sampler, numSteps: 2, eta: 0, historyLevel: HISTORY_LEVEL };
  const settings = { schedule: noiseSchedule(config.diffusion), sampler, windowLength: known + 1 };
  const start = random(shape);
  const history = Array.from({ length: known }, () => ({
    ...{ latent_BCHW: random(shape), noisy_BCHW: random(shape) },
    action_BA: random([1, options.actionDim ?? 0]),
  }));
  const action_BA = random([1, options.actionDim ?? 0]);
  const scene = describeScene?.(start) ?? {};
  const numbers = noGrad(() =>
    scope(() => [
      ...sampleFrame(networkOf(unet), history, action_BA, known, scene, {
        ...settings,
        noise: () => start,
      }).toNumbers(),
    ]),
  );
  const inputs = noGrad(() => {
    // Nothing led to the first frame: its action is zero.
    const led = history.map(({ action_BA }, i) => (i === 0 ? action_BA.mul(0) : action_BA));
    return new Map<string, Tensor>([
      [
        "noisy",
        stack(
          history.map(({ noisy_BCHW }) => noisy_BCHW),
          { dim: 1 },
        ),
      ],
      ["first", (history[0]?.latent_BCHW ?? start).unsqueeze(1)],
      ["actions", stack([...led, action_BA], { dim: 1 })],
      ["start", start.unsqueeze(1)],
      ...(scene.context ? [["context", scene.context] as [string, Tensor]] : []),
      ...(scene.unconditionalContext ? [["plainContext", scene.unconditionalContext] as [string, Tensor]] : []),
    ]);
  });
  await saveSafetensors(file("weights"), unet.stateDict());
  await saveSafetensors(file("inputs"), inputs);
  return numbers;
}
