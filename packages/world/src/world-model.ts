// A world: autoencoder, U-Net, conditioning and sampler joined. `reset(context)`, then `step(action)` for each new frame; or many
// rollouts as one batch. The noise of a frame depends only on the seed and the frame's number, so a replay gives the same bytes.
// Axes: B rollouts, K context frames, T frames, C channels, H height, W width, A action channels.

import { invalid } from "@vid2world/formats";
import { type Device, type Tensor, fromTypedArray, noGrad, scope, stack } from "@vid2world/torch";
import type { Network, StreamingNetwork } from "./diffusion/denoiser.js";
import type { FrameSettings, HistoryFrame, SceneConditioning } from "./diffusion/frame-sampling.js";
import type { NoiseSource } from "./diffusion/noise.js";
import { contextHistory, rolloutFrames } from "./diffusion/rollout.js";
import { type SamplerConfig, samplerSchema } from "./diffusion/samplers/sampler-config.js";
import { type NoiseSchedule, noiseSchedule } from "./diffusion/schedule.js";
import type { AutoencoderKL } from "./model/autoencoder/autoencoder.js";
import type { TinyDecoder } from "./model/tiny-decoder/tiny-decoder.js";
import { layOutWeights } from "./model/weight-layout.js";
import { UNetStream } from "./model/unet/unet-stream.js";
import type { UNet3D } from "./model/unet/unet.js";
import type { WorldAction } from "./world-actions.js";
import { type WorldCodec, bytesOf, worldCodec } from "./world-codec.js";
import type { DecoderName, WorldConfig } from "./world-config.js";
import { actionTensor, drawFrames, rowMajor, settingsOf, settleStates, settlingOf } from "./world-frames.js";
import { networkOf, streamingNetworkOf } from "./world-network.js";
import { type SceneDescriber, foldingDescriber } from "./world-scene.js";
import { type WorldState, releaseState, retainState } from "./world-state.js";

/** What a world starts from. */
export interface WorldContext {
  /** One or more frames, bytes K*H*W*3, oldest first. */
  readonly frames: Uint8Array;
  /** Actions taken at the context frames, K - 1 or more: entry k leads from frame k to frame k + 1. Absent: at rest. */
  readonly actions?: readonly WorldAction[];
}

/** One continuation asked of `rollout`. */
export interface WorldRolloutJob {
  /** K*H*W*3 bytes, the same K for all jobs. */
  readonly context_THWC: Uint8Array;
  /** At least K - 1 + N rows of A numbers; row t is taken at frame t and leads to frame t + 1. */
  readonly actions_TA: Float32Array;
}

/** How jobs are rolled out. */
export interface WorldRolloutOptions {
  /** Frames to predict, N. */
  readonly frames: number;
  /** Job b is drawn with `seed + b`; absent: the world's. */
  readonly seed?: number;
  /** Denoising steps per frame; absent: the world's. */
  readonly steps?: number;
  /** Called after each predicted frame of the whole batch; `broken` are the places of jobs whose frame is not finite: bytes cannot show it. */
  readonly onFrame?: (frame: number, broken: readonly number[]) => void;
  readonly signal?: AbortSignal;
}

/** The parts a world is made of. The modules are used as they are: on their device, in their dtype, in evaluation mode. */
export interface WorldParts {
  readonly config: WorldConfig;
  readonly unet: UNet3D;
  /** The U-Net's evaluation frame by frame, for worlds that share it; absent: made where `sampler.evaluation` asks for it. */
  readonly stream?: UNetStream;
  readonly autoencoder: AutoencoderKL;
  /** Decodes where `decoder` is `tiny`. */
  readonly tinyDecoder?: TinyDecoder;
  /** Tokens of a world with text and image conditioning, from the first context frame: `sceneDescriber`. */
  readonly describeScene?: SceneDescriber;
}

/** Settings of one use of a world. */
export interface WorldOptions {
  readonly device?: Device;
  readonly seed?: number;
  /** Overrides of the world's own sampler settings. */
  readonly sampler?: Partial<SamplerConfig>;
  /** What makes pictures of latents; absent: what `world.json` says. Latents, and so the course of a rollout, are the same with both. */
  readonly decoder?: DecoderName;
}

/**
 * A playable world.
 *
 * @example
 * const world = await loadWorld("doom", { seed: 1 });
 * world.reset({ frames });
 * const pixels = world.step({ forward: 1 }); // Uint8Array, height * width * 3
 */
