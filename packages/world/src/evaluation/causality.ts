// Whether information flows backward in time: one frame is changed, and what changes before it is looked at, in every layer that mixes
// frames alone and in the whole network.
// Axes: B batch, T frames, C channels, H height, W width.
import { invalid } from "@vid2world/formats";
import { type Device, type DType, type Tensor, cat, manualSeed, noGrad, randint, randn, scope } from "@vid2world/torch";
import type { Window } from "../model/unet/frames.js";
import { type TemporalKind, temporalKinds, temporalLayers } from "../model/unet/temporal-layers.js";
import type { UNet3D, UNetInput } from "../model/unet/unet.js";

/** How causality is looked at. */
export interface CausalityOptions {
  /** Frames of the clip, at least 2; default 4 or what the network takes. */
  readonly frames?: number;
  /** Latent height and width; default 16 x 16. */
  readonly height?: number;
  readonly width?: number;
  readonly seed?: number;
  readonly device?: Device;
  readonly dtype?: DType;
}

/** What changed before the changed frame. Sizes are parts of the size (root mean square) of the outputs. */
export interface Leak {
  /** The largest change of an earlier output; exactly 0 where nothing flows backward. */
  readonly earlier: number;
  /** The largest change of the changed frame's own output and of later ones, to compare with. */
  readonly later: number;
}

/** Leaks of one kind of layers. */
export interface KindLeak extends Leak {
  readonly kind: TemporalKind;
  readonly layers: number;
  /** Name of the layer with the largest leak; absent where none leaks. */
  readonly worst?: string;
}

/** What was found. */
export interface CausalityReport {
  readonly frames: number;
  /** Whether no layer lets anything flow backward. */
  readonly causal: boolean;
  readonly kinds: readonly KindLeak[];
  /** The whole network: entry [k][t] is the change of output t when frame k + 1 is another. */
  readonly network: readonly (readonly number[])[];
}

/**
 * Perturbs every frame but the first in turn. Layers are given standard normal features, and the changed frame others of twice the size;
 * the network standard normal latents, and the changed frame other latents, another noise level and another action.
 */
export function measureCausality(unet: UNet3D, options: CausalityOptions = {}): CausalityReport {
  const { temporalLength } = unet.options;
  const { frames = Math.min(4, temporalLength), seed = 0 } = options;
  if (!Number.isInteger(frames) || frames < 2 || frames > temporalLength)
    throw invalid("frames", `a whole number from 2 to ${temporalLength}, the network's window`, frames);
  manualSeed(seed);
  return noGrad(() => {
    const kinds = temporalKinds.map((kind) => leakOfKind(unet, kind, frames, options));
    const network = leaksOfNetwork(unet, frames, options);
    const quiet = network.every((row, k) => row.slice(0, k + 1).every((change) => change === 0));
    return { frames, causal: quiet && kinds.every(({ earlier }) => earlier === 0), kinds, network };
  });
}

function leakOfKind(unet: UNet3D, kind: TemporalKind, frames: number, options: CausalityOptions): KindLeak {
  const { device = "cpu", dtype = "float32" } = options;
  const window: Window = { batch: 1, frames, ...(unet.options.causal && { reach: unet.options.temporalLength }) };
  const layers = temporalLayers(unet).filter((layer) => layer.kind === kind);
  let [earlier, later, worst] = [0, 0, ""];
  for (const { name, channels, run } of layers) {
    scope(() => {
      // Always laid out alike: kernels for another layout round otherwise.
      const laidOut = (x: Tensor): Tensor => x.contiguous({ memoryFormat: "channels_last" });
      const features = (): Tensor => laidOut(randn([frames, channels, 8, 8], { device }).to(dtype));
      const [x_FCHW, other_FCHW] = [features(), features().mul(2)];
      const before = run(x_FCHW, window);
      for (let k = 1; k < frames; k++) {
        const changes = relativeChanges(before, run(laidOut(withFrame(x_FCHW, other_FCHW, 0, k)), window), 0);
        const leak = Math.max(...changes.slice(0, k));
        later = Math.max(later, ...changes.slice(k));
        if (leak > earlier) [earlier, worst] = [leak, name];
      }
    });
  }
  return { kind, layers: layers.length, earlier, later, ...(worst !== "" && { worst }) };
}

function leaksOfNetwork(unet: UNet3D, frames: number, options: CausalityOptions): number[][] {
  return scope(() => {
    const [input, other] = [randomInput(unet, frames, options), randomInput(unet, frames, options)];
    const before = unet.forward(input);
    return Array.from({ length: frames - 1 }, (_, k) => {
      const swap = (x: Tensor, y: Tensor): Tensor => withFrame(x, y, 1, k + 1);
      const changed: UNetInput = {
        ...input,
        x_BTCHW: swap(input.x_BTCHW, other.x_BTCHW),
        timesteps: swap(input.timesteps, other.timesteps),
        ...(input.actions_BTA && other.actions_BTA && { actions_BTA: swap(input.actions_BTA, other.actions_BTA) }),
      };
      return scope(() => relativeChanges(before, unet.forward(changed), 1));
    });
  });
}

function randomInput(unet: UNet3D, frames: number, options: CausalityOptions): UNetInput {
  const { inChannels, actionDim, contextDim, textTokens, imageTokensPerFrame } = unet.options;
  const { height = 16, width = 16, device = "cpu" } = options;
  return {
    x_BTCHW: randn([1, frames, inChannels, height, width], { device }),
    timesteps: randint(0, 1000, [1, frames], { device }),
    ...(actionDim !== undefined && { actions_BTA: randn([1, frames, actionDim], { device }) }),
    ...(contextDim !== undefined && {
      context: randn([1, textTokens + frames * imageTokensPerFrame, contextDim], { device }),
    }),
  };
}

/** `x` with entry `k` of `axis` taken from `other`. */
function withFrame(x: Tensor, other: Tensor, axis: number, k: number): Tensor {
  const parts = [x.narrow(axis, 0, k), other.narrow(axis, k, 1), x.narrow(axis, k + 1, x.size(axis) - k - 1)];
  return cat(parts, { dim: axis });
}

/** The largest change of each frame, as a part of the root mean square of all of `before`. */
function relativeChanges(before: Tensor, after: Tensor, axis: number): number[] {
  const size = Math.sqrt(before.float().square().mean().item()) || 1;
  const change = after.float().sub(before.float()).abs();
  return Array.from({ length: before.size(axis) }, (_, t) => change.select(axis, t).amax().item() / size);
}
