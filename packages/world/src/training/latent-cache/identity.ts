// What stored latents were made from: anything in it that differs makes them others.
import { createHash, type Hash } from "node:crypto";
import { open, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { noGrad, scope, type Module } from "@vid2world/torch";
import type { TrainingEpisode } from "../episodes.js";

/** Each part as a short text; two caches are interchangeable where all parts are equal. */
export interface CacheIdentity {
  /** Checksum of the encoder's weights. A decoder that is trained on does not change it. */
  readonly autoencoder: string;
  /** Size of the encoded pictures. */
  readonly frames: string;
  /** Checksum of episodes' names, lengths and actions. */
  readonly recordings: string;
  /** What was done to the pictures first, with its seed. */
  readonly augmentation: string;
  /** Checksum of both towers and the precision that the image tower's tokens are stored in; `none` without a context. */
  readonly tokens: string;
  /** Checksum of the sizes and ends of the files with the pictures; `none` for invented ones. Absent in caches of earlier versions. */
  readonly pictures?: string | undefined;
  /** What the encoder computed in: kept, not compared, as runs in another precision may read the same latents. Absent in caches of earlier versions. */
  readonly precision?: string | undefined;
}

/** Names of the parts that differ, of those that `a` tells and that matter. */
export function differingParts(a: CacheIdentity, b: CacheIdentity): string[] {
  return (Object.keys(a) as (keyof CacheIdentity)[]).filter(
    (part) => part !== "precision" && a[part] !== undefined && a[part] !== b[part],
  );
}

/** Checksum of modules' weights, by name, wherever they are. */
export function weightsChecksum(...modules: readonly Module[]): string {
  const hash = createHash("sha256");
  for (const module of modules)
    for (const [name, tensor] of module.stateDict())
      noGrad(() => scope(() => void hash.update(`${name} ${tensor.shape.join()} `).update(tensor.detach().toBytes())));
  return hash.digest("hex").slice(0, 32);
}

/** Checksum of recordings: made anew under their old names, they differ in what was done, if in nothing else. */
export function recordingsChecksum(episodes: readonly TrainingEpisode[]): string {
  const hash = createHash("sha256");
  for (const { name, frames, actions_TA } of episodes)
    hash
      .update(`${name} ${frames} `)
      .update(new Uint8Array(actions_TA.buffer, actions_TA.byteOffset, actions_TA.byteLength));
  return hash.digest("hex").slice(0, 32);
}

/** Bytes at each end of a file that are looked at: where videos, archives and pictures say what is in them. */
const END = 2 ** 16;
/** Files that are read at once. */
const AT_ONCE = 16;

/** Checksum of the files with the episodes' pictures, by their sizes and ends: other pictures of the same length are others, a copy is not. */
export async function picturesChecksum(episodes: readonly TrainingEpisode[]): Promise<string> {
  const files = episodes.flatMap(({ files }) => (files ? [files.path] : []));
  if (files.length === 0) return "none";
  const all = createHash("sha256");
  for (let i = 0; i < files.length; i += AT_ONCE) {
    const parts = await Promise.all(files.slice(i, i + AT_ONCE).map(pictureFile));
    for (const part of parts) all.update(part);
  }
  return all.digest("hex").slice(0, 32);
}

/** Of a folder of pictures the names, and the first and the last one. One that is not there is found out when it is to be encoded. */
async function pictureFile(file: string): Promise<Buffer> {
  const hash = createHash("sha256");
  try {
    if (!(await stat(file)).isDirectory()) await addEnds(hash, file);
    else {
      const names = (await readdir(file)).sort();
      hash.update(names.join("/"));
      for (const name of [names[0], names.at(-1)]) if (name !== undefined) await addEnds(hash, path.join(file, name));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    hash.update("absent");
  }
  return hash.digest();
}

async function addEnds(hash: Hash, file: string): Promise<void> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    hash.update(`${size} `);
    for (const start of size > END ? [0, size - END] : [0]) {
      const bytes = Buffer.alloc(Math.min(END, size - start));
      await handle.read(bytes, 0, bytes.length, start);
      hash.update(bytes);
    }
  } finally {
    await handle.close();
  }
}
