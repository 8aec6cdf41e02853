// How layers get their first values: PyTorch's defaults, drawn from the global or a given generator, or not at all.

import { empty, full } from "../creation.js";
import type { Device, DType } from "../dtype.js";
import { noGrad } from "../autograd.js";
import type { Generator } from "../random.js";
import { Tensor } from "../tensor.js";
import { keep } from "../scope.js";
import { Parameter } from "./parameter.js";

/** What layers built inside `initializing` use for their parameters. */
export interface InitializationOptions {
  /** Draw random values. Without, memory stays as it was allocated, to be overwritten by a checkpoint. Default true. */
  readonly random?: boolean;
  /** Source of the random values. Default: the global generator, see `manualSeed`. */
  readonly generator?: Generator;
  /** Type of floating-point parameters. Default float32. */
  readonly dtype?: DType;
  /** Where parameters are made. Default "cpu". */
  readonly device?: Device;
}

let current: InitializationOptions = {};

/** Builds modules with other initialisation options: `initializing({ generator }, () => new UNet(...))`. Nests; synchronous. */
export function initializing<T>(options: InitializationOptions, build: () => T): T {
  const outer = current;
  current = { ...outer, ...options };
  try {
    const built = build();
    if (built instanceof Promise)
      throw new TypeError("initializing: build returned a promise; build modules synchronously");
    return built;
  } finally {
    current = outer;
  }
}

/** Builds a module whose random values are not drawn: for large models that load a checkpoint right after. */
export function withoutInit<T>(build: () => T): T {
  return initializing({ random: false }, build);
}

/** A parameter of `shape`, uniform in [-bound, bound). */
export function uniformParameter(shape: readonly number[], bound: number): Parameter {
  return randomParameter(shape, (x, generator) => x.uniform_({ from: -bound, to: bound, ...generator }));
}

/** A parameter of `shape`, normal with mean 0 and the given standard deviation. */
export function normalParameter(shape: readonly number[], std = 1): Parameter {
  return randomParameter(shape, (x, generator) => x.normal_({ mean: 0, std, ...generator }));
}

/** A parameter of `shape` that starts at one value everywhere. */
export function constantParameter(shape: readonly number[], value: number): Parameter {
  return new Parameter(full([...shape], value, placement()));
}

/** A tensor that is part of the state but not trained, at one value everywhere: for running statistics. */
export function constantBuffer(shape: readonly number[], value: number): Tensor {
  return keep(full([...shape], value, placement()));
}

/**
 * PyTorch's default for weights of linear and convolution layers: Kaiming uniform with a = sqrt(5) (He et al. 2015,
 * arXiv:1502.01852, eq. 14), which comes to a bound of 1 / sqrt(fanIn). Weight layout: [out, in, ...kernel].
 */
export function kaimingUniformWeight(shape: readonly number[]): Parameter {
  const gain = Math.sqrt(2 / (1 + 5));
  return uniformParameter(shape, (Math.sqrt(3) * gain) / Math.sqrt(fanIn(shape)));
}

/** PyTorch's default for the bias beside a weight of `weightShape`: uniform within 1 / sqrt(fanIn). */
export function biasFor(weightShape: readonly number[]): Parameter {
  return uniformParameter([weightShape[0] as number], 1 / Math.sqrt(fanIn(weightShape)));
}

/** Inputs that one output element sees: the product of all axes but the first. */
function fanIn(weightShape: readonly number[]): number {
  return weightShape.slice(1).reduce((total, length) => total * length, 1);
}

function randomParameter(
  shape: readonly number[],
  draw: (x: Tensor, generator: { generator?: Generator }) => Tensor,
): Parameter {
  const x = empty([...shape], placement());
  if (current.random ?? true)
    noGrad(() => draw(x, current.generator === undefined ? {} : { generator: current.generator }));
  return new Parameter(x);
}

function placement(): { dtype?: DType; device?: Device } {
  return {
    ...(current.dtype !== undefined && { dtype: current.dtype }),
    ...(current.device !== undefined && { device: current.device }),
  };
}
