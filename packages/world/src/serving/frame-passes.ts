// The three kinds of passes that the engine computes for several sessions at once: settling memories, drawing frames, decoding them.

import { type Tensor, cat, noGrad, scope } from "@vid2world/torch";
import type { HistoryFrame } from "../diffusion/frame-sampling.js";
import { historyTimestep } from "../diffusion/samplers/timesteps.js";
import { type SamplerConfig, samplerSchema } from "../diffusion/samplers/sampler-config.js";
import { bytesOf, worldCodec } from "../world-codec.js";
import { drawFrames, rowMajor, settleAside, settleStates, settlingOf } from "../world-frames.js";
import type { WorldModel } from "../world-model.js";
import type { WorldState } from "../world-state.js";
import type { FullSettings } from "./engine.js";
import type { Pass } from "./exact-batches.js";

/** A frame to be drawn from a settled state. */
export interface Drawing {
  readonly state: WorldState;
  readonly action: readonly number[];
}

type Decoder = FullSettings["decoder"];

/** The passes of a world. */
export interface FramePasses {
  /** Brings memories up to date; `key` tells states apart that cannot share a pass. The new memories are the caller's. */
  settle(key: string): Pass<WorldState, WorldState>;
  /** What `settle` is told of a state; undefined where there is nothing to do. */
  settleKey(state: WorldState): string | undefined;
  /** Brings one memory up to date on another thread; undefined where there is nothing to do, or no way to do it there. */
  settleAside(state: WorldState): Promise<WorldState> | undefined;
  /** Draws frames of equal settings. The newest frames of the states are the caller's. */
  draw(sampler: SamplerConfig, frames: number): Pass<Drawing, WorldState>;
  /** Latents [1 C h w] to pixels [1 3 H W] before they are rounded: rounding would hide that passes differ. The pixels are the caller's. */
  decode(decoder: Decoder): Pass<Tensor, Tensor>;
  /** Pixels to a picture, H*W*3 bytes; frees them. */
  picture(pixels_BCHW: Tensor): Uint8Array;
}

/** The passes of a world; decoders are made once. */
export function framePasses(world: WorldModel): FramePasses {
  const { parts, config, device } = world;
  const codecs = {
    full: worldCodec(parts.autoencoder, config, device),
    tiny: worldCodec(parts.autoencoder, config, device, parts.tinyDecoder),
  };

  return {
    settleKey(state) {
      const work = settlingOf(world, state);
      return work && `${work} ${state.history.length}`;
    },
    settle: (key) => ({
      key,
      compute: (states) => settleStates(world, states),
      same: (a, b) => sameTensors(tensorsOfMemory(a), tensorsOfMemory(b)),
      drop: (state) => state.memory?.memory.dispose(),
    }),
    settleAside: (state) => settleAside(world, state),
    draw: (sampler, frames) => ({
      key: `draw ${frames} ${sampler.guidanceScale === 1 ? "plain" : "guided"}`,
      compute: (drawings) =>
        drawFrames(
          world,
          drawings.map(({ state }) => state),
          drawings.map(({ action }) => action),
          { sampler },
        ),
      same: (a, b) => sameTensors(tensorsOfNewest(a), tensorsOfNewest(b)),
      drop: (state) => tensorsOfNewest(state).forEach((tensor) => tensor.dispose()),
    }),
    decode: (decoder) => ({
      key: `decode ${decoder}`,
      compute: (latents) =>
        noGrad(() =>
          scope(() => {
            const pixels_BCHW = codecs[decoder].decodePixels(cat(latents));
            return latents.map((_, b) => rowMajor(pixels_BCHW.narrow(0, b, 1)));
          }),
        ),
      same: (a, b) => sameTensors([a], [b]),
      drop: (pixels) => pixels.dispose(),
    }),
    picture(pixels_BCHW) {
      try {
        return noGrad(() => bytesOf(pixels_BCHW));
      } finally {
        pixels_BCHW.dispose();
      }
    },
  };
}

/**
 * The sampler for a frame's settings. The noise level of the history is that of the world's own settings, whatever the steps of a frame:
 * history that was noised once is read with the level it was noised with.
 */
export function samplerOf(world: WorldModel, { guidanceScale, numSteps }: FullSettings): SamplerConfig {
  const { sampler, schedule } = world;
  const historyLevel = historyTimestep(schedule, sampler) ?? "clean";
  return samplerSchema.parse({ ...sampler, guidanceScale, numSteps, historyLevel });
}

/** The frame that was drawn last. */
export const newestOf = (state: WorldState): HistoryFrame => state.history.at(-1) as HistoryFrame;

const tensorsOfMemory = ({ memory }: WorldState): readonly Tensor[] => memory?.memory.tensors ?? [];
const tensorsOfNewest = (state: WorldState): Tensor[] => Object.values(newestOf(state)) as Tensor[];

/** Bit for bit. */
function sameTensors(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  return a.length === b.length && a.every((x, i) => Buffer.compare(x.toBytes(), (b[i] as Tensor).toBytes()) === 0);
}
