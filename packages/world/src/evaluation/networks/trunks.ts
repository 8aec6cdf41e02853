// The two trunks of LPIPS: the convolutions of AlexNet and of VGG with 16 layers, with taps after the rectifiers that LPIPS compares.
// Keys and widths are torchvision's (`features.N.weight`); its classifiers are not needed.
import { convolutions, type Layer, maxPool, tap } from "./layers.js";

const conv = convolutions("bias");
const square = (size: number, padding: number) => ({ kernel: [size, size], padding: [padding, padding] }) as const;

/** AlexNet's convolutions (arXiv:1404.5997 as torchvision builds it); taps of 64, 192, 384, 256 and 256 channels. */
export const alexnetLayers: readonly Layer[] = [
  ...[conv("features.0", 64, { ...square(11, 2), stride: 4 }), tap, maxPool()],
  ...[conv("features.3", 192, square(5, 2)), tap, maxPool()],
  ...[conv("features.6", 384, square(3, 1)), tap],
  ...[conv("features.8", 256, square(3, 1)), tap],
  conv("features.10", 256, square(3, 1)),
];

/** VGG16's convolutions (arXiv:1409.1556, configuration D); taps of 64, 128, 256, 512 and 512 channels. */
export const vgg16Layers: readonly Layer[] = [
  ...vggStage(64, [0, 2]),
  ...vggStage(128, [5, 7]),
  ...vggStage(256, [10, 12, 14]),
  ...vggStage(512, [17, 19, 21]),
  ...[24, 26, 28].map((index) => conv(`features.${index}`, 512, square(3, 1))),
];

/** Convolutions of one width, their tap, and the pooling that follows; the last stage has neither, its end is the last tap. */
function vggStage(width: number, indices: readonly number[]): Layer[] {
  const stage = indices.map((index) => conv(`features.${index}`, width, square(3, 1)));
  return [...stage, tap, maxPool({ size: 2 })];
}
