// What a network that is evaluated frame by frame holds in memory besides its weights, counted from its layers: no tensor is made.
import { Conv2d, Conv3d, type Module, initializing } from "@vid2world/torch";
import { Attention } from "@vid2world/world/model/unet/attention";
import { ActionEncoder } from "@vid2world/world/model/unet/action-encoder";
import { EmbeddingMlp } from "@vid2world/world/model/unet/embedding-mlp";
import { ResidualBlock } from "@vid2world/world/model/unet/residual-block";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import type { ResolvedUNetOptions } from "@vid2world/world/model/unet/options";

/** Bytes in float32. */
export interface HeldBytes {
  readonly weights: number;
  /** Kernels over time as matrices, one per frame that they look at. */
  readonly kernels: number;
  /** On the CPU: weights of convolutions, and of layers with one row per frame, in the order in which their kernels read them. */
  readonly layouts: number;
  /** Keys and values of one scene: of its own tokens and of those that guidance compares with. */
  readonly scene: number;
}

const BYTES = 4;

/** Counts a network of these options. */
export function heldBytes(options: ResolvedUNetOptions): HeldBytes {
  const unet = initializing({ device: "meta", random: false }, () => new UNet3D(options));
  const modules = [...unet.namedModules().values()];
  const sum = (parts: readonly Module[]): number =>
    BYTES * parts.flatMap((part) => part.parameters()).reduce((total, { numel }) => total + numel, 0);
  const rows = modules.flatMap((module): Module[] =>
    module instanceof ResidualBlock
      ? [module.embedding]
      : module instanceof EmbeddingMlp || module instanceof ActionEncoder
        ? [module]
        : [],
  );
  const { contextDim, textTokens, imageTokensPerFrame, temporalLength } = options;
  const keys = modules.flatMap((module) =>
    module instanceof Attention && module.contextWidth !== undefined ? [2 * module.key.weight.size(0)] : [],
  );
  const tokens = contextDim === undefined ? 0 : textTokens + temporalLength * imageTokensPerFrame;
  return {
    weights: sum([unet]),
    kernels: sum(modules.filter((module) => module instanceof Conv3d)),
    layouts: sum([...modules.filter((module) => module instanceof Conv2d), ...rows]),
    scene: 2 * BYTES * tokens * keys.reduce((total, width) => total + width, 0),
  };
}
