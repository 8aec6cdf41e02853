// Resize of byte pictures, bit for bit as the Python library Pillow does it (and so torchvision with a PIL image): a filter
// stretched over the pixels it covers, rows first, then columns, in whole numbers, rounded to bytes in between.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import type { RgbImage } from "@vid2world/formats";
import { coverPicture, type PicturePlace, type PictureWindow } from "@vid2world/torch/pictures";
import { coverageOf, type PillowFilter } from "./pillow-coverage.js";
import type { PictureSize } from "./transforms.js";

/** Resizes a picture; the same size is the same picture. */
export function resizeLikePillow(image: RgbImage, size: PictureSize, filter: PillowFilter = "bilinear"): RgbImage {
  const { data_HWC: bytes, height, width } = image;
  if (height === size.height && width === size.width) return image;
  const data_HWC = new Uint8Array(size.height * size.width * 3);
  const window = { bytes, start: 0, stride: width * 3, height, width };
  resizeLikePillowInto(window, size, { bytes: data_HWC, start: 0, stride: size.width * 3 }, filter);
  return { data_HWC, ...size };
}

/** The same with a window of a picture, into a place of another one. */
export function resizeLikePillowInto(
  window: PictureWindow,
  { height, width }: PictureSize,
  target: PicturePlace,
  filter: PillowFilter = "bilinear",
): void {
  // An axis that keeps its size is covered pixel by pixel with a weight of one: bytes stay what they are.
  const rows = coverageOf(window.height, height, filter);
  coverPicture(window, target, { rows, columns: coverageOf(window.width, width, filter) });
}
