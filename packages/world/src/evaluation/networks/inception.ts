// The features of FID (arXiv:1706.08500): InceptionV3's last average pool.
// Axes: B pictures, C colours, H height, W width, D features.
import { adaptiveAvgPool2d, type Device, ShapeError, type Tensor, upsampleBilinear2d } from "@vid2world/torch";
import { convNetwork } from "./conv-network.js";
import { callSize, type FeatureNetwork, oneByOne } from "./feature-network.js";
import { inceptionLayers } from "./inception-layers.js";
import { layerTensors } from "./layers.js";
import { freeTensors, readNetworkTensors } from "./network-weights.js";

/** Pixels of a side that the network was made for; pictures are resized to it, bilinearly and without antialiasing, as published. */
const INPUT_SIZE = 299;

/** The tensors that FID's Inception needs, by the names of its original file, and the width of its features (2048). */
export const inceptionTensors = layerTensors(inceptionLayers, 3);

/** Loads `pt_inception-2015-12-05-6726825d.pth`. @throws CheckpointMismatchError for other weights. */
export async function loadInception(file: string, device: Device = "cpu"): Promise<FeatureNetwork> {
  const tensors = await readNetworkTensors(file, inceptionTensors.shapes);
  const network = convNetwork(inceptionLayers, tensors, device);
  freeTensors(tensors);
  const pooled = (pictures_BCHW: Tensor): Tensor => {
    const square_BCHW = upsampleBilinear2d(pictures_BCHW, [INPUT_SIZE, INPUT_SIZE], false);
    const [features_BDHW] = network.forward(square_BCHW) as [Tensor];
    return adaptiveAvgPool2d(features_BDHW, [1, 1]).flatten({ startDim: 1 });
  };
  return {
    name: "InceptionV3 (FID)",
    width: inceptionTensors.outputs,
    features: (pictures_BCHW) => {
      requirePictures("InceptionV3", pictures_BCHW);
      return oneByOne(pictures_BCHW.to(device), pooled, callSize(pictures_BCHW));
    },
    dispose: () => network.dispose(),
    [Symbol.dispose]: () => network.dispose(),
  };
}

/** Refuses what is no batch of colour pictures. */
function requirePictures(name: string, x: Tensor): void {
  if (x.rank === 4 && x.shape[1] === 3 && x.size(0) > 0) return;
  throw new ShapeError(`${name}: pictures are [${x.shape.join(", ")}]; they must be [B, 3, H, W] with B >= 1`);
}
