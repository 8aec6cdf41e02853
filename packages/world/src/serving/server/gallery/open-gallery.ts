// The gallery of files that the operator names: folders of recordings, pictures, videos. Never of anything that a client sends.

import { stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import { FormatError, probeVideo, readImage, readVideo } from "@vid2world/formats";
import { openRecording } from "../../../data/recording.js";
import type { EngineWorld } from "../../engine.js";
import { contextOf, fitFrame } from "./fit-frames.js";
import { type Gallery, type GalleryStart, fixedGallery, joinGalleries } from "./gallery.js";
import { recordingGallery } from "./recording-gallery.js";

const PICTURES = new Set([".png", ".jpg", ".jpeg", ".webp"]);

/** Opens what is named: each a folder of recordings, a picture, or a video whose first frames are taken. */
export async function openGallery(paths: readonly string[], world: EngineWorld): Promise<Gallery> {
  return joinGalleries(await Promise.all(paths.map((path) => openOne(path, world))));
}

async function openOne(path: string, world: EngineWorld): Promise<Gallery> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new FormatError(path, "no such file or folder to start from");
  if (found.isDirectory()) return recordingGallery(await openRecording(path), world);
  const title = basename(path, extname(path));
  const start = PICTURES.has(extname(path).toLowerCase()) ? await ofPicture(path, world) : await ofVideo(path, world);
  return fixedGallery([{ ...start, title }]);
}

async function ofPicture(path: string, world: EngineWorld): Promise<GalleryStart> {
  const { data_HWC, width, height } = await readImage(path);
  return { frames: contextOf([await fitFrame(data_HWC, { width, height }, world)], world.contextFrames) };
}

async function ofVideo(path: string, world: EngineWorld): Promise<GalleryStart> {
  const { frames: held } = await probeVideo(path);
  const end = Math.min(held, world.contextFrames);
  const { frames_THWC, width, height } = await readVideo(path, { end });
  const size = width * height * 3;
  const frames = Array.from({ length: end }, (_, t) => frames_THWC.subarray(t * size, (t + 1) * size));
  const fitted = await Promise.all(frames.map((frame) => fitFrame(frame, { width, height }, world)));
  return { frames: contextOf(fitted, world.contextFrames) };
}
