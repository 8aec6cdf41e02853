// What a client's file holds, decoded: a picture, a short video, or the pictures of a session file. Runs in a process of its own
// (decode-child.ts), because decoders of pictures and videos are where hostile files do harm. What it is, its bytes say, not its name.
//   K context frames, H rows, W columns, 3 colours, uint8

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import sharp from "sharp";
import * as z from "zod";
import { type SessionFile, sessionFileSchema } from "../../protocol/messages.js";
import { contextOf, contextOfVideo } from "../gallery/fit-frames.js";

/** What a file is decoded for. */
export interface DecodeOptions {
  /** Size of the world's frames, and how many a session begins with. */
  readonly width: number;
  readonly height: number;
  readonly contextFrames: number;
  /** Largest picture, pixels. */
  readonly pixels: number;
  /** Most frames of a session file. */
  readonly nodes: number;
  /** An empty folder for this file alone. */
  readonly folder: string;
}

/** A decoded file; `session` where it is a session file, with empty texts in place of its pictures. */
export interface DecodedFile {
  /** K*H*W*3 bytes. */
  readonly frames: Uint8Array;
  /** Frames found. */
  readonly found: number;
  readonly session?: SessionFile;
}

/** Decodes a file. Throws an error whose message is for the client. */
export async function decodeFile(bytes: Uint8Array, options: DecodeOptions): Promise<DecodedFile> {
  switch (kindOf(bytes)) {
    case "picture":
      return ofPicture(bytes, options);
    case "video":
      return ofVideo(bytes, options);
    case "session":
      return ofSession(bytes, options);
    default:
      throw new FormatError(
        "upload",
        "neither a PNG, JPEG or WebP picture, nor an MP4 or WebM video, nor a session file",
      );
  }
}

/** By the first bytes. MP4 and WebM are containers that name no other file, which playlists do. */
function kindOf(bytes: Uint8Array): "picture" | "video" | "session" | undefined {
  const head = Buffer.from(bytes.subarray(0, 16)).toString("latin1");
  if (head.startsWith("\x89PNG") || head.startsWith("\xff\xd8\xff") || /^RIFF[^]{4}WEBP/.test(head)) return "picture";
  if (head.slice(4, 8) === "ftyp" || head.startsWith("\x1a\x45\xdf\xa3")) return "video";
  return head.trimStart().startsWith("{") ? "session" : undefined;
}

async function ofPicture(bytes: Uint8Array, { pixels, contextFrames, ...size }: DecodeOptions): Promise<DecodedFile> {
  const { width, height } = size;
  const fitted = await sharp(bytes, { limitInputPixels: pixels, autoOrient: true, pages: 1 })
    .toColourspace("srgb")
    .removeAlpha()
    .resize({ width, height, fit: "cover", kernel: "lanczos3" })
    .raw()
    .toBuffer();
  return { frames: contextOf([fitted], contextFrames), found: 1 };
}

async function ofVideo(bytes: Uint8Array, options: DecodeOptions): Promise<DecodedFile> {
  const { pixels, folder } = options;
  const file = join(folder, "video"); // ffmpeg has to seek in it
  await writeFile(file, bytes);
  const check = ({ width, height }: { readonly width: number; readonly height: number }): void => {
    if (width * height > pixels)
      throw new FormatError("upload", `pictures of ${width}x${height} are larger than ${pixels} pixels`);
  };
  return contextOfVideo(file, options, { threads: 1, check });
}

async function ofSession(file: Uint8Array, { width, height, pixels, nodes }: DecodeOptions): Promise<DecodedFile> {
  const session = checkedSession(file);
  if (session.nodes.length > nodes)
    throw new FormatError("upload", `it has ${session.nodes.length} frames; a session here holds ${nodes}`);
  const frames = await Promise.all(
    session.start.frames.map(async (text) => {
      const bytes = Buffer.from(text, "base64");
      if (kindOf(bytes) !== "picture") throw new FormatError("upload", "one of its frames is no picture");
      const picture = sharp(bytes, { limitInputPixels: pixels }).toColourspace("srgb").removeAlpha();
      const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
      if (info.width === width && info.height === height) return data;
      throw new FormatError(
        "upload",
        `its frames are ${info.width}x${info.height}, this world's are ${width}x${height}`,
      );
    }),
  );
  const start = { ...session.start, frames: frames.map(() => "") };
  return {
    frames: Uint8Array.from(Buffer.concat(frames)),
    found: session.nodes.length,
    session: { ...session, start },
  };
}

function checkedSession(bytes: Uint8Array): SessionFile {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw new FormatError("upload", "begins like a session file but is no JSON");
  }
  const result = sessionFileSchema.safeParse(value);
  if (result.success) return result.data;
  throw new FormatError("upload", `no session file: ${z.prettifyError(result.error).slice(0, 200)}`);
}
