// Reads and writes pictures (PNG, JPEG, WebP) as RGB bytes, over sharp.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import { mkdir, readFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import sharp from "sharp";
import { writeFileAtomically } from "./atomic.js";
import { FormatError, invalid } from "./errors.js";

/** A picture in memory. */
export interface RgbImage {
  readonly data_HWC: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Encodings that {@link encodeImage} writes. */
export type ImageFormat = "png" | "jpg";

/** Options of encoding. */
export interface EncodeImageOptions {
  /** JPEG quality, 1 to 100. Default 90. PNG is exact. */
  readonly quality?: number;
}

/** Reads a picture file as RGB; transparency is dropped, grey becomes RGB, the EXIF orientation is applied. */
export async function readImage(file: string): Promise<RgbImage> {
  return decodeImage(await readFile(file), file);
}

/** Decodes a picture from memory; `name` is what errors call it. */
export async function decodeImage(bytes: Uint8Array, name = "image"): Promise<RgbImage> {
  let space: string | undefined;
  try {
    const picture = sharp(bytes, { autoOrient: true });
    space = (await picture.metadata()).space;
    if (space !== "cmyk") {
      const { data, info } = await picture
        .toColourspace("srgb")
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      return {
        data_HWC: new Uint8Array(data.buffer, data.byteOffset, data.length),
        height: info.height,
        width: info.width,
      };
    }
  } catch (cause) {
    throw new FormatError(name, `not a readable picture: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  // Decoders disagree about CMYK by more than half of the range, so no answer is better than one of theirs.
  throw new FormatError(name, "a CMYK picture, which decoders show differently; convert it to RGB first");
}

/** Encodes a picture to PNG or JPEG bytes. */
export async function encodeImage(
  image: RgbImage,
  format: ImageFormat,
  { quality = 90 }: EncodeImageOptions = {},
): Promise<Uint8Array> {
  const { data_HWC, height, width } = image;
  if (data_HWC.length !== height * width * 3) {
    throw invalid("image.data_HWC", `${height * width * 3} bytes (${width}x${height} RGB)`, `${data_HWC.length} bytes`);
  }
  const picture = sharp(data_HWC, { raw: { width, height, channels: 3 } });
  return format === "png" ? picture.png().toBuffer() : picture.jpeg({ quality }).toBuffer();
}

/** Writes a picture file, PNG or JPEG by the file's ending, under a temporary name and then renamed. */
export async function writeImage(file: string, image: RgbImage, options: EncodeImageOptions = {}): Promise<void> {
  const ending = extname(file).toLowerCase();
  if (ending !== ".png" && ending !== ".jpg" && ending !== ".jpeg") {
    throw invalid("file", "a name ending in .png, .jpg or .jpeg", file);
  }
  const bytes = await encodeImage(image, ending === ".png" ? "png" : "jpg", options);
  await mkdir(dirname(file), { recursive: true });
  await writeFileAtomically(file, bytes);
}
