// The U-Net as diffusion sees a network: the image condition is joined to the noisy latents along the channels.
// Axes: B batch, R branches, T frames, C channels, H height, W width, L context tokens, D context width.

import { invalid } from "@vid2world/formats";
import { type Tensor, cat, keep, noGrad, scope } from "@vid2world/torch";
import type { Conditioning, Network, NetworkMemory, StreamingNetwork } from "./diffusion/denoiser.js";
import type { SamplerConfig } from "./diffusion/samplers/sampler-config.js";
import { type UNetHistory, joinHistories, remakeHistory, splitHistory } from "./model/unet/unet-history.js";
import type { FrameOptions, Recorded, UNetStream } from "./model/unet/unet-stream.js";
import type { UNet3D, UNetInput } from "./model/unet/unet.js";

/** What a network is told of the scene's picture, see `sampler.imageTokens`. */
export type ImageTokens = SamplerConfig["imageTokens"];

/** Wraps a U-Net into a network. Its output is float32 whatever the weights are, so that sampling keeps float32 latents. */
export function networkOf(unet: Pick<UNet3D, "forward" | "options">, imageTokens: ImageTokens = "published"): Network {
  return (noisy_BTCHW, timesteps, conditioning) => {
    const input = inputOf(noisy_BTCHW, timesteps, conditioning);
    if (imageTokens === "published" || input.context === undefined) return unet.forward(input).float();
    const context = tokensOf(input.context, unet.options, 0, noisy_BTCHW.size(1));
    return unet.forward({ ...input, context }).float();
  };
}

/** What a U-Net remembers, and what it put out for the remembered frames: guidance compares its output over the whole window. */
class Memory implements NetworkMemory {
  readonly history: UNetHistory;
  /** [B T C H W] */
  readonly outputs_BTCHW: Tensor;

  constructor(history: UNetHistory, outputs_BTCHW: Tensor) {
    this.history = history;
    this.outputs_BTCHW = keep(outputs_BTCHW);
  }

  get tensors(): readonly Tensor[] {
    return [...this.history.tensors, this.outputs_BTCHW];
  }

  get bytes(): number {
    return this.history.bytes + 4 * this.outputs_BTCHW.numel;
  }

  dispose(): void {
    this.history.dispose();
    this.outputs_BTCHW.dispose();
  }
}

/**
 * Wraps a U-Net's frame-incremental evaluation into a network that remembers. With `graphs` its frames are CUDA graphs, see
 * `sampler.cudaGraphs`; throws where there can be none.
 */
