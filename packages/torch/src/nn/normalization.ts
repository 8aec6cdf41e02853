// Normalisation layers. Axes: B batch, C channels, H height, W width, D width of a token.

import { invalid } from "@vid2world/formats";
import { batchNorm, groupNorm, layerNorm } from "../generated/ops.js";
import type { Tensor } from "../tensor.js";
import { constantBuffer, constantParameter } from "./initialization.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** Options of the normalisation layers. */
export interface NormalizationOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** Whether a learned scale (from 1) and offset (from 0) follow. Default true. */
  readonly affine?: boolean;
}

/** Group normalisation (arXiv:1803.08494): statistics over each group of channels and all positions. [B C ...] -> same */
export class GroupNorm extends Module {
  /** [C] */
  readonly weight: Parameter | undefined;
  /** [C] */
  readonly bias: Parameter | undefined;
  readonly groups: number;
  readonly eps: number;

  constructor(groups: number, channels: number, { eps = 1e-5, affine = true }: NormalizationOptions = {}) {
    super();
    if (groups < 1 || channels % groups !== 0) throw invalid("groups", `a divisor of ${channels}`, groups);
    this.groups = groups;
    this.eps = eps;
    this.weight = affine ? constantParameter([channels], 1) : undefined;
    this.bias = affine ? constantParameter([channels], 0) : undefined;
  }

  /** x [B C ...] -> the same shape. */
  forward(x: Tensor): Tensor {
    return groupNorm(x, this.groups, { weight: this.weight, bias: this.bias, eps: this.eps });
  }
}

/** Layer normalisation (arXiv:1607.06450): statistics over the last axis. [... D] -> same */
export class LayerNorm extends Module {
  /** [D] */
  readonly weight: Parameter | undefined;
  /** [D] */
  readonly bias: Parameter | undefined;
  readonly width: number;
  readonly eps: number;

  constructor(width: number, { eps = 1e-5, affine = true }: NormalizationOptions = {}) {
    super();
    this.width = width;
    this.eps = eps;
    this.weight = affine ? constantParameter([width], 1) : undefined;
    this.bias = affine ? constantParameter([width], 0) : undefined;
  }

  /** x [... width] -> the same shape. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, [this.width], { weight: this.weight, bias: this.bias, eps: this.eps });
  }
}

/**
 * Batch normalisation with fixed statistics (arXiv:1502.03167, inference), whatever the mode: for networks that are evaluated but not
 * trained here, such as those that metrics use. PyTorch's counter `num_batches_tracked` is not part of the state. [B C H W] -> same
 */
export class BatchNorm2d extends Module {
  /** [C] */
  readonly weight: Parameter | undefined;
  /** [C] */
  readonly bias: Parameter | undefined;
  /** [C] */
  readonly runningMean: Tensor;
  /** [C] */
  readonly runningVar: Tensor;
  readonly eps: number;

  constructor(channels: number, { eps = 1e-5, affine = true }: NormalizationOptions = {}) {
    super();
    this.eps = eps;
    this.weight = affine ? constantParameter([channels], 1) : undefined;
    this.bias = affine ? constantParameter([channels], 0) : undefined;
    this.runningMean = constantBuffer([channels], 0);
    this.runningVar = constantBuffer([channels], 1);
  }

  /** x [B C H W] -> the same shape, with the stored statistics. */
  forward(x_BCHW: Tensor): Tensor {
    const { weight, bias, runningMean, runningVar, eps } = this;
    return batchNorm(x_BCHW, weight, bias, runningMean, runningVar, false, 0, eps, true);
  }
}
