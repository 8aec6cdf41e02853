// @vid2world/torch: libtorch for TypeScript. Operators are generated; everything that is no operator is in the files beside this one.
export * from "./generated/ops.js";
export * from "./allclose.js";
export * from "./autograd.js";
export { has, libtorchVersion, type TypedArray } from "./binding.js";
// These replace the generated operators of the same names: their defaults are those of JavaScript numbers, or they work everywhere.
export { scaledDotProductAttention, type AttentionOptions } from "./attention.js";
export {
  arange,
  empty,
  fromTypedArray,
  full,
  linspace,
  ones,
  rand,
  randint,
  randn,
  randnLike,
  tensor,
  zeros,
  type CreationOptions,
  type NestedNumbers,
  type RandomOptions,
} from "./creation.js";
export * from "./cuda-graph.js";
export * from "./device.js";
export * from "./distributed.js";
export { isFloating, itemSize, type Device, type DType, type MemoryFormat } from "./dtype.js";
export * from "./errors.js";
export * from "./io.js";
export * from "./nn/index.js";
export * from "./optim/index.js";
export * from "./random.js";
export * from "./rearrange.js";
export { keep, liveBytes, liveTensors, scope, sequential } from "./scope.js";
export { ScriptModule, type ScriptCall } from "./script-module.js";
export { Tensor, type Dims } from "./tensor.js";
export { Trace, WeightLayouts, trace, type TracedCall } from "./trace.js";