export function streamingNetworkOf(
  stream: UNetStream,
  imageTokens: ImageTokens = "published",
  { graphs = false }: FrameOptions = {},
): StreamingNetwork {
  const { options } = stream.unet;
  if (graphs) stream.checkGraphs();

  /** The newest frame of a window, and what it is told. */
  const newest = (noisy_BTCHW: Tensor, timesteps: Tensor, conditioning: Conditioning): UNetInput => {
    const place = noisy_BTCHW.size(1) - 1;
    const { actions_BTA, actionMask_BT, context, ...rest } = inputOf(noisy_BTCHW, timesteps, conditioning);
    const last = (x: Tensor): Tensor => x.narrow(1, place, 1);
    const { textTokens, imageTokensPerFrame } = options;
    // A window of the trained length gives each frame its own tokens.
    const own = imageTokens === "per-frame" || context?.size(1) === textTokens + (place + 1) * imageTokensPerFrame;
    return {
      ...rest,
      x_BTCHW: last(rest.x_BTCHW),
      timesteps: last(timesteps),
      ...(actions_BTA && { actions_BTA: last(actions_BTA) }),
      ...(actionMask_BT && { actionMask_BT: last(actionMask_BT) }),
      ...(context && { context: own ? tokensOf(context, options, place, 1) : context }),
    };
  };
  const remembered = ({ history, output_BTCHW }: Recorded, before_BTCHW?: Tensor): Memory => {
    const output = output_BTCHW.float();
    const all = before_BTCHW ? cat([before_BTCHW, output], { dim: 1 }) : output;
    return new Memory(
      history,
      all.narrow(1, all.size(1) - history.frames, history.frames).clone({ memoryFormat: "contiguous" }),
    );
  };

  return {
    begin: (noisy_BTCHW, timesteps, conditioning) =>
      run(() => {
        const input = inputOf(noisy_BTCHW, timesteps, conditioning);
        const frames = noisy_BTCHW.size(1);
        if (imageTokens === "published" || !input.context) return remembered(stream.begin(input));
        return remembered(stream.begin({ ...input, context: tokensOf(input.context, options, 0, frames) }));
      }),
    predict: (memory, noisy_BTCHW, timesteps, conditioning) =>
      scope(() => {
        const { history, outputs_BTCHW } = memory as Memory;
        if (history.frames !== noisy_BTCHW.size(1) - 1)
          throw invalid("x_BTCHW", `the ${history.frames} remembered frames and a new one`, noisy_BTCHW.shape);
        const output = stream.predict(history, newest(noisy_BTCHW, timesteps, conditioning), { graphs }).float();
        return cat([outputs_BTCHW.repeat([output.size(0) / history.batch, 1, 1, 1, 1]), output], { dim: 1 });
      }),
    commit: (memory, noisy_BTCHW, timesteps, conditioning) =>
      run(() => {
        const { history, outputs_BTCHW } = memory as Memory;
        return remembered(
          stream.commit(history, newest(noisy_BTCHW, timesteps, conditioning), { graphs }),
          outputs_BTCHW,
        );
      }),
    async commitAside(memory, noisy_BTCHW, timesteps, conditioning) {
      const { history, outputs_BTCHW } = memory as Memory;
      const before_BTCHW = keep(outputs_BTCHW.clone());
      try {
        const recorded = await stream.commitAside(history, newest(noisy_BTCHW, timesteps, conditioning), { graphs });
        using _output = recorded.output_BTCHW;
        return run(() => remembered(recorded, before_BTCHW));
      } finally {
        before_BTCHW.dispose();
      }
    },
    join: (memories) =>
      run(() => {
        const own = memories as readonly Memory[];
        const outputs_BTCHW = cat(own.map((memory) => memory.outputs_BTCHW));
        return new Memory(joinHistories(own.map(({ history }) => history)), outputs_BTCHW);
      }),
    remake: (model, tensors) => {
      const { history } = model as Memory;
      const outputs_BTCHW = tensors.at(-1);
      if (!outputs_BTCHW || outputs_BTCHW.rank !== 5) throw invalid("tensors", "a memory's", tensors.length);
      const [batch, frames] = outputs_BTCHW.dims("B T C H W");
      return new Memory(remakeHistory(history, tensors.slice(0, -1), batch, frames), outputs_BTCHW);
    },
    split: (memory) =>
      run(() => {
        const { history, outputs_BTCHW } = memory as Memory;
        const alone = splitHistory(
          history,
          Array.from({ length: history.batch }, () => 1),
        );
        return alone.map(
          (one, b) => new Memory(one, outputs_BTCHW.narrow(0, b, 1).clone({ memoryFormat: "contiguous" })),
        );
      }),
  };
}

const run = <R extends object>(body: () => R): R => noGrad(() => scope(body));

function inputOf(noisy_BTCHW: Tensor, timesteps: Tensor, { concat_BTCHW, ...rest }: Conditioning): UNetInput {
  const x_BTCHW = concat_BTCHW ? cat([noisy_BTCHW, concat_BTCHW.to(noisy_BTCHW.dtype)], { dim: 2 }) : noisy_BTCHW;
  return { x_BTCHW, timesteps, ...rest };
}

/**
 * Text, and the image tokens of the `frames` places of a window from `place` on: a context of exactly that length gives each frame its own.
 * A place beyond the trained ones has the last place's.
 */
function tokensOf(
  context_BLD: Tensor,
  { textTokens, imageTokensPerFrame: each }: UNet3D["options"],
  place: number,
  frames: number,
): Tensor {
  const places = Math.floor((context_BLD.size(1) - textTokens) / each);
  if (places < frames) return context_BLD;
  const first = Math.min(place, places - frames);
  const image_BLD = context_BLD.narrow(1, textTokens + first * each, frames * each);
  return cat([context_BLD.narrow(1, 0, textTokens), image_BLD], { dim: 1 });
}
