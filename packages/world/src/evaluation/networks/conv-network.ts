// Runs a list of layers with the weights of an original file. Batch normalisation is folded into the convolution before it, so each
// convolution is one call.
// Axes: B pictures, C channels, H height, W width, K kernel.
import { avgPool2d, cat, conv2d, type Device, keep, maxPool2d, noGrad, scope, type Tensor } from "@vid2world/torch";
import { batchNormKeys, type ConvLayer, type Layer } from "./layers.js";

/** Added to the variance by the batch normalisations of InceptionV3 (arXiv:1512.00567), the only network here that has them. */
const BATCH_NORM_EPSILON = 1e-3;

/** A frozen feature network. Free it by `dispose`. */
export interface ConvNetwork extends Disposable {
  /**
   * The features at every tap and, last, those that leave the last layer: [B 3 H W] -> arrays of [B C H W]. Gradients flow to the
   * pictures, not to the weights. Call it in a `scope`.
   */
  forward(pictures_BCHW: Tensor): Tensor[];
  dispose(): void;
}

interface Folded {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/** Prepares `layers` with `tensors` (by original names, float32); the caller keeps and may free those. */
export function convNetwork(
  layers: readonly Layer[],
  tensors: ReadonlyMap<string, Tensor>,
  device: Device = "cpu",
): ConvNetwork {
  const folded = new Map<string, Folded>();
  for (const layer of convolutionsOf(layers)) {
    folded.set(
      layer.key,
      noGrad(() => scope(() => fold(layer, tensors, device))),
    );
  }
  const parts = [...folded.values()].flatMap(({ weight, bias }) => [keep(weight), keep(bias)]);
  const dispose = (): void => {
    for (const part of parts) part.dispose();
  };
  return {
    forward: (pictures_BCHW) => {
      const taps: Tensor[] = [];
      const last = runLayers(layers, pictures_BCHW, folded, taps);
      return [...taps, last];
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function* convolutionsOf(layers: readonly Layer[]): Generator<ConvLayer> {
  for (const layer of layers) {
    if (layer.kind === "conv") yield layer;
    if (layer.kind === "branches") for (const path of layer.branches) yield* convolutionsOf(path);
  }
}

/** A batch normalisation after a convolution is that convolution with other numbers, computed in float64. */
function fold({ key, after }: ConvLayer, tensors: ReadonlyMap<string, Tensor>, device: Device): Folded {
  const tensor = (name: string): Tensor => tensors.get(`${key}.${name}`) as Tensor;
  if (after === "bias") return { weight: tensor("weight").clone().to(device), bias: tensor("bias").clone().to(device) };
  const [scale, offset, mean, variance] = batchNormKeys.map((name) => tensor(`bn.${name}`).to("float64")) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const factor = scale.div(variance.add(BATCH_NORM_EPSILON).sqrt());
  const weight = tensor("conv.weight")
    .to("float64")
    .mul(factor.reshape([-1, 1, 1, 1]));
  return { weight: weight.float().to(device), bias: offset.sub(mean.mul(factor)).float().to(device) };
}

function runLayers(
  layers: readonly Layer[],
  input_BCHW: Tensor,
  folded: ReadonlyMap<string, Folded>,
  taps: Tensor[],
): Tensor {
  let x_BCHW = input_BCHW;
  for (const layer of layers) {
    if (layer.kind === "tap") taps.push(x_BCHW);
    else x_BCHW = runLayer(layer, x_BCHW, folded, taps);
  }
  return x_BCHW;
}

function runLayer(
  layer: Exclude<Layer, { kind: "tap" }>,
  x_BCHW: Tensor,
  folded: ReadonlyMap<string, Folded>,
  taps: Tensor[],
): Tensor {
  switch (layer.kind) {
    case "conv": {
      const { weight, bias } = folded.get(layer.key) as Folded;
      return conv2d(x_BCHW, weight, { bias, stride: layer.stride, padding: layer.padding }).relu();
    }
    case "maxPool":
      return maxPool2d(x_BCHW, [layer.size, layer.size], { stride: layer.stride, padding: layer.padding });
    case "averagePool":
      return avgPool2d(x_BCHW, [layer.size, layer.size], {
        stride: [layer.stride, layer.stride],
        padding: [layer.padding, layer.padding],
        countIncludePad: false,
      });
    case "branches":
      return cat(
        layer.branches.map((path) => runLayers(path, x_BCHW, folded, taps)),
        { dim: 1 },
      );
  }
}
