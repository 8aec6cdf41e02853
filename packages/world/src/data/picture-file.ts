// Reads picture files for frames. Ordinary JPEG files are decoded in the calling thread, in a third of the time that sharp takes, which
// hands every picture to other threads; whatever else there is, and whatever is wrong with a file, is for sharp.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import { readFile } from "node:fs/promises";
import { decodeImage, type RgbImage } from "@vid2world/formats";
import { decodeJpeg } from "@vid2world/torch/pictures";

/** Memory of this size or less is kept for the next picture: fresh pages cost a tenth of a decoding. */
const KEPT_BYTES = 2 ** 24;
let room = new Uint8Array(0);

/**
 * Hands a picture to `use`, which must be done with it when it returns: the next one lies in the same memory. Transparency is dropped,
 * grey becomes RGB, the EXIF orientation is applied. Throws a FormatError with the file's name where it is no picture.
 */
export async function usePicture(file: string, use: (picture: RgbImage) => void): Promise<void> {
  const bytes = await readFile(file);
  const picture = decodeJpeg(bytes, room) ?? (await decodeImage(bytes, file));
  const { length } = picture.data_HWC;
  if (length > room.length && length <= KEPT_BYTES) room = picture.data_HWC as Uint8Array<ArrayBuffer>;
  use(picture);
}
