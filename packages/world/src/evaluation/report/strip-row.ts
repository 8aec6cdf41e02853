// A row of a contact sheet: frames of one clip from left to right.
import { encodeImage } from "@vid2world/formats";
import type { PictureSize } from "../../data/transforms.js";
import { stripOf } from "./compositions.js";
import type { SheetRow } from "./contact-sheet.js";

/** At most `count` frames of a clip of T*H*W*3 bytes as a PNG strip with its caption. */
export async function stripRow(
  caption: string,
  frames_THWC: Uint8Array,
  count: number,
  size: PictureSize,
): Promise<SheetRow> {
  const image = await encodeImage(stripOf(frames_THWC, count, size), "png");
  return { caption, image, mediaType: "image/png", alt: `${caption}: frames from left to right` };
}
