// The actions of a long rollout: those that were recorded, those of a file, or movement keys drawn at random and held, as published.
// Axes: T frames, A numbers per action.
import { FormatError, invalid } from "@vid2world/formats";
import { readNpy } from "@vid2world/formats/npy/npy";
import { type Channel, encodeActions, restRow, rowOfKeys } from "../../data/action-space.js";
import { csgoAction } from "../../data/csgo/csgo-actions.js";
import type { DomainName } from "../../data/domain-clip.js";
import { seededRandom } from "../starts.js";

/** Where a long rollout's actions come from: `drawn` keys, the `recorded` ones, or rows [T A] from a .npy file. */
export type LongActions = "drawn" | "recorded" | { readonly rows_TA: Float32Array; readonly name: string };

/** CS:GO's movement keys in the order of their draw. */
const csgoMovements = ["w", "a", "s", "d"] as const;
/** Frames that a drawn key is held. */
export const heldFrames = 10;

/** The movements that can be drawn, one row each: CS:GO's w, a, s, d; of own recordings what these keys or the arrows do. */
export function movements(domain: DomainName, channels?: readonly Channel[]): readonly Float32Array[] {
  if (domain === "csgo" || domain === "stills") return csgoMovements.map((key) => csgoAction({ keys: [key] }));
  if (channels === undefined) throw invalid("channels", "the action channels of own recordings", channels);
  const keys = ["KeyW", "KeyA", "KeyS", "KeyD", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowRight"];
  const rows = keys.map((key) => rowOfKeys(channels, new Set([key])));
  const rest = restRow(channels).join();
  const moving = new Map(rows.filter((row) => row.join() !== rest).map((row) => [row.join(), row]));
  if (moving.size === 0)
    throw invalid("actions", '"recorded" or a file: none of W, A, S, D and the arrows moves anything here', "drawn");
  return [...moving.values()].map((row) => encodeActions(channels, [row]));
}

/** `frames` rows: one movement drawn for every ten frames. */
export function heldMovements(rows: readonly Float32Array[], frames: number, seed: number): Float32Array {
  const width = rows[0]?.length ?? 0;
  const random = seededRandom(seed);
  const actions_TA = new Float32Array(frames * width);
  let row = rows[0];
  for (let t = 0; t < frames; t++) {
    if (t % heldFrames === 0) row = rows[Math.floor(random() * rows.length)];
    if (row) actions_TA.set(row, t * width);
  }
  return actions_TA;
}

/** Reads the rows of a .npy file, [T A]. */
export async function readActionFile(file: string, width: number): Promise<Exclude<LongActions, string>> {
  const { shape, data } = await readNpy(file);
  const [rows = 0, columns] = shape;
  if (shape.length !== 2 || columns !== width)
    throw new FormatError(file, `holds actions of shape [${shape.join(", ")}]; [frames, ${width}] is needed`);
  return { rows_TA: Float32Array.from({ length: rows * width }, (_, i) => Number(data[i])), name: file };
}
