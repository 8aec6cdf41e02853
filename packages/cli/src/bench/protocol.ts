// What the two sides of a benchmark are asked: one JSON request per line, one JSON reply per line. Our side is worker.ts,
// the other benchmarks/python/worker.py; each is a process of its own, so that both start fresh and their memory can be compared.
import type { DiffusionConfig } from "@vid2world/world/diffusion/schedule";
import type { ResolvedUNetOptions } from "@vid2world/world/model/unet/options";

/** The optimiser of a benchmarked training step, and the threads of all work. */
export interface StepSettings {
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly gradientClip: number;
  readonly threads: number;
}

/** Random weights and inputs for a network, written to files; only our side is asked this. */
export interface PrepareRequest {
  readonly request: "prepare";
  readonly model: ResolvedUNetOptions;
  readonly numTimesteps: number;
  readonly batch: number;
  /** Size of the latents. */
  readonly height: number;
  readonly width: number;
  readonly weights: string;
  readonly inputs: string;
}

/** Many steps in a row with looks at the memory between them; only our side is asked this. */
export interface CurveRequest {
  readonly request: "curve";
  readonly what: "sampling" | "training";
  readonly steps: number;
  /** Steps from one look to the next. */
  readonly every: number;
}

/** One look at the memory. */
export interface MemoryPoint {
  readonly step: number;
  /** Tensors that JavaScript holds. */
  readonly liveTensors: number;
  /** Bytes of tensor memory on the CPU. */
  readonly liveBytes: number;
  readonly residentKiB: number;
}

/** A network with weights and inputs from safetensors files. */
export interface LoadRequest {
  readonly request: "load";
  readonly model: ResolvedUNetOptions;
  readonly diffusion: DiffusionConfig;
  readonly training: StepSettings;
  readonly weights: string;
  /** `latents`, `noise` [B T C H W], `levels` (int64), `mask` [B T], `actions` [B T A]; of a network with a context `context` [B L D]. */
  readonly inputs: string;
  /** Where, and in what precision under autocast; absent: on the CPU, without. */
  readonly placement?: { readonly device: "cpu" | "cuda"; readonly precision: "float32" | "bfloat16" };
  readonly dtype: "float32" | "float64";
  /** How feature maps lie in memory. */
  readonly layout: "channelsLast" | "contiguous";
  /** The ranks to train with, which meet at this port; absent: alone. Only our side can split the optimiser's state. */
  readonly ranks?: { readonly rank: number; readonly count: number; readonly port: number; readonly sharded: boolean };
}

/** Data sets in the published layouts, written from a few pictures; only the Python side is asked this. */
export interface MakeDataRequest {
  readonly request: "make-data";
  /** `recon-release`: the hdf5 files that RECON's layout is converted from. */
  readonly domain: LoadedDomain | "recon-release";
  readonly folder: string;
  /** `.npy` file of pictures [N H W 3] uint8. */
  readonly source: string;
  readonly episodes: number;
  readonly frames: number;
  readonly seed: number;
}

/** Published data sets whose loading is compared. */
export type LoadedDomain = "rt1" | "csgo" | "recon";

/** Starts a loader; its first batch is read. */
export interface OpenLoaderRequest {
  readonly request: "open-loader";
  readonly domain: LoadedDomain;
  readonly folder: string;
  /** Seed of the clips' order. Our side finds the order itself, the other one is given it: where clips are, and their first frames. */
  readonly seed: number;
  readonly clips: readonly (readonly [path: string, start: number])[];
  /** T. */
  readonly frames: number;
  readonly batch: number;
  readonly workers: number;
}

/** Metrics that both sides compute. */
export const benchedMetrics = ["mse", "psnr", "ssim", "lpips-vgg", "lpips-alex", "inception", "frechet"] as const;
/** One of {@link benchedMetrics}. */
export type BenchedMetric = (typeof benchedMetrics)[number];

/** A metric with its network, if it has one, and inputs from files. */
export interface OpenMetricRequest {
  readonly request: "open-metric";
  readonly metric: BenchedMetric;
  /** `a` and `b`: pictures [T 3 H W] in -1..1; for `frechet` vectors [N D]. */
  readonly inputs: string;
  /** Weights of the network, by the names of the original file; LPIPS has those of its heads in a second file. Empty: no network. */
  readonly weights: readonly string[];
}

