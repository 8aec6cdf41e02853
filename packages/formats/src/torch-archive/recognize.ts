// Says what a file is by its first bytes, so that a wrong one gets a sentence that helps.
import { FormatError } from "../errors.js";

/** How many bytes {@link recognizeContainer} wants to see (fewer if the file is shorter). */
export const RECOGNIZED_BYTES = 512;

/**
 * The container of a checkpoint, by the file's first bytes.
 * @throws FormatError saying what the file is instead, as far as that can be seen.
 */
export function recognizeContainer(head: Uint8Array, path: string): "zip" | "legacy" {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  if (text.startsWith("PK\x03\x04")) return "zip";
  // A pickle of protocol 2 and later; or of protocol 0 or 1, which begins with the magic number's digits.
  if (head[0] === 0x80 || /^L\d+L?\n/.test(text)) return "legacy";
  throw new FormatError(path, `not a PyTorch checkpoint: ${whatItIs(head, text)}`, 0);
}

function whatItIs(head: Uint8Array, text: string): string {
  if (head.byteLength === 0) return "the file is empty";
  if (text.startsWith("version https://git-lfs")) {
    return "a git-lfs pointer in place of the file; run `git lfs pull`, or download the file itself";
  }
  if (head.byteLength > 8 && head[8] === 0x7b) {
    const length = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
    if (length < 100_000_000n) return "a safetensors file; open it as one";
  }
  if (text.startsWith("PK\x05\x06")) return "an empty zip";
  if (text.startsWith("\x89HDF\r\n\x1a\n")) return "an HDF5 file";
  if (text.startsWith("\x93NUMPY")) return "a numpy file";
  if (text.startsWith("\x1f\x8b")) return "a gzip file; unpack it first";
  if (text.slice(257, 262) === "ustar") return "a tar file; unpack it first";
  if (/^\s*<(!doctype|html|\?xml)/i.test(text)) return "a web page, probably an error page in place of a download";
  if (!/[^\t\n\r -~\x80-\xff]/.test(text)) return "text";
  return "its first bytes belong to no format that is known here";
}
