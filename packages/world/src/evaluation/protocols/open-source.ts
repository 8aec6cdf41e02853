// Opens the clips that a protocol starts from: a published data set in its folder, or own recordings.
import { access } from "node:fs/promises";
import { FormatError } from "@vid2world/formats";
import { openCsgo } from "../../data/csgo/csgo-source.js";
import type { DomainName, DomainSource } from "../../data/domain-clip.js";
import { openRecon } from "../../data/recon/recon-source.js";
import { openRecording } from "../../data/recording.js";
import { openRt1 } from "../../data/rt1/rt1-source.js";
import { openStills } from "../../data/stills/stills-source.js";
import { defined } from "./defined.js";
import type { ProtocolLengths, ProtocolName } from "./protocol-table.js";
import { recordingSource } from "./recording-source.js";

/** Where clips are. */
export interface SourcePlace {
  readonly domain: DomainName;
  readonly folder: string;
  /** File that names the held-out episodes (RT-1: JSON, CS:GO: text); absent: all of the folder. */
  readonly heldOut?: string;
  /** `.npy` file with the published first frame of each held-out episode (CS:GO). */
  readonly startIndices?: string;
  /** Folder with `train/` and `test/`: names of trajectories and the evaluation's indices (RECON). */
  readonly splits?: string;
}

/** What the clips are for: `single-step` and `rollout` start at different moments of RECON. */
export interface SourceUse extends ProtocolLengths {
  readonly protocol: ProtocolName;
}

/** Opens a source; files that are named but absent are an error before anything else is done. */
export async function openSource(place: SourcePlace, use: SourceUse): Promise<DomainSource> {
  const { domain, folder, heldOut, startIndices, splits } = place;
  for (const [what, path] of Object.entries({ data: folder, heldOut, startIndices, splits }))
    if (path !== undefined && !(await exists(path))) throw new FormatError(path, `no such file or folder (${what})`);
  return openers[domain]({ domain, folder, ...defined({ heldOut, startIndices, splits }) }, use);
}

const openers: Readonly<Record<DomainName, (place: SourcePlace, use: SourceUse) => Promise<DomainSource>>> = {
  rt1: ({ folder: directory, heldOut }, { clipFrames: frames }) =>
    openRt1(heldOut === undefined ? { directory, frames } : { directory, frames, heldOut, split: "val" }),
  csgo: ({ folder: directory, heldOut, startIndices }) =>
    openCsgo({
      directory,
      ...(heldOut !== undefined && { testSplit: heldOut, split: "val" }),
      ...defined({ startIndices }),
    }),
  recon: ({ folder: directory, splits }, { protocol, contextFrames, clipFrames }) =>
    openRecon({
      ...{ directory, contextFrames, frames: clipFrames },
      ...(splits !== undefined && { splits, split: "val", ...defined({ index: reconIndex(protocol) }) }),
    }),
  stills: ({ folder: directory }) => openStills({ directory }),
  recordings: async ({ folder }, { clipFrames }) => recordingSource(await openRecording(folder), clipFrames),
};

/** Which of the published lists of moments a protocol goes through; others take one clip per trajectory. */
function reconIndex(protocol: ProtocolName): "time" | "rollout" | undefined {
  return protocol === "single-step" ? "time" : protocol === "rollout" ? "rollout" : undefined;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
