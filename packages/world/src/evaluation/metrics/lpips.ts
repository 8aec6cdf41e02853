// LPIPS (arXiv:1801.03924), version 0.1: the weighted distance of two pictures' features in a trunk network.
// Axes: B pictures, C channels, H height, W width.
import { cat, type Device, fromTypedArray, scope, ShapeError, type Tensor } from "@vid2world/torch";
import { convNetwork } from "../networks/conv-network.js";
import { callSize } from "../networks/feature-network.js";
import { type Layer, layerTensors } from "../networks/layers.js";
import { freeTensors, readNetworkTensors } from "../networks/network-weights.js";
import { alexnetLayers, vgg16Layers } from "../networks/trunks.js";

/** The trunks that LPIPS is published for. */
export type LpipsTrunk = "vgg" | "alex";

/** Where the two files of an LPIPS are. */
export interface LpipsFiles {
  /** torchvision's weights of the trunk (IMAGENET1K_V1). */
  readonly trunk: string;
  /** The five linear heads, `lpips/weights/v0.1/{vgg,alex}.pth`. */
  readonly heads: string;
}

/** A loaded LPIPS. Free it by `dispose`. */
export interface Lpips extends Disposable {
  readonly name: string;
  /**
   * The distance of each pair, 0 for equal pictures, seldom above 1: [B 3 H W], [B 3 H W] with values in [-1, 1] -> [B] float32.
   * Gradients flow to the pictures. Each pair is computed alone on the CPU, so a score does not depend on the batch to the last bit.
   */
  distance(a_BCHW: Tensor, b_BCHW: Tensor): Tensor;
  dispose(): void;
}

/** Layers and, per tap, channels of a trunk. */
export const lpipsTrunks: Readonly<
  Record<LpipsTrunk, { readonly layers: readonly Layer[]; readonly widths: readonly number[] }>
> = {
  vgg: { layers: vgg16Layers, widths: [64, 128, 256, 512, 512] },
  alex: { layers: alexnetLayers, widths: [64, 192, 384, 256, 256] },
};

/** ImageNet's mean and deviation, as LPIPS has them for values in [-1, 1]. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];
/** Keeps the norm of a pixel's features from being 0. */
const EPSILON = 1e-10;

const headKey = (tap: number): string => `lin${tap}.model.1.weight`;

/** Loads LPIPS from its two files. @throws CheckpointMismatchError for weights of another network. */
export async function loadLpips(trunk: LpipsTrunk, files: LpipsFiles, device: Device = "cpu"): Promise<Lpips> {
  const { layers, widths } = lpipsTrunks[trunk];
  const headShapes = new Map(widths.map((width, tap) => [headKey(tap), [1, width, 1, 1]]));
  const heads = await readNetworkTensors(files.heads, headShapes);
  const tensors = await readNetworkTensors(files.trunk, layerTensors(layers, 3).shapes);
  const network = convNetwork(layers, tensors, device);
  freeTensors(tensors);
  const weights = widths.map((_, tap) => (heads.get(headKey(tap)) as Tensor).clone().to(device));
  freeTensors(heads);
  const [shift, scale] = [SHIFT, SCALE].map((values) =>
    fromTypedArray(Float32Array.from(values), [1, 3, 1, 1]).to(device),
  ) as [Tensor, Tensor];

  const ofPairs = (a_BCHW: Tensor, b_BCHW: Tensor): Tensor => {
    const pairs = a_BCHW.size(0);
    const both = cat([a_BCHW, b_BCHW]).to(device).float().sub(shift).div(scale);
    const distances_B = network.forward(both).map((features_BCHW, tap) => {
      const unit = features_BCHW.div(features_BCHW.square().sum([1], { keepdim: true }).sqrt().add(EPSILON));
      const difference = unit
        .narrow(0, 0, pairs)
        .sub(unit.narrow(0, pairs, pairs))
        .square();
      return difference
        .mul(weights[tap] as Tensor)
        .sum([1])
        .mean([1, 2]);
    });
    return distances_B.reduce((sum, each) => sum.add(each));
  };
  const dispose = (): void => {
    network.dispose();
    for (const tensor of [...weights, shift, scale]) tensor.dispose();
  };
  return {
    name: `LPIPS (${trunk === "vgg" ? "VGG16" : "AlexNet"})`,
    distance(a_BCHW, b_BCHW) {
      if (
        a_BCHW.rank !== 4 ||
        a_BCHW.shape[1] !== 3 ||
        a_BCHW.size(0) < 1 ||
        String(a_BCHW.shape) !== String(b_BCHW.shape)
      )
        throw new ShapeError(
          `lpips: pictures are [${a_BCHW.shape.join(", ")}] and [${b_BCHW.shape.join(", ")}]; both must be the same [B, 3, H, W]`,
        );
      return scope(() => {
        const size = callSize(a_BCHW);
        const parts = Array.from({ length: Math.ceil(a_BCHW.size(0) / size) }, (_, i) => {
          const count = Math.min(size, a_BCHW.size(0) - i * size);
          return scope(() => ofPairs(a_BCHW.narrow(0, i * size, count), b_BCHW.narrow(0, i * size, count)));
        });
        return cat(parts);
      });
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