/** Scores a folder of clips, with stand-ins for the networks that take no memory; only our side is asked this. */
export interface ScoreFolderRequest {
  readonly request: "score-folder";
  readonly folder: string;
}

/** Loads a network that makes frames by the published algorithm; only the Python side is asked this. */
export interface OpenSamplerRequest {
  readonly request: "open-sampler";
  readonly model: ResolvedUNetOptions;
  readonly diffusion: DiffusionConfig;
  readonly sampler: {
    readonly guidanceScale: number;
    readonly guidanceRescale: number;
    readonly historyLevel: number;
  };
  readonly weights: string;
  /** `noisy` [1 K C H W], `first` [1 1 C H W], `actions` [1 K+1 A] (entry t led to frame t), `start`; `context`, `plainContext` [1 L D]. */
  readonly inputs: string;
  readonly device: "cpu" | "cuda";
  readonly dtype: "float32" | "bfloat16";
}

/** What is timed: an evaluation of a whole window without gradients, or loss, backward pass, clipping and AdamW. */
export type Timed = "forward" | "train-step";

/** Everything that a side can be asked. */
export type Request =
  | { readonly request: "hello"; readonly threads: number }
  /** Rounds of 100 calls of one small operator. */
  | { readonly request: "operator"; readonly name: string; readonly rounds: number }
  | PrepareRequest
  | LoadRequest
  | { readonly request: "run"; readonly what: Timed; readonly count: number }
  /** Writes `output`, `loss`, `gradient.NAME` and `updated.NAME` (weights after one step) with dropout as drawn from `seed`. */
  | { readonly request: "outputs"; readonly mode: "train" | "eval"; readonly seed: number; readonly path: string }
  | { readonly request: "memory" }
  | MakeDataRequest
  | OpenLoaderRequest
  | OpenMetricRequest
  | { readonly request: "run-metric"; readonly count: number }
  | ScoreFolderRequest
  | { readonly request: "take-batches"; readonly count: number }
  | CurveRequest
  | OpenSamplerRequest
  /** Times frames of so many steps. */
  | { readonly request: "frames"; readonly steps: number; readonly count: number }
  /** Writes `latent`, a frame without fresh noise. */
  | { readonly request: "frame-output"; readonly steps: number; readonly path: string };

/** Milliseconds of each run: by the clock, and of the process's processor time, which other programs disturb less. */
export interface RunTimes {
  readonly times: readonly number[];
  readonly cpuTimes: readonly number[];
}

/** The reply to each request. */
export interface Replies {
  readonly hello: { readonly runtime: string; readonly torch: string };
  /** Microseconds per call, one number per round. */
  readonly operator: { readonly times: readonly number[] };
  readonly prepare: object;
  readonly load: { readonly parameters: number };
  readonly run: RunTimes;
  readonly outputs: object;
  readonly curve: { readonly points: readonly MemoryPoint[] };
  readonly "make-data": object;
  /** Milliseconds until the first batch was there; checksums of its frames [B T H W 3] and of its actions. */
  readonly "open-loader": { readonly firstMilliseconds: number; readonly frames: number; readonly actions: number };
  /** Frames that were loaded, and the milliseconds for it: by the clock, and of all threads' or processes' processor time. */
  readonly "take-batches": { readonly frames: number; readonly time: number; readonly cpuTime: number };
  /** A look at what it gives: one number per picture, the mean feature of each, or the distance. And what was resident before that. */
  readonly "open-metric": { readonly values: readonly number[]; readonly restKiB: number };
  readonly "run-metric": RunTimes;
  readonly "score-folder": { readonly clips: number; readonly milliseconds: number };
  readonly "open-sampler": object;
  /** `peakBytes`: of the CUDA device. */
  readonly frames: { readonly seconds: readonly number[]; readonly peakBytes: number | null };
  readonly "frame-output": object;
  /** `peakKiB` since the process started, or since its last `open-metric`; `deviceBytes`: the peak of the CUDA device that was loaded on. */
  readonly memory: {
    readonly residentKiB: number;
    readonly peakKiB: number;
    readonly deviceBytes?: number | undefined;
  };
}

/** The reply to one request. */
export type ReplyTo<R extends Request> = Replies[R["request"]];
