// Which checkpoints are kept: the last few, every so many steps for good, and the best by a validation metric.
import { access, readFile } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomically } from "@vid2world/formats";
import { z } from "zod";
import { checkpointFile } from "./checkpoints.js";

/** The parts of `training` that say when checkpoints are written and which stay. */
export const retentionSettings = {
  /** Minutes between checkpoints; one is always written at the end or when the run is interrupted. */
  checkpointMinutes: z.number().positive().default(10),
  /** Steps between checkpoints, besides; absent: only by the clock. */
  checkpointSteps: z.int().min(1).optional(),
  /** Newest checkpoints that stay. */
  keepCheckpoints: z.int().min(1).default(2),
  /** A checkpoint is written every so many steps and stays for good; absent: none. */
  keepEverySteps: z.int().min(1).optional(),
  /** The checkpoint with the best value of a validation's metric stays, and is named in checkpoints/best.json. */
  keepBest: z.strictObject({ metric: z.string(), mode: z.enum(["min", "max"]).default("min") }).optional(),
  /** Write while the steps go on, from a copy in the host's memory; false: the steps wait for the disk. */
  saveBeside: z.boolean().default(true),
  /** What a checkpoint that cannot be written (a full disk) does to the run: it goes on, or it ends. */
  onSaveFailure: z.enum(["continue", "stop"]).default("continue"),
};

/** Checked settings of checkpoints. */
export type RetentionSettings = z.output<z.ZodObject<typeof retentionSettings>>;

/** The best checkpoint so far. */
export interface BestCheckpoint {
  readonly step: number;
  readonly metric: string;
  readonly value: number;
}

/** The steps, of those given in ascending order, whose checkpoints are to be deleted. */
export function expired(
  steps: readonly number[],
  { keepCheckpoints, keepEverySteps = Infinity }: Pick<RetentionSettings, "keepCheckpoints" | "keepEverySteps">,
  best: number | undefined,
): number[] {
  return steps
    .slice(0, -keepCheckpoints)
    .filter((step) => (step === 0 || step % keepEverySteps !== 0) && step !== best);
}

/** Whether `value` is better than that of `best`; a value that is not finite never is. */
export function isBetter(value: number, best: BestCheckpoint | undefined, mode: "min" | "max"): boolean {
  if (!Number.isFinite(value)) return false;
  return best === undefined || (mode === "min" ? value < best.value : value > best.value);
}

const bestFile = (folder: string): string => path.join(folder, "best.json");
const bestSchema = z.strictObject({ step: z.int(), metric: z.string(), value: z.number() });

/** Reads `best.json`; undefined where there is none of this metric, or its checkpoint is gone. */
export async function readBest(folder: string, metric: string): Promise<BestCheckpoint | undefined> {
  const text = await readFile(bestFile(folder), "utf8").catch(() => "null");
  const found = bestSchema.safeParse(JSON.parse(text));
  if (!found.success || found.data.metric !== metric) return undefined;
  const isThere = await access(checkpointFile(folder, found.data.step)).then(
    () => true,
    () => false,
  );
  return isThere ? found.data : undefined;
}

/** Writes `best.json`. */
export const writeBest = (folder: string, best: BestCheckpoint): Promise<void> =>
  writeFileAtomically(bestFile(folder), `${JSON.stringify(best)}\n`);
