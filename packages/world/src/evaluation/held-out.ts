// The clips that a world is judged on: those that its recordings set aside for validation.

import { invalid } from "@vid2world/formats";
import { type Clip, type Recording, readClip } from "../data/recording.js";

/** What a world must be told to fit recordings. */
export interface ClipDemand {
  readonly height: number;
  readonly width: number;
  readonly actionWidth: number;
}

/**
 * Reads the held-out clips of a recording into memory, by name, in order; all clips if none is held out (a folder of own
 * recordings for trying). Throws if the pictures or the actions are not what the world was made for.
 */
export async function readHeldOutClips(
  recording: Recording,
  { height, width, actionWidth }: ClipDemand,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Map<string, Clip>> {
  const { header } = recording;
  if (header.height !== height || header.width !== width) {
    throw invalid(
      "recordings",
      `pictures of ${width}x${height}, as the world makes them`,
      `${header.width}x${header.height}`,
    );
  }
  if (recording.actionWidth !== actionWidth) {
    throw invalid("recordings", `actions of ${actionWidth} numbers, as the world takes them`, recording.actionWidth);
  }
  const heldOut = recording.episodes.filter(({ split }) => split === "val");
  const clips = new Map<string, Clip>();
  for (const episode of heldOut.length > 0 ? heldOut : recording.episodes) {
    clips.set(episode.name, await readClip(episode, signal === undefined ? {} : { signal }));
  }
  return clips;
}
