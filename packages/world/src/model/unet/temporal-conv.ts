// The temporal half of a residual block: four normalised convolutions over time at every position.
// Axes: F = B * T folded frames, N = H * W positions.
import {
  Conv3d,
  Dropout,
  Module,
  addmm,
  conv2d,
  pad,
  scope,
  sequential,
  zeroInit,
  type Parameter,
  type Tensor,
} from "@vid2world/torch";

import { foldFrames, mapToTokens, tokensToMap, unfoldFrames, type Window } from "./frames.js";
import { TemporalNorm, type TemporalStatistics } from "./norm.js";
import { branchesOf, type LayerMemory, type TimePass } from "./time-pass.js";

const LAYERS = 4;
const KERNEL = 3;

/** Options of {@link TemporalConvBlock}. */
export interface TemporalConvOptions {
  readonly normGroups: number;
  readonly causal: boolean;
  readonly statistics: TemporalStatistics;
  readonly dropout: number;
}

/**
 * Convolution over time only. The weight is that of a 3-D convolution of kernel (k, 1, 1); it runs as a 2-D convolution over (T, N), which
 * on channels-last maps is a view on both sides and several times faster than a 3-D convolution.
 *
 * `[B C T N], [Co C k 1 1] -> [B Co T N]`
 */
export function temporalConv(x_BCTN: Tensor, weight: Tensor, bias: Tensor | undefined, causal: boolean): Tensor {
  const weight_OCK1 = weight.squeeze(-1);
  const past = weight.size(2) - 1;
  const shared = bias === undefined ? {} : { bias };
  if (!causal) return conv2d(x_BCTN, weight_OCK1, { ...shared, padding: [past / 2, 0] });
  return conv2d(pad(x_BCTN, [0, 0, past, 0]), weight_OCK1, shared);
}

/** Normalisation, SiLU, dropout, convolution over time: one of the four layers. */
class TemporalConvLayer extends Module {
  readonly norm: TemporalNorm;
  readonly dropout: Dropout | undefined;
  readonly conv: Conv3d;
  readonly #causal: boolean;

  constructor(channels: number, options: TemporalConvOptions, position: { first: boolean; last: boolean }) {
    super();
    this.norm = new TemporalNorm(options.normGroups, channels, { statistics: options.statistics });
    this.dropout = position.first ? undefined : new Dropout(options.dropout);
    const conv = new Conv3d(channels, channels, [KERNEL, 1, 1], { padding: [(KERNEL - 1) / 2, 0, 0] });
    this.conv = position.last ? zeroInit(conv) : conv;
    this.#causal = options.causal;
  }

  forward(x_FCHW: Tensor, window: Window): Tensor {
    return scope(() => {
      const active = scope(() => this.norm.forwardFrames(x_FCHW, window).silu());
      const dropped = this.dropout?.forward(active) ?? active;
      const past = window.time?.recall(this);
      if (window.time && past) return this.#continue(dropped, window.time, past);
      window.time?.keep(this, () => this.#memoryOf(dropped, window));
      const y_BCTN = temporalConv(unfoldFrames(dropped, window), this.conv.weight, this.conv.bias, this.#causal);
      return foldFrames(y_BCTN, x_FCHW.size(2));
    });
  }

  /**
   * The next frame after those that were kept. The past's share of the convolution does not change while a frame is denoised: it is part
   * of the memory, and one product of the frame with the kernel's last entry is left.
   */
  #continue(x_FCHW: Tensor, time: TimePass, past: LayerMemory): Tensor {
    const [last_BNC, share_BNC] = past as [Tensor, Tensor];
    const [batch, positions, channels] = last_BNC.dims("B N C");
    const x_FNC = mapToTokens(x_FCHW);
    time.keep(this, () => this.#memoryAfter(x_FNC, last_BNC, time));
    const [now_CO] = this.#kernel(time) as [Tensor];
    const y_XO =
      x_FNC.size(0) === batch
        ? addmm(share_BNC.flatten({ startDim: 0, endDim: 1 }), x_FNC.reshape([-1, channels]), now_CO)
        : branchesOf(x_FNC.matmul(now_CO), batch).add(share_BNC);
    return tokensToMap(y_XO.reshape([x_FNC.size(0), positions, -1]), x_FCHW.size(2));
  }

  #memoryOf(x_FCHW: Tensor, window: Window): LayerMemory {
    const x_BTNC = mapToTokens(x_FCHW).unflatten(0, [window.batch, window.frames]);
    const before = window.frames > 1 ? x_BTNC.select(1, window.frames - 2) : undefined;
    return this.#memoryAfter(x_BTNC.select(1, window.frames - 1), before, window.time as TimePass);
  }

  /** The newest input, and what it and the one before add to the next output. */
  #memoryAfter(newest_BNC: Tensor, before_BNC: Tensor | undefined, time: TimePass): LayerMemory {
    return scope(() => {
      const [, one_CO, two_CO] = this.#kernel(time) as [Tensor, Tensor, Tensor];
      const rows = (x_BNC: Tensor): Tensor => x_BNC.reshape([-1, x_BNC.size(2)]);
      const fromOne = addmm(this.conv.bias as Parameter, rows(newest_BNC), one_CO);
      const share = before_BNC ? addmm(fromOne, rows(before_BNC), two_CO) : fromOne;
      return [newest_BNC.clone(), share.reshape([...newest_BNC.shape.slice(0, 2), -1])];
    });
  }

  /** The kernel's matrices `[C Co]` for the frame itself, the one before and the one before that. */
  #kernel(time: TimePass): LayerMemory {
    return time.prepare(this, () =>
      [2, 1, 0].map((k) =>
        scope(() => this.conv.weight.flatten({ startDim: 2 }).select(2, k).t().clone({ memoryFormat: "contiguous" })),
      ),
    );
  }
}

/** Four temporal layers with a residual connection around all of them; the last starts at zero, so a new block changes nothing. */
export class TemporalConvBlock extends Module {
  readonly layers: readonly TemporalConvLayer[];

  constructor(channels: number, options: TemporalConvOptions) {
    super();
    this.layers = Array.from(
      { length: LAYERS },
      (_, i) => new TemporalConvLayer(channels, options, { first: i === 0, last: i === LAYERS - 1 }),
    );
  }

  /** `[F C H W] -> [F C H W]` for the frames of `window`. */
  forward(x_FCHW: Tensor, window: Window): Tensor {
    return scope(() => {
      const steps = this.layers.map((layer) => (x: Tensor) => layer.forward(x, window));
      return x_FCHW.add(sequential(x_FCHW, steps));
    });
  }
}