export class WorldModel {
  readonly config: WorldConfig;
  readonly sampler: SamplerConfig;
  readonly device: Device;
  readonly seed: number;
  readonly codec: WorldCodec;
  readonly schedule: NoiseSchedule;
  readonly network: Network;
  /** Present where `sampler.evaluation` is `streaming`. It holds tensors made from the weights: after training make a new world. */
  readonly streaming: StreamingNetwork | undefined;
  readonly parts: WorldParts;
  /** Describes scenes as this world's network is told of them: keys and values in place of tokens. Absent where there is nothing to tell. */
  readonly describeScene: SceneDescriber | undefined;
  readonly decoder: DecoderName;
  #state: WorldState | undefined;

  constructor(parts: WorldParts, options: WorldOptions = {}) {
    this.parts = parts;
    this.describeScene = parts.describeScene && foldingDescriber(parts.describeScene, parts.unet);
    this.config = parts.config;
    this.sampler = samplerSchema.parse({ ...parts.config.sampler, ...options.sampler });
    this.device = options.device ?? "cpu";
    this.seed = options.seed ?? this.sampler.seed;
    this.schedule = noiseSchedule(parts.config.diffusion);
    layOutForEvaluation(parts);
    this.network = networkOf(parts.unet, this.sampler.imageTokens);
    const stream = parts.stream ?? (this.sampler.evaluation === "streaming" ? new UNetStream(parts.unet) : undefined);
    if (stream) this.parts = { ...parts, stream };
    this.streaming =
      stream && this.sampler.evaluation === "streaming"
        ? streamingNetworkOf(stream, this.sampler.imageTokens, { graphs: this.sampler.cudaGraphs })
        : undefined;
    this.decoder = options.decoder ?? parts.config.decoder;
    if (this.decoder === "tiny" && !parts.tinyDecoder)
      throw invalid("decoder", `full, because world "${parts.config.name}" has no tiny decoder`, this.decoder);
    const tinyDecoder = this.decoder === "tiny" ? parts.tinyDecoder : undefined;
    this.codec = worldCodec(parts.autoencoder, parts.config, this.device, tinyDecoder);
  }

  /** The name in `world.json`. */
  get name(): string {
    return this.config.name;
  }

  /** Height of a frame in pixels. */
  get height(): number {
    return this.config.frame.height;
  }

  /** Width of a frame in pixels. */
  get width(): number {
    return this.config.frame.width;
  }

  /** Shape of a frame's latent: channels, height, width. */
  get latentShape(): readonly [number, number, number] {
    const { width, height, paddedWidth = width, paddedHeight = height } = this.config.frame;
    const { embedDim, channelMultipliers } = this.config.autoencoder;
    const halved = 2 ** (channelMultipliers.length - 1);
    return [embedDim, paddedHeight / halved, paddedWidth / halved];
  }

  /** Frames that a rollout starts from, as the world was trained. `reset` takes any number from 1. */
  get contextFrames(): number {
    return this.config.contextFrames;
  }

  /** Numbers per action; 0 for a world that cannot be acted in. */
  get actionWidth(): number {
    return this.config.unet.actionDim ?? 0;
  }

  /** Whether `reset` was called. */
  get started(): boolean {
    return this.#state !== undefined;
  }

  /** Number of the next frame, counted from the first context frame. */
  get frame(): number {
    return this.#current().frame;
  }

  /** Starts the world from frames and the actions between them. */
  reset(context: WorldContext, options: { readonly seed?: number } = {}): void {
    this.restore(this.begin(context, options));
  }

  /** The state that `reset` puts the world in, without touching where it stands. It is the caller's: `retainState`, `releaseState`. */
  begin(context: WorldContext, options: { readonly seed?: number } = {}): WorldState {
    const seed = options.seed ?? this.seed;
    return noGrad(() =>
      scope(() => {
        const { scene, settings, ...start } = this.#start([seed], context.frames, 1);
        const latents_BTCHW = rowMajor(start.latents_BTCHW);
        const actions_BTA = this.#contextActions(context.actions, latents_BTCHW.size(1));
        const frame = latents_BTCHW.size(1);
        const given = { latents_BTCHW, ...(actions_BTA && { actions_BTA }), numFrames: 1 };
        return { history: contextHistory(given, frame, settings), frame, seed, scene };
      }),
    );
  }

