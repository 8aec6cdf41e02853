// What stored latents were made from: anything in it that differs makes them others.
import { createHash } from "node:crypto";
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
  /** Checksum of the image tower and the precision that its tokens are stored in; `none` without a context. */
  readonly tokens: string;
}

/** Names of the parts that differ. */
export function differingParts(a: CacheIdentity, b: CacheIdentity): string[] {
  return (Object.keys(a) as (keyof CacheIdentity)[]).filter((part) => a[part] !== b[part]);
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
