// Reads and writes pictures (PNG, JPEG, WebP) as RGB bytes, over sharp, whose libraries (22 MB) only those who have pictures load.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import { mkdir, readFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
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
  // Decoders disagree about CMYK by more than half of the range, so no answer is better than one of theirs.
  if (jpegColours(bytes) === 4) {
    throw new FormatError(name, "a CMYK picture, which decoders show differently; convert it to RGB first");
  }
  const { default: sharp } = await import("sharp");
  try {
    const { data, info } = await sharp(bytes, { autoOrient: true })
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return {
      data_HWC: new Uint8Array(data.buffer, data.byteOffset, data.length),
      height: info.height,
      width: info.width,
    };
  } catch (cause) {
    throw new FormatError(name, `not a readable picture: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** How many colours a JPEG file has per pixel, by its frame header; undefined for other files, which know no CMYK. */
function jpegColours(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return bytes[at + 9];
    at += marker === 0xff ? 1 : 2 + ((bytes[at + 2] ?? 0) << 8) + (bytes[at + 3] ?? 0);
  }
  return undefined;
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
  const { default: sharp } = await import("sharp");
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
