// `bench full-step`: one training step of the published model at its full size, with cached latents and tokens, against an equal plain
// PyTorch loop: seconds, TFLOP/s, memory. The same in miniature (`debug`) on any CPU.
// Axes: B clips, T frames, C latent channels, H height, W width, L context tokens, D context width.
import path from "node:path";
import { initializing, libtorchVersion, noGrad, scope, trace, zeros } from "@vid2world/torch";
import { textTable } from "@vid2world/formats/text-table";
import { publishedUNet } from "@vid2world/world/model/latent-video-diffusion";
import { type ResolvedUNetOptions, type checkpointingPolicies, unetSchema } from "@vid2world/world/model/unet/options";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import { type OpenCase, loadRequest, openCase, prepareRequest } from "./cases.js";
import { type Circumstances, circumstances } from "./circumstances.js";
import { type Peer, startOurs } from "./peer.js";
import type { LoadRequest, RunTimes } from "./protocol.js";
import { findPyTorch, startPyTorch } from "./python.js";
import type { RandomWorldName } from "./random-world.js";
import { flopsOf } from "./run-count.js";
import { inTemporaryFolder } from "./temporary-folder.js";
import { interleave, quantile } from "./timing.js";

/** What is run. */
export interface FullStepOptions {
  readonly case: RandomWorldName;
  readonly device: "cpu" | "cuda";
  /** Of convolutions and matrix products; weights and optimiser are float32. */
  readonly precision: "float32" | "bfloat16";
  readonly checkpointing: (typeof checkpointingPolicies)[number];
  /** Clips. */
  readonly batch: number;
  /** Steps of each side that count, in turns; two more warm up. */
  readonly rounds: number;
  readonly threads: number;
  /** Whether PyTorch for Python runs too. */
  readonly pytorch: boolean;
  readonly onProgress?: (text: string) => void;
}

/** One side's step. */
export interface StepFigures {
  readonly side: "ours" | "pytorch";
  readonly milliseconds: { readonly median: number; readonly minimum: number };
  /** 10^12 multiplications and additions a second of the model's own work: recomputation counts in the time alone. */
  readonly teraflops: number;
  /** The most memory: of the CUDA device, otherwise of the process. */
  readonly peakBytes: number;
}

/** What `bench full-step` found. */
export interface FullStepResult extends Circumstances, Omit<FullStepOptions, "onProgress" | "pytorch"> {
  readonly benchmark: "full-step";
  readonly parameters: number;
  readonly frames: number;
  readonly latents: readonly [height: number, width: number];
  /** Of one step: three times those of the forward pass. */
  readonly flops: number;
  readonly figures: readonly StepFigures[];
  /** Why PyTorch did not run. */
  readonly missing?: string;
}

/** Runs the benchmark: a process for each side, one after the other where a GPU could not hold both. */
export async function runFullStep(options: FullStepOptions): Promise<FullStepResult> {
  const { case: name, device, precision, checkpointing, batch, rounds, threads } = options;
  const opened = await openFullStep(name, batch);
  const model: ResolvedUNetOptions = { ...opened.run.model, checkpointing };
  const flops = 3 * forwardFlops(model, opened);
  const found = options.pytorch ? await findPyTorch() : { missing: "not asked for" };
  return inTemporaryFolder("vid2world-full-step-", async (folder) => {
    const files = {
      weights: path.join(folder, "weights.safetensors"),
      inputs: path.join(folder, "inputs.safetensors"),
    };
    let versions: Parameters<typeof circumstances>[1] = { libtorch: "" };
    {
      await using preparing = startOurs(threads);
      versions = { libtorch: (await preparing.ask({ request: "hello", threads })).torch };
      options.onProgress?.(`drawing the weights of ${name}`);
      await preparing.ask({ ...prepareRequest(opened, files), model });
    }
    let parameters = 0;
    const measured = async (side: StepFigures["side"]): Promise<StepFigures> => {
      options.onProgress?.(`${side}: ${rounds} steps`);
      await using peer = side === "ours" ? startOurs(threads) : startPyTorch(threads);
      const { torch } = await peer.ask({ request: "hello", threads });
      if (side === "pytorch") versions = { ...versions, pytorch: torch };
      const load: LoadRequest = { ...loadRequest(opened, files, { threads, layout: model.memoryFormat }), model };
      ({ parameters } = await peer.ask({ ...load, placement: { device, precision } }));
      return figuresOf(side, await steps(peer, rounds), await peakBytes(peer), flops);
    };
    const sides = "missing" in found ? (["ours"] as const) : (["ours", "pytorch"] as const);
    const figures: StepFigures[] = [];
    for (const side of sides) figures.push(await measured(side));
    return {
      ...{ benchmark: "full-step", ...circumstances(threads, versions) },
      ...{ case: name, device, precision, checkpointing, batch, rounds, threads, parameters, flops, figures },
      ...{ frames: model.temporalLength, latents: [opened.height, opened.width] as const },
      ...("missing" in found && { missing: found.missing }),
    };
  });
}

