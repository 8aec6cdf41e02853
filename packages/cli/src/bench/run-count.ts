// `bench count`: what a new frame costs in operations and bytes, counted from the operator calls that it consists of, and what share of this
// machine's matrix product rate it reaches; what does not change from step to step; and what is held in memory for it.
import {
  type Tensor,
  type TracedCall,
  libtorchVersion,
  manualSeed,
  noGrad,
  randn,
  scope,
  setNumThreads,
  trace,
} from "@vid2world/torch";
import { textTable } from "@vid2world/formats/text-table";
import { TimePass, type LayerMemory } from "@vid2world/world/model/unet/time-pass";
import { UNetStream } from "@vid2world/world/model/unet/unet-stream";
import { timestepEmbedding } from "@vid2world/world/model/unet/timestep-embedding";
import { UNet3D, type UNetInput } from "@vid2world/world/model/unet/unet";
import { caseNames, openCase } from "./cases.js";
import { type Circumstances, circumstances } from "./circumstances.js";
import { type HeldBytes, heldBytes } from "./held-bytes.js";
import { randomWorldConfig } from "./random-world.js";
import { type NetworkSize, cpuTimed, frameInput } from "./run-streaming.js";
import { timesOf } from "./timing.js";

/** What one evaluation consists of. */
export interface Counted {
  /** Operator calls, views among them. */
  readonly calls: number;
  /** Multiplications and additions of convolutions and matrix products. */
  readonly flops: number;
  /** Bytes that operators read and write, each counted by itself: views none, weights once a call. */
  readonly bytes: number;
  /** Processor time, milliseconds, the least of all rounds. */
  readonly milliseconds: number;
}

/** Networks that are counted. `narrow`: the published architecture at 320x512 with a tenth of its channels. */
export const countNames = [...caseNames, "narrow"] as const;
/** One of them. */
export type CountName = (typeof countNames)[number];

/** What `bench count` found for one network. */
export interface CountCase {
  readonly name: CountName;
  readonly context: number;
  readonly newFrame: Counted;
  /** The same from text and image tokens, as if their keys and values were not made once per scene; absent in a network without a context. */
  readonly fromTokens?: Counted;
  /** Of the new frame: its timestep and frame rate embedded, which a table could hold. */
  readonly timestep: Counted;
  readonly window: Counted;
  /** The same window evaluated to be remembered: what the beginning of a history is. */
  readonly beginning: Counted;
}

/** What `bench count` found. */
export interface CountResult extends Circumstances {
  readonly benchmark: "count";
  /** Operations a second of a 1024 x 1024 x 1024 product, float32. */
  readonly productRate: number;
  readonly cases: readonly CountCase[];
  /** Memory of these networks and of the published one at full size, counted from their layers. */
  readonly held: Readonly<Record<string, HeldBytes>>;
}

/** Runs the benchmark with random weights, float32. */
export async function runCount(options: {
  readonly cases: readonly CountName[];
  readonly context: number;
  readonly rounds: number;
  readonly threads: number;
}): Promise<CountResult> {
  const { context, rounds, threads } = options;
  setNumThreads(threads);
  const cases: CountCase[] = [];
  const held: Record<string, HeldBytes> = {};
  for (const name of options.cases) {
    const size = await networkSize(name);
    held[name] = heldBytes(size.run.model);
    cases.push({ name, context, ...countNetwork(size, context, rounds) });
  }
  held["full"] = heldBytes((await randomWorldConfig("full")).unet);
  const [a, b] = [randn([1024, 1024]), randn([1024, 1024])];
  const product = Array.from({ length: rounds + 2 }, () => cpuTimed(() => scope(() => void a.mm(b)))).slice(2);
  return {
    benchmark: "count",
    ...circumstances(threads, { libtorch: libtorchVersion }),
    productRate: (2 * 1024 ** 3) / (timesOf(product).minimum / 1e3),
    cases,
    held,
  };
}

/** Options and latents of a network. */
async function networkSize(name: CountName): Promise<NetworkSize & { readonly run: { readonly model: Options } }> {
  if (name !== "narrow") return openCase(name, 1);
  const { unet, frame, autoencoder } = await randomWorldConfig(name);
  const halved = 2 ** (autoencoder.channelMultipliers.length - 1);
  return { run: { model: unet }, height: frame.height / halved, width: frame.width / halved };
}

type Options = UNet3D["options"];

