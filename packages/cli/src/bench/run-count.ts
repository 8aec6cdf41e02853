// `bench count`: what a new frame costs in operations and bytes, counted from the operator calls that it consists of, and what share of this
// machine's matrix product rate it reaches.
import {
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
import { UNet3D } from "@vid2world/world/model/unet/unet";
import { type CaseName, openCase } from "./cases.js";
import { type Circumstances, circumstances } from "./circumstances.js";
import { cpuTimed, frameInput } from "./run-streaming.js";
import { timesOf } from "./timing.js";

/** What one evaluation consists of. */
export interface Counted {
  /** Operator calls, views among them. */
  readonly calls: number;
  /** Multiplications and additions of convolutions and matrix products. */
  readonly flops: number;
  /** Bytes that operators read and write, each counted by itself: views none, weights once a call. */
  readonly bytes: number;
  /** Processor time, milliseconds, the median. */
  readonly milliseconds: number;
}

/** What `bench count` found for one network. */
export interface CountCase {
  readonly name: CaseName;
  readonly context: number;
  readonly newFrame: Counted;
  readonly window: Counted;
}

/** What `bench count` found. */
export interface CountResult extends Circumstances {
  readonly benchmark: "count";
  /** Operations a second of a 1024 x 1024 x 1024 product, float32. */
  readonly productRate: number;
  readonly cases: readonly CountCase[];
}

/** Runs the benchmark with random weights, float32. */
export async function runCount(options: {
  readonly cases: readonly CaseName[];
  readonly context: number;
  readonly rounds: number;
  readonly threads: number;
}): Promise<CountResult> {
  const { context, rounds, threads } = options;
  setNumThreads(threads);
  const cases: CountCase[] = [];
  for (const name of options.cases) {
    const opened = await openCase(name, 1);
    manualSeed(0);
    const model = { ...opened.run.model, temporalNorm: "causal", causal: true, temporalLength: context + 1 } as const;
    const unet = new UNet3D(model).eval().requiresGrad_(false);
    const stream = new UNetStream(unet);
    const [frame, whole] = [frameInput(opened, 1), frameInput(opened, context + 1)];
    const { history } = stream.begin(frameInput(opened, context));
    const prepared = new Map<object, LayerMemory>();
    const newFrame = () => unet.forward(frame, new TimePass({ record: false, prepared, past: history.layers }));
    const counted = (body: () => ReturnType<typeof newFrame>, run: () => unknown): Counted =>
      noGrad(() =>
        scope(() => {
          body(); // makes what is derived from the weights once
          const calls = trace([], () => [body()]).trace.calls();
          const times = Array.from({ length: rounds + 2 }, () => cpuTimed(() => scope(() => void run()))).slice(2);
          const sum = (of: (call: TracedCall) => number): number => calls.reduce((total, call) => total + of(call), 0);
          return { calls: calls.length, flops: sum(flopsOf), bytes: sum(bytesOf), milliseconds: timesOf(times).median };
        }),
      );
    cases.push({
      ...{ name, context },
      newFrame: counted(newFrame, () => stream.predict(history, frame)),
      window: counted(
        () => unet.forward(whole),
        () => unet.forward(whole),
      ),
    });
    history.dispose();
    stream.dispose();
  }
  const [a, b] = [randn([1024, 1024]), randn([1024, 1024])];
  const product = Array.from({ length: rounds + 2 }, () => cpuTimed(() => scope(() => void a.mm(b)))).slice(2);
  return {
    benchmark: "count",
    ...circumstances(threads, { libtorch: libtorchVersion }),
    productRate: (2 * 1024 ** 3) / (timesOf(product).median / 1e3),
    cases,
  };
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
export function showCount({ cases, productRate }: CountResult): string {
  const heading = ["", "calls", "GFLOP", "MB moved", "CPU ms", "GFLOP/s", "share of a product's rate"];
  const row = (label: string, { calls, flops, bytes, milliseconds }: Counted): string[] => {
    const rate = flops / (milliseconds / 1e3);
    const share = `${((100 * rate) / productRate).toFixed(0)} %`;
    const [giga, mega] = [(flops / 1e9).toFixed(3), (bytes / 1e6).toFixed(1)];
    return [label, String(calls), giga, mega, milliseconds.toFixed(1), (rate / 1e9).toFixed(1), share];
  };
  const rows = cases.flatMap(({ name, context, newFrame, window }) => [
    row(`${name}: new frame after ${context}`, newFrame),
    row(`${name}: window of ${context + 1}`, window),
  ]);
  return `a product of 1024 x 1024 matrices: ${(productRate / 1e9).toFixed(0)} GFLOP/s\n\n${textTable([heading, ...rows])}`;
}
