// `bench streaming`: a new frame by whole windows and by streaming, in turns, against the length of the context; times and memory.
// Axes: B batch, T frames.
import {
  type Tensor,
  libtorchVersion,
  manualSeed,
  noGrad,
  randint,
  randn,
  scope,
  setNumThreads,
} from "@vid2world/torch";
import { UNetStream } from "@vid2world/world/model/unet/unet-stream";
import { UNet3D, type UNetInput } from "@vid2world/world/model/unet/unet";
import { type CaseName, type OpenCase, openCase } from "./cases.js";
import { type Circumstances, circumstances } from "./circumstances.js";
import { type Times, timesOf } from "./timing.js";

/** What is timed, for a context of T frames. */
export const timedParts = ["window", "newFrame", "commit", "prefill", "contextWindow"] as const;

/**
 * `window`: one evaluation of context and new frame. `newFrame`: of the new frame against the remembered context. `commit`: the same, and
 * remembering it. `prefill`: of the context, remembering it. `contextWindow`: of the context, remembering nothing.
 */
export type TimedPart = (typeof timedParts)[number];

/** Milliseconds by the clock, and of processor time, which other programs disturb less. */
export interface PartTimes {
  readonly time: Times;
  readonly cpuTime: Times;
}

/** What was found for one length of the context. Ratios are of the least processor times: other programs only ever add to them. */
export interface ContextResult {
  readonly context: number;
  readonly parts: Readonly<Record<TimedPart, PartTimes>>;
  /** Bytes that one rollout's memory holds. */
  readonly memoryBytes: number;
  /** Prefill as a part of an evaluation of the same frames that remembers nothing. */
  readonly prefillRatio: number;
  /** Per number of denoising steps: how many times the frames of whole windows streaming makes, every frame committed. */
  readonly gain: readonly { readonly steps: number; readonly ratio: number }[];
}

/** One network at all lengths. */
export interface StreamingCase {
  readonly name: CaseName;
  readonly latents: readonly [height: number, width: number];
  readonly contexts: readonly ContextResult[];
}

/** What `bench streaming` found. */
export interface StreamingResult extends Circumstances {
  readonly benchmark: "streaming";
  readonly precision: "float32";
  readonly rounds: number;
  readonly cases: readonly StreamingCase[];
}

/** What to run. */
export interface StreamingOptions {
  readonly cases: readonly CaseName[];
  readonly contexts: readonly number[];
  readonly steps: readonly number[];
  readonly threads: number;
  /** Turns that the parts take. */
  readonly rounds: number;
  readonly onProgress?: (text: string) => void;
}

/** Runs the benchmark with random weights: times do not depend on their values. Normalisation over time is causal. */
export async function runStreaming(options: StreamingOptions): Promise<StreamingResult> {
  setNumThreads(options.threads);
  const cases: StreamingCase[] = [];
  for (const name of options.cases) {
    const opened = await openCase(name, 1);
    const contexts = options.contexts.map((context) => {
      options.onProgress?.(`${name}: context of ${context} frames`);
      return measureContext(opened, context, options);
    });
    cases.push({ name, latents: [opened.height, opened.width], contexts });
  }
  const where = circumstances(options.threads, { libtorch: libtorchVersion });
  return { benchmark: "streaming", ...where, precision: "float32", rounds: options.rounds, cases };
}

function measureContext(opened: OpenCase, context: number, { rounds, steps }: StreamingOptions): ContextResult {
  manualSeed(0);
  const model = { ...opened.run.model, temporalNorm: "causal", causal: true, temporalLength: context + 1 } as const;
  const unet = new UNet3D(model).eval().requiresGrad_(false);
  const stream = new UNetStream(unet);
  const [past, whole, frame] = [context, context + 1, 1].map((frames) => frameInput(opened, frames)) as [
    UNetInput,
    UNetInput,
    UNetInput,
  ];
  const { history } = stream.begin(past);
  const bodies: Record<TimedPart, () => unknown> = {
    window: () => unet.forward(whole),
    newFrame: () => stream.predict(history, frame),
    commit: () => stream.commit(history, frame).history.dispose(),
    prefill: () => stream.begin(past).history.dispose(),
    contextWindow: () => unet.forward(past),
  };
  const taken = new Map(timedParts.map((part) => [part, [] as { time: number; cpuTime: number }[]]));
  // The first two turns warm caches and make the traces, and are not counted. Every other turn goes backwards: what a part leaves in caches
  // and in the allocator helps the one after it, which otherwise would always be the same one.
  for (let round = -1; round <= rounds; round++)
    for (const part of round % 2 === 0 ? timedParts : timedParts.toReversed()) {
      const run = timed(() => noGrad(() => scope(() => void bodies[part]())));
      if (round > 0) taken.get(part)?.push(run);
    }
  const parts = Object.fromEntries(
    [...taken].map(([part, runs]) => [
      part,
      { time: timesOf(runs.map(({ time }) => time)), cpuTime: timesOf(runs.map(({ cpuTime }) => cpuTime)) },
    ]),
  ) as unknown as Record<TimedPart, PartTimes>;
  const memoryBytes = history.bytes;
  history.dispose();
  stream.dispose();
  const of = (part: TimedPart): number => parts[part].cpuTime.minimum;
  return {
    context,
    parts,
    memoryBytes,
    prefillRatio: of("prefill") / of("contextWindow"),
    gain: steps.map((count) => ({
      steps: count,
      ratio: (count * of("window")) / (count * of("newFrame") + of("commit")),
    })),
  };
}

/** A network and the size of its latents. */
export interface NetworkSize extends Pick<OpenCase, "height" | "width"> {
  readonly run: { readonly model: Pick<OpenCase["run"]["model"], "inChannels" | "actionDim"> };
}

/** Random input of some frames, for `batch` clips; a context is the caller's. */
export function frameInput({ run, height, width }: NetworkSize, frames: number, batch = 1): UNetInput {
  const { inChannels, actionDim } = run.model;
  const actions_BTA: Tensor | undefined = actionDim === undefined ? undefined : randn([batch, frames, actionDim]);
  return {
    x_BTCHW: randn([batch, frames, inChannels, height, width]),
    timesteps: randint(0, 1000, [batch, frames]),
    ...(actions_BTA && { actions_BTA }),
  };
}

/** Processor milliseconds. */
export const cpuTimed = (body: () => void): number => timed(body).cpuTime;

function timed(body: () => void): { time: number; cpuTime: number } {
  const [begun, cpuBegun] = [process.hrtime.bigint(), process.cpuUsage()];
  body();
  const time = Number(process.hrtime.bigint() - begun) / 1e6;
  const { user, system } = process.cpuUsage(cpuBegun);
  return { time, cpuTime: (user + system) / 1e3 };
}