  /** Plays one frame: the action is taken at the newest frame and leads to the one returned, bytes H*W*3. */
  step(action: WorldAction = {}, options: { readonly signal?: AbortSignal } = {}): Uint8Array {
    this.settle();
    const [next] = drawFrames(this, [this.#current()], [action], options) as [WorldState];
    this.restore(next);
    return this.codec.decode((next.history.at(-1) as HistoryFrame).latent_BCHW);
  }

  /**
   * Brings what the network remembers up to date, which `step` otherwise does before it draws: call it while waiting for the next action.
   * Nothing to do where the network is shown the whole window each time.
   */
  settle(): void {
    const state = this.#current();
    if (settlingOf(this, state) === undefined) return;
    const [settled] = settleStates(this, [state]) as [WorldState];
    this.restore(settled);
  }

  /** Where the world stands, to come back to by `restore`. The caller owns a share of it: `releaseState` gives it back. */
  snapshot(): WorldState {
    return retainState(this.#current());
  }

  /** Puts the world where a snapshot was taken; the snapshot stays valid. */
  restore(state: WorldState): void {
    const previous = this.#state;
    this.#state = retainState(state);
    if (previous) releaseState(previous);
  }

  /** An independent world at the same place, sharing weights and past frames. */
  fork(): WorldModel {
    const { device, seed, sampler, decoder } = this;
    const twin = new WorldModel(this.parts, { device, seed, sampler, decoder });
    if (this.#state) twin.restore(this.#state);
    return twin;
  }

  /** Frees the state. The weights are the parts' owner's. */
  dispose(): void {
    if (this.#state) releaseState(this.#state);
    this.#state = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Rolls several starts out as one batch, whatever the world is playing. -> per job the predicted frames, N*H*W*3 bytes */
  async rollout(jobs: readonly WorldRolloutJob[], options: WorldRolloutOptions): Promise<Uint8Array[]> {
    const { frames, seed = this.seed, steps, onFrame, signal } = options;
    if (jobs.length === 0) return [];
    const sampler = samplerSchema.parse({ ...this.sampler, ...(steps !== undefined && { numSteps: steps }) });
    const size = this.height * this.width * 3;
    const results = jobs.map(() => new Uint8Array(frames * size));
    const { latents_BTCHW, scene, settings } = this.#start(
      jobs.map((_, b) => seed + b),
      joinedContexts(jobs),
      jobs.length,
      { sampler, ...(signal && { signal }) },
    );
    const actions_BTA = this.#jobActions(jobs, latents_BTCHW.size(1) - 1 + frames);
    try {
      const start = { latents_BTCHW, ...(actions_BTA && { actions_BTA }), numFrames: frames, ...scene };
      let predicted = 0;
      for await (const { latent_BCHW } of rolloutFrames(this.network, start, settings)) {
        using pixels_BCHW = this.codec.decodePixels(latent_BCHW);
        latent_BCHW.dispose();
        const bytes = bytesOf(pixels_BCHW);
        results.forEach((result, b) => result.set(bytes.subarray(b * size, (b + 1) * size), predicted * size));
        onFrame?.(predicted, notFinite(pixels_BCHW));
        predicted++;
      }
    } finally {
      for (const tensor of [latents_BTCHW, actions_BTA, ...(Object.values(scene) as Tensor[])]) tensor?.dispose();
    }
    return results;
  }

  /** Encodes the contexts of `batch` rollouts with a seed each, and describes their scene. */
  #start(seeds: readonly number[], frames: Uint8Array, batch: number, changes: Partial<FrameSettings> = {}): Started {
    const rows = seeds.map((seed) => ({ seed, frame: 0 }));
    const settings = { ...settingsOf(this, rows, {}), ...changes };
    return noGrad(() =>
      scope(() => {
        const noise = this.config.latents === "sample" ? posteriorNoise(settings.noise, batch) : undefined;
        const latents_NCHW = this.codec.encode(frames, noise);
        const latents_BTCHW = latents_NCHW.reshape([
          batch,
          latents_NCHW.size(0) / batch,
          ...latents_NCHW.shape.slice(1),
        ]);
        const described = this.#describe(frames, latents_BTCHW);
        const fixed = settings.sampler.imageAnchor === "fixed";
        const scene = fixed ? { ...described, anchor_BCHW: latents_BTCHW.select(1, 0).clone() } : described;
        return { latents_BTCHW, scene, settings };
      }),
    );
  }

  /** The scene of the first frames; the reconstruction that guidance compares with comes from the very latents of the context. */
  #describe(frames: Uint8Array, latents_BTCHW: Tensor): SceneConditioning {
    const { describeScene } = this;
    if (!describeScene) return {};
    const batch = latents_BTCHW.size(0);
    const bytes = frames.length / batch;
    const first = new Uint8Array(batch * this.height * this.width * 3);
    const size = first.length / batch;
    for (let b = 0; b < batch; b++) first.set(frames.subarray(b * bytes, b * bytes + size), b * size);
    // Guidance compares with the autoencoder's own reconstruction, whichever decoder makes the pictures.
    const exact = worldCodec(this.parts.autoencoder, this.config, this.device);
    return describeScene(this.codec.pixels(first), () => exact.decodePixels(latents_BTCHW.select(1, 0)));
  }

  #current(): WorldState {
    if (!this.#state)
      throw new Error("the world has no start: it was never reset or was disposed; call reset({ frames }) first");
    return this.#state;
  }

  /** [1 K A], at rest where no actions are given; undefined in a world without actions. */
  #contextActions(actions: readonly WorldAction[] | undefined, contextFrames: number): Tensor | undefined {
    if (actions && actions.length < contextFrames - 1)
      throw invalid(
        "context.actions",
        `at least ${contextFrames - 1} actions between ${contextFrames} frames, or none at all`,
        actions.length,
      );
    const rows = Array.from({ length: contextFrames }, (_, k) => actions?.[k] ?? {});
    return actionTensor(this, rows)?.unsqueeze(0);
  }

  #jobActions(jobs: readonly WorldRolloutJob[], rows: number): Tensor | undefined {
    const { actionWidth } = this;
    if (actionWidth === 0) return undefined;
    const values = new Float32Array(jobs.length * rows * actionWidth);
    for (const [b, job] of jobs.entries()) {
      if (job.actions_TA.length < rows * actionWidth)
        throw invalid(`jobs[${b}].actions_TA`, `at least ${rows} rows of ${actionWidth} numbers`, job.actions_TA);
      values.set(job.actions_TA.subarray(0, rows * actionWidth), b * rows * actionWidth);
    }
    return fromTypedArray(values, [jobs.length, rows, actionWidth]).to(this.device);
  }
}

/** Which rows of a batch hold a number that is not finite. */
function notFinite(pixels_BCHW: Tensor): number[] {
  using finite_B = scope(() => pixels_BCHW.isfinite().flatten({ startDim: 1 }).all(1).to("cpu"));
  return Array.from(finite_B.toTypedArray() as Uint8Array).flatMap((finite, b) => (finite ? [] : [b]));
}

/** Convolution weights as the kernels want them; those that are being trained stay as they are. */
function layOutForEvaluation({ unet, autoencoder, tinyDecoder }: WorldParts): void {
  for (const network of [unet, autoencoder, tinyDecoder])
    if (network?.options.memoryFormat === "channelsLast") layOutWeights(network);
}

interface Started {
  readonly latents_BTCHW: Tensor;
  readonly scene: SceneConditioning;
  readonly settings: FrameSettings;
}

/** All contexts as one block of bytes; they must be equally long. */
function joinedContexts(jobs: readonly WorldRolloutJob[]): Uint8Array {
  const size = jobs[0]?.context_THWC.length ?? 0;
  const joined = new Uint8Array(jobs.length * size);
  for (const [b, { context_THWC }] of jobs.entries()) {
    if (context_THWC.length !== size)
      throw invalid(`jobs[${b}].context_THWC`, `${size} bytes, as the first job has`, context_THWC.length);
    joined.set(context_THWC, b * size);
  }
  return joined;
}

/** Noise of the posterior's sample for B*K frames, drawn per rollout and frame number. */
function posteriorNoise(noise: NoiseSource, batch: number): (shape: readonly number[]) => Tensor {
  return ([count = batch, ...rest]) => {
    const frames = Array.from({ length: count / batch }, (_, frame) =>
      noise({ kind: "posterior", frame }, [batch, ...rest]),
    );
    return stack(frames, { dim: 1 }).reshape([count, ...rest]);
  };
}