function countNetwork(
  size: NetworkSize & { readonly run: { readonly model: Options } },
  context: number,
  rounds: number,
): Omit<CountCase, "name" | "context"> {
  manualSeed(0);
  const unet = new UNet3D({
    ...{ ...size.run.model, temporalNorm: "causal", causal: true, temporalLength: context + 1 },
  }).eval();
  unet.requiresGrad_(false);
  const stream = new UNetStream(unet);
  const tokens = tokensOf(unet.options);
  const told = (frames: number, told?: Tensor): UNetInput => ({
    ...frameInput(size, frames),
    ...(told && { context: told }),
  });
  const folded = tokens && noGrad(() => unet.foldContext(tokens));
  const { history } = stream.begin(told(context, folded));
  // A frame at the end of a full window has tokens of its own.
  const { textTokens, imageTokensPerFrame } = unet.options;
  const own = (all: Tensor): Tensor => all.narrow(1, 0, textTokens + imageTokensPerFrame);
  const frame = told(1, folded && own(folded));
  const [plain, whole] = [told(1, tokens && own(tokens)), told(context + 1, folded)];
  const prepared = new Map<object, LayerMemory>();
  const once = (input: UNetInput) => () =>
    unet.forward(input, new TimePass({ record: false, prepared, past: history.layers }));
  const counted = (body: () => Tensor, run: () => unknown): Counted =>
    noGrad(() =>
      scope(() => {
        body(); // makes what is derived from the weights once
        const calls = trace([], () => [body()]).trace.calls();
        const times = Array.from({ length: rounds + 2 }, () => cpuTimed(() => scope(() => void run()))).slice(2);
        const sum = (of: (call: TracedCall) => number): number => calls.reduce((total, call) => total + of(call), 0);
        return { calls: calls.length, flops: sum(flopsOf), bytes: sum(bytesOf), milliseconds: timesOf(times).minimum };
      }),
    );
  const embedded = (): Tensor => {
    const steps = timestepEmbedding(frame.timesteps, unet.options.modelChannels);
    const time = unet.timeEmbedding.forward(steps);
    return unet.fpsEmbedding ? time.add(unet.fpsEmbedding.forward(steps)) : time;
  };
  const plainly = (): Tensor => unet.forward(whole);
  const remembered = (): Tensor => unet.forward(whole, new TimePass({ record: true, prepared }));
  const found = {
    newFrame: counted(once(frame), () => stream.predict(history, frame)),
    ...(tokens && { fromTokens: counted(once(plain), () => stream.predict(history, plain)) }),
    timestep: counted(embedded, embedded),
    window: counted(plainly, plainly),
    beginning: counted(remembered, remembered),
  };
  history.dispose();
  stream.dispose();
  return found;
}

/** Random text and image tokens of one scene, `[1 L D]`; undefined for a network without a context. */
function tokensOf({ contextDim, textTokens, imageTokensPerFrame, temporalLength }: Options): Tensor | undefined {
  if (contextDim === undefined) return undefined;
  return randn([1, textTokens + imageTokensPerFrame * temporalLength, contextDim]);
}

/** Operations of a call: those of convolutions and matrix products; everything else is bytes. */
export function flopsOf({ operator, arguments: given, results }: TracedCall): number {
  const made = numel(results[0] ?? []);
  const [first = [], second = [], third = []] = given;
  switch (operator) {
    case "conv1d":
    case "conv2d":
    case "conv3d":
      return 2 * made * numel(second.slice(1));
    case "linear":
      return 2 * made * (second.at(-1) ?? 0);
    case "addmm":
      return third.length === 2 ? 2 * made * (second.at(-1) ?? 0) : 0;
    case "matmul":
    case "mm":
    case "bmm":
      return 2 * made * (first.at(-1) ?? 0);
    case "scaled_dot_product_attention":
      return 2 * numel(first) * (second.at(-2) ?? 0) * 2;
    default:
      return 0;
  }
}

const VIEWS =
  /^(reshape|view|view_as|unflatten|flatten|unsqueeze|squeeze|permute|transpose|t|select|narrow|slice|expand|chunk|split|unbind|detach|alias)(\.|$)/;

/** Bytes of float32 that a call reads and writes; a view moves none. */
export const bytesOf = ({ operator, arguments: given, results }: TracedCall): number =>
  VIEWS.test(operator) ? 0 : 4 * [...given, ...results].reduce((sum, shape) => sum + numel(shape), 0);

const numel = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** The result as a table. */
export function showCount({ cases, productRate, held }: CountResult): string {
  const heading = ["", "calls", "GFLOP", "MB moved", "CPU ms", "GFLOP/s", "share of a product's rate"];
  const row = (label: string, { calls, flops, bytes, milliseconds }: Counted): string[] => {
    const rate = flops / (milliseconds / 1e3);
    const share = `${((100 * rate) / productRate).toFixed(0)} %`;
    const [giga, mega] = [(flops / 1e9).toFixed(3), (bytes / 1e6).toFixed(1)];
    return [label, String(calls), giga, mega, milliseconds.toFixed(1), (rate / 1e9).toFixed(1), share];
  };
  const rows = cases.flatMap(({ name, context, newFrame, fromTokens, timestep, window, beginning }) => [
    row(`${name}: new frame after ${context}`, newFrame),
    ...(fromTokens ? [row(`${name}: the same from tokens`, fromTokens)] : []),
    row(`${name}: of it, the timestep's embedding`, timestep),
    row(`${name}: window of ${context + 1}`, window),
    row(`${name}: the same, remembered`, beginning),
  ]);
  const mega = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  const memory = Object.entries(held).map(([name, { weights, kernels, layouts, scene }]) => [
    ...[name, mega(weights), mega(kernels), mega(layouts), mega(scene)],
  ]);
  const columns = [
    "MiB in float32",
    "weights",
    "kernels over time",
    "laid out for the CPU",
    "keys and values of a scene",
  ];
  return [
    `a product of 1024 x 1024 matrices: ${(productRate / 1e9).toFixed(0)} GFLOP/s`,
    textTable([heading, ...rows]),
    textTable([columns, ...memory]),
  ].join("\n\n");
}