async function steps(peer: Peer, rounds: number): Promise<number[]> {
  const one = (): Promise<RunTimes> => peer.ask({ request: "run", what: "train-step", count: 1 });
  const [taken = []] = await interleave([one], rounds + 2);
  return taken.slice(2).flatMap(({ times }) => times);
}

async function peakBytes(peer: Peer): Promise<number> {
  const { peakKiB, deviceBytes } = await peer.ask({ request: "memory" });
  return deviceBytes ?? 1024 * peakKiB;
}

function figuresOf(side: StepFigures["side"], times: readonly number[], peak: number, flops: number): StepFigures {
  const median = quantile(times, 0.5);
  return {
    ...{ side, peakBytes: peak, milliseconds: { median, minimum: Math.min(...times) } },
    teraflops: flops / (median / 1000) / 1e12,
  };
}

/** The case: a published configuration with its 320x512 pictures as 40x64 latents, or the debug configuration. */
async function openFullStep(name: RandomWorldName, batch: number): Promise<OpenCase> {
  const opened = await openCase("debug", batch);
  if (name === "debug") return opened;
  return { ...opened, height: 40, width: 64, run: { ...opened.run, model: unetSchema.parse(publishedUNet(ACTIONS)) } };
}

const ACTIONS = 13;

/**
 * Operations of a forward pass, counted from its calls: on tensors without memory where libtorch can convolve those (2.x), else by a pass on
 * the CPU.
 */
export function forwardFlops(model: ResolvedUNetOptions, { batch, height, width }: OpenCase): number {
  const { temporalLength: frames, inChannels, actionDim, contextDim, textTokens, imageTokensPerFrame } = model;
  const device = Number(libtorchVersion.split(".")[0]) >= 2 ? "meta" : "cpu";
  const made = { device } as const;
  return noGrad(() =>
    scope(() => {
      const unet = initializing({ device, random: false }, () => new UNet3D(model)).eval();
      const input = {
        x_BTCHW: zeros([batch, frames, inChannels, height, width], made),
        timesteps: zeros([batch, frames], made),
        ...(actionDim !== undefined && { actions_BTA: zeros([batch, frames, actionDim], made) }),
        ...(contextDim !== undefined && {
          context: zeros([batch, textTokens + imageTokensPerFrame * frames, contextDim], made),
        }),
      };
      const { trace: traced } = trace([], () => [unet.forward(input)]);
      return traced.calls().reduce((sum, call) => sum + flopsOf(call), 0);
    }),
  );
}

/** The result as a table. */
export function showFullStep(result: FullStepResult): string {
  const { parameters, batch, frames, latents, precision, device, checkpointing, flops, figures, missing } = result;
  const table = textTable([
    ["", "median ms", "minimum ms", "TFLOP/s", "peak GB"],
    ...figures.map(({ side, milliseconds, teraflops, peakBytes: peak }) => [
      side === "ours" ? "ours" : "PyTorch",
      ...[milliseconds.median, milliseconds.minimum].map((value) => value.toFixed(1)),
      ...[teraflops.toPrecision(3), (peak / 1e9).toPrecision(3)],
    ]),
  ]);
  const [ours, theirs] = figures;
  const ratio =
    ours && theirs
      ? `ours / PyTorch: time ${(ours.milliseconds.median / theirs.milliseconds.median).toFixed(2)}x, memory ${(ours.peakBytes / theirs.peakBytes).toFixed(2)}x`
      : `without PyTorch: ${missing ?? ""}`;
  const size = `${(parameters / 1e6).toFixed(1)} M parameters, ${batch} x ${frames} frames of ${latents.join("x")}`;
  const way = `${precision} on ${device}, recomputing ${checkpointing}, ${(flops / 1e12).toPrecision(3)} TFLOP a step`;
  return `${size}\n${way}\n\n${table}\n\n${ratio}`;
}
