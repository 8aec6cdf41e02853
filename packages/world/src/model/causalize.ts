// Turns a bidirectional video model's weights into those of a causal one: what a symmetric kernel read from the future has to come
// from the past. arXiv:2505.14357, section 4.1 and appendix A.2.
import { noGrad, scope, stack, type Tensor } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

import type { UNetOptions } from "./unet/options.js";
import { UNet3D } from "./unet/unet.js";

/**
 * How the weights of a symmetric kernel move to a causal one.
 * - `shift`: unchanged, so that every tap reads m frames earlier than it was trained to.
 * - `masked`: the taps on the present and the past stay where they were, those on the future are dropped.
 * - `extrapolative`: like `masked`, and each tap on the future is replaced by a linear extrapolation from the newest frames.
 */
export type WeightTransfer = "shift" | "masked" | "extrapolative";

/** Options of a weight transfer. */
export interface TransferOptions {
  /** Default `extrapolative`. */
  readonly transfer?: WeightTransfer;
  /** Number of newest frames that an extrapolation is fitted to (`extrapolative` only). Default 2. */
  readonly regressionWindow?: number | undefined;
}

/**
 * How much frame t-j contributes to the least-squares line through frames t-p+1..t, evaluated at t+k. For p = 2: 1+k and -k.
 */
export function extrapolationWeight(ahead: number, back: number, window: number): number {
  if (window === 1) return 1;
  const middle = (window - 1) / 2;
  const spread = (window * window - 1) / 12; // The variance of p consecutive integers.
  return 1 / window + ((ahead + middle) * (middle - back)) / (window * spread);
}

/**
 * The transfer as a matrix of `kernel` rows and columns: entry [i][j] is the share of old tap j in new tap i. Old taps are at the offsets
 * -m..m, new ones at -2m..0.
 */
export function transferMatrix(kernel: number, options: TransferOptions = {}): readonly (readonly number[])[] {
  const { transfer = "extrapolative", regressionWindow = 2 } = options;
  if (kernel % 2 === 0) throw invalid("kernel", "an odd size", kernel);
  const reach = (kernel - 1) / 2;
  if (
    transfer === "extrapolative" &&
    (regressionWindow < 1 || regressionWindow > kernel || !Number.isInteger(regressionWindow))
  ) {
    throw invalid("regressionWindow", `an integer from 1 to the kernel's size ${kernel}`, regressionWindow);
  }
  const share = (tap: number, from: number): number => {
    if (transfer === "shift") return tap === from ? 1 : 0;
    const back = 2 * reach - tap;
    const ahead = from - reach;
    if (ahead <= 0) return -ahead === back ? 1 : 0;
    if (transfer === "masked" || back >= regressionWindow) return 0;
    return extrapolationWeight(ahead, back, regressionWindow);
  };
  return Array.from({ length: kernel }, (_, tap) =>
    Array.from({ length: kernel }, (_unused, from) => share(tap, from)),
  );
}

/** Transfers a convolution's weight `[Co Ci k ...]` along its first kernel axis. The bias of a causal convolution is the old one. */
export function transferWeight(weight: Tensor, options: TransferOptions = {}): Tensor {
  return scope(() => {
    const matrix = transferMatrix(weight.size(2), options);
    const taps = matrix.map((shares) => {
      const terms = shares.flatMap((share, from) => (share === 0 ? [] : [weight.select(2, from).mul(share)]));
      return terms.length === 0 ? weight.select(2, 0).zerosLike() : terms.reduce((sum, term) => sum.add(term));
    });
    return stack(taps, { dim: 2 });
  });
}

/** Whether a key (in this library's names) holds a kernel that the causal form evaluates causally. */
export function isCausalKernel(key: string): boolean {
  // The output convolution is causal along the image's height in the published model, and its kernel is transferred the same way.
  return /(^|\.)temporalConv\.layers\.\d+\.conv\.weight$/.test(key) || /(^|\.)outputConv\.weight$/.test(key);
}

/**
 * Makes a causal U-Net's state from a bidirectional one's, both in this library's names: the keys are the same, the causal kernels
 * are transferred, everything else is passed on as it is. An action encoder is not in it: it starts from its own initialisation.
 */
export function causalizeState(state: ReadonlyMap<string, Tensor>, options: TransferOptions = {}): Map<string, Tensor> {
  return noGrad(
    () =>
      new Map([...state].map(([key, value]) => [key, isCausalKernel(key) ? transferWeight(value, options) : value])),
  );
}

/** Options of {@link causalizeUNet}: those of the transfer, and the U-Net options that the world model adds or changes. */
export interface CausalizeOptions extends TransferOptions {
  readonly unet?: Partial<UNetOptions>;
}

/** Builds the causal world model from a bidirectional video model. Only the action encoder is new. */
export function causalizeUNet(base: UNet3D, { unet, ...transfer }: CausalizeOptions = {}): UNet3D {
  const causal = new UNet3D({ ...base.options, ...unet, causal: true });
  const state = causalizeState(base.stateDict(), transfer);
  for (const [key, value] of causal.stateDict()) {
    if (key.startsWith("actionEncoder.") && !state.has(key)) state.set(key, value);
  }
  causal.loadStateDict(state, { from: "the bidirectional model" });
  return causal;
}
