// Which trajectories and moments RECON's splits name: `train|test/traj_names.txt`, `test/time.pkl`, `test/rollout.pkl`.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { readPickle } from "@vid2world/formats/pickle/read";

/** A predefined evaluation: single predictions over time, or rollouts. */
export type ReconIndex = "time" | "rollout";

/** A moment of a trajectory: the last frame that is known. */
export interface ReconMoment {
  readonly name: string;
  readonly time: number;
}

/** Names of a split's trajectories, one a line. */
export async function readTrajectoryNames(splits: string, split: "train" | "val"): Promise<string[]> {
  const file = join(splits, split === "train" ? "train" : "test", "traj_names.txt");
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.trim());
  const names = lines.filter((line) => line !== "");
  if (names.length === 0) throw new FormatError(file, "holds no name of a trajectory");
  return names;
}

/** The moments of a predefined evaluation: a pickled list of (trajectory, time, smallest and largest distance of a goal). */
export async function readReconIndex(splits: string, index: ReconIndex): Promise<ReconMoment[]> {
  const file = join(splits, "test", `${index}.pkl`);
  const value = readPickle(await readFile(file), { file });
  if (!Array.isArray(value)) throw new FormatError(file, "expected a list of (trajectory, time, ...)");
  return value.map((entry: unknown, i) => {
    const [name, time] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof name === "string" && typeof time === "number" && Number.isInteger(time) && time >= 0)
      return { name, time };
    throw new FormatError(file, `entry ${i}: expected (trajectory, time, ...)`);
  });
}
