// Runs a command's work as one rank of several where the environment says so, and sees that a failure here ends the others.
import { joinRanks, rankPlace } from "@vid2world/world/training/process-ranks";
import type { ProcessRanks } from "@vid2world/world/training/process-ranks";

/** Milliseconds after which a failed rank ends even if an exchange with the others still hangs. */
const GRACE = 5000;

/** How this process joins the others. */
export interface JoinOptions {
  /** The configuration's device; each rank gets its own GPU. */
  readonly device: string;
  /** Seconds that ranks wait for each other. */
  readonly timeout: number;
  /** Called when the process that started this rank is gone. */
  readonly onOrphaned: () => void;
}

/** Runs `work`, with the ranks where there are several. */
export async function asRank<T>(
  { device, timeout, onOrphaned }: JoinOptions,
  work: (ranks: ProcessRanks | undefined) => Promise<T>,
): Promise<T> {
  const place = rankPlace(process.env);
  if (place === undefined) return work(undefined);
  process.once("disconnect", onOrphaned);
  let ranks: ProcessRanks | undefined;
  try {
    ranks = await joinRanks({ ...place, timeout }, device);
    const result = await work(ranks);
    await ranks.close();
    return result;
  } catch (error) {
    await ranks?.fail(error instanceof Error ? error.message : String(error));
    setTimeout(() => process.exit(), GRACE).unref();
    throw error;
  } finally {
    process.off("disconnect", onOrphaned);
    if (process.connected) process.disconnect();
  }
}
