// Everything of the neural network layer.

export { Conv1d, Conv2d, Conv3d, type ConvolutionOptions, type PerAxis } from "./convolution.js";
export { Dropout } from "./dropout.js";
export { Embedding } from "./embedding.js";
export {
  biasFor,
  constantBuffer,
  constantParameter,
  initializing,
  type InitializationOptions,
  kaimingUniformWeight,
  normalParameter,
  uniformParameter,
  withoutInit,
} from "./initialization.js";
export { Linear } from "./linear.js";
export { compareState, type LoadOptions, loadState } from "./load-state.js";
export { evaluating, zeroInit } from "./modes.js";
export { Module } from "./module.js";
export { BatchNorm2d, GroupNorm, LayerNorm, type NormalizationOptions } from "./normalization.js";
export { Parameter } from "./parameter.js";
export { type Layer, Sequential } from "./sequential.js";
