// Makes what both sides of `bench metrics` read: pictures or vectors, random weights, and folders of clips.
// Axes: T pictures, C colours, H height, W width; N vectors, D features.
import { mkdir, symlink } from "node:fs/promises";
import path from "node:path";
import { writeVideo } from "@vid2world/formats";
import { manualSeed, ones, rand, randn, saveSafetensors, scope, type Tensor } from "@vid2world/torch";
import { lpipsTrunks } from "@vid2world/world/evaluation/metrics/lpips";
import { inceptionTensors } from "@vid2world/world/evaluation/networks/inception";
import { layerTensors } from "@vid2world/world/evaluation/networks/layers";
import type { BenchedMetric, OpenMetricRequest } from "./protocol.js";

/** What a metric is measured on. */
export interface MetricSizes {
  /** Pictures of one evaluation. */
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** Vectors of either set, and numbers of each, for the Frechet distance. */
  readonly vectors: number;
  readonly features: number;
}

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Writes inputs and weights into `folder`. */
export async function makeMetricInputs(
  folder: string,
  metric: BenchedMetric,
  sizes: MetricSizes,
): Promise<OpenMetricRequest> {
  manualSeed(7);
  const inputs = path.join(folder, `${metric}-inputs.safetensors`);
  await write(inputs, () => (metric === "frechet" ? vectors(sizes) : pictures(sizes)));
  const weights: string[] = [];
  for (const [i, shapes] of networkShapes(metric).entries()) {
    const file = path.join(folder, `${metric}-weights-${i}.safetensors`);
    await write(file, () => new Map([...shapes].map(([key, shape]) => [key, randomWeight(key, shape)])));
    weights.push(file);
  }
  return { request: "open-metric", metric, inputs, weights };
}

/** `count` clips of one video and a noisier one, as evaluation finds them. The videos are written once. */
export async function makeClips(
  folder: string,
  count: number,
  { frames, height, width }: MetricSizes,
): Promise<string> {
  const [made, root] = [path.join(folder, "made"), path.join(folder, "clips")];
  for (const each of [made, root]) await mkdir(each);
  for (const [name, noise] of [
    ["gt_video.mp4", 0],
    ["pred_video.mp4", 30],
  ] as const)
    await writeVideo(path.join(made, name), movingWave(frames, height, width, noise), { height, width, fps: 4 });
  for (let clip = 0; clip < count; clip++) await symlink(made, path.join(root, String(clip).padStart(5, "0")), "dir");
  return root;
}

async function write(file: string, make: () => ReadonlyMap<string, Tensor>): Promise<void> {
  const tensors = scope(() => Object.fromEntries(make()));
  await saveSafetensors(file, new Map(Object.entries(tensors)));
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

function pictures({ frames, height, width }: MetricSizes): Map<string, Tensor> {
  const a = rand([frames, 3, height, width]).mul(1.6).sub(0.8);
  const noise = randn([frames, 3, height, width]).mul(0.1);
  return new Map([
    ["a", a],
    ["b", a.add(noise).clamp({ min: -1, max: 1 })],
  ]);
}

const vectors = ({ vectors, features }: MetricSizes): Map<string, Tensor> =>
  new Map([
    ["a", randn([vectors, features])],
    ["b", randn([vectors, features]).mul(1.2).add(0.3)],
  ]);

/** Tensors of each file that the metric's network is read from. */
function networkShapes(metric: BenchedMetric): readonly Shapes[] {
  if (metric === "inception") return [inceptionTensors.shapes];
  if (metric !== "lpips-vgg" && metric !== "lpips-alex") return [];
  const { layers, widths } = lpipsTrunks[metric === "lpips-vgg" ? "vgg" : "alex"];
  const heads = widths.map((width, tap) => [`lin${tap}.model.1.weight`, [1, width, 1, 1]] as const);
  return [layerTensors(layers, 3).shapes, new Map(heads)];
}

/** Activations keep their size through rectified layers; heads and variances are positive. */
function randomWeight(key: string, shape: readonly number[]): Tensor {
  if (key.startsWith("lin")) return rand(shape);
  if (shape.length > 1) return randn(shape).mul(Math.sqrt(2 / shape.slice(1).reduce((a, b) => a * b, 1)));
  return key.endsWith("bn.weight") || key.endsWith("running_var") ? ones(shape) : randn(shape).mul(0.1);
}

function* movingWave(count: number, height: number, width: number, noise: number): Generator<Uint8Array> {
  for (let t = 0; t < count; t++)
    yield Uint8Array.from(
      { length: height * width * 3 },
      (_, i) => 128 + 90 * Math.sin((i % (width * 3)) / 40 + t / 2) + noise * Math.sin(i * i),
    );
}
