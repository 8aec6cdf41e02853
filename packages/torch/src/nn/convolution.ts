// Convolutions over one, two and three axes. Axes: B batch, C channels, T time, H height, W width.

import { invalid } from "@vid2world/formats";
import { conv1d, conv2d, conv3d } from "../generated/ops.js";
import type { Tensor } from "../tensor.js";
import { biasFor, kaimingUniformWeight } from "./initialization.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** One number for all axes, or one per axis. */
export type PerAxis<Axes extends readonly number[]> = number | Axes;

/** Options of the convolutions; each default is PyTorch's. */
export interface ConvolutionOptions<Axes extends readonly number[]> {
  /** Distance between outputs, in input positions. Default 1. */
  readonly stride?: PerAxis<Axes>;
  /** Zeros added on both sides of each axis. Default 0. */
  readonly padding?: PerAxis<Axes>;
  /** Distance between kernel elements. Default 1. */
  readonly dilation?: PerAxis<Axes>;
  /** Number of independent groups that the channels are divided into. Default 1. */
  readonly groups?: number;
  /** Whether a learned offset per output channel is added. Default true. */
  readonly bias?: boolean;
}

abstract class Convolution<Axes extends readonly number[]> extends Module {
  /** [out, in / groups, ...kernel] */
  readonly weight: Parameter;
  /** [out] */
  readonly bias: Parameter | undefined;
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;

  constructor(
    axes: Axes["length"],
    channelsIn: number,
    channelsOut: number,
    kernel: PerAxis<Axes>,
    { stride, padding, dilation, groups = 1, bias = true }: ConvolutionOptions<Axes>,
  ) {
    super();
    if (groups < 1 || channelsIn % groups !== 0 || channelsOut % groups !== 0) {
      throw invalid("groups", `a common divisor of ${channelsIn} and ${channelsOut}`, groups);
    }
    const shape = [channelsOut, channelsIn / groups, ...perAxis("kernel", kernel, axes)];
    this.stride = perAxis("stride", stride ?? 1, axes);
    this.padding = perAxis("padding", padding ?? 0, axes);
    this.dilation = perAxis("dilation", dilation ?? 1, axes);
    this.groups = groups;
    this.weight = kaimingUniformWeight(shape);
    this.bias = bias ? biasFor(shape) : undefined;
  }

  /** The arguments of the operator beside input and weight. */
  protected operatorOptions(): {
    bias: Parameter | undefined;
    stride: readonly number[];
    padding: readonly number[];
    dilation: readonly number[];
    groups: number;
  } {
    const { bias, stride, padding, dilation, groups } = this;
    return { bias, stride, padding, dilation, groups };
  }
}

/** 1-D convolution. [B Cin T] -> [B Cout T'] */
export class Conv1d extends Convolution<readonly [number]> {
  constructor(
    channelsIn: number,
    channelsOut: number,
    kernel: PerAxis<readonly [number]>,
    options: ConvolutionOptions<readonly [number]> = {},
  ) {
    super(1, channelsIn, channelsOut, kernel, options);
  }

  /** x [B C L] -> [B O L'] */
  forward(x_BCT: Tensor): Tensor {
    return conv1d(x_BCT, this.weight, this.operatorOptions());
  }
}

/** 2-D convolution. [B Cin H W] -> [B Cout H' W'] */
export class Conv2d extends Convolution<readonly [number, number]> {
  constructor(
    channelsIn: number,
    channelsOut: number,
    kernel: PerAxis<readonly [number, number]>,
    options: ConvolutionOptions<readonly [number, number]> = {},
  ) {
    super(2, channelsIn, channelsOut, kernel, options);
  }

  /** x [B C H W] -> [B O H' W'] */
  forward(x_BCHW: Tensor): Tensor {
    return conv2d(x_BCHW, this.weight, this.operatorOptions());
  }
}

/** 3-D convolution. [B Cin T H W] -> [B Cout T' H' W'] */
export class Conv3d extends Convolution<readonly [number, number, number]> {
  constructor(
    channelsIn: number,
    channelsOut: number,
    kernel: PerAxis<readonly [number, number, number]>,
    options: ConvolutionOptions<readonly [number, number, number]> = {},
  ) {
    super(3, channelsIn, channelsOut, kernel, options);
  }

  /** x [B C T H W] -> [B O T' H' W'] */
  forward(x_BCTHW: Tensor): Tensor {
    return conv3d(x_BCTHW, this.weight, this.operatorOptions());
  }
}

function perAxis(name: string, value: number | readonly number[], axes: number): readonly number[] {
  if (typeof value === "number") return new Array<number>(axes).fill(value);
  if (value.length !== axes) throw invalid(name, `a number or ${axes} numbers`, value);
  return value;
}
