// The gallery of files that the operator names: folders of recordings, of published data or of pictures,
// pictures, videos. Never of anything that a client sends.

import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { FormatError, readImage } from "@vid2world/formats";
import { findDataset, whatElse } from "../../../data/find-dataset.js";
import { openRecording } from "../../../data/recording.js";
import type { EngineWorld } from "../../engine.js";
import { datasetGallery } from "./dataset-gallery.js";
import { contextOf, contextOfVideo, fitFrame } from "./fit-frames.js";
import { type Gallery, type GalleryStart, fixedGallery, joinGalleries } from "./gallery.js";
import { recordingGallery } from "./recording-gallery.js";

const PICTURES = new Set([".png", ".jpg", ".jpeg", ".webp"]);
/** Pictures of a folder that are offered. */
const MOST_PICTURES = 24;

/** Opens what is named: each a folder of recordings, of a published data set or of pictures, a picture, or a video whose first frames are taken. */
export async function openGallery(paths: readonly string[], world: EngineWorld): Promise<Gallery> {
  return joinGalleries(await Promise.all(paths.map((path) => openOne(path, world))));
}

async function openOne(path: string, world: EngineWorld): Promise<Gallery> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new FormatError(path, "no such file or folder to start from");
  if (found.isDirectory()) return ofFolder(path, world);
  const start = await (isPicture(path) ? ofPicture(path, world) : ofVideo(path, world));
  return fixedGallery([{ ...start, title: titleOf(path) }]);
}

async function ofFolder(path: string, world: EngineWorld): Promise<Gallery> {
  const found = await findDataset(path);
  if (found?.domain === "recordings") return recordingGallery(await openRecording(found.folder), world);
  if (found) return datasetGallery(found.folder, found.domain, world);
  const pictures = (await readdir(path)).filter(isPicture).sort().slice(0, MOST_PICTURES);
  if (pictures.length === 0)
    throw new FormatError(path, `${await whatElse(path)}; nor are there pictures to start from`);
  const starts = pictures.map(async (name) => ({
    ...(await ofPicture(join(path, name), world)),
    title: titleOf(name),
  }));
  return fixedGallery(await Promise.all(starts));
}

async function ofPicture(path: string, world: EngineWorld): Promise<GalleryStart> {
  const { data_HWC, width, height } = await readImage(path);
  return { frames: contextOf([await fitFrame(data_HWC, { width, height }, world)], world.contextFrames) };
}

async function ofVideo(path: string, world: EngineWorld): Promise<GalleryStart> {
  const { frames } = await contextOfVideo(path, world);
  return { frames };
}

const isPicture = (path: string): boolean => PICTURES.has(extname(path).toLowerCase());
const titleOf = (path: string): string => basename(path, extname(path));
