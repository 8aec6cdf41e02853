// Memory of this process as the kernel counts it.
import { readFile, writeFile } from "node:fs/promises";
import { cuda } from "@vid2world/torch";
import type { Replies } from "./protocol.js";

/** Resident and peak resident size. */
export async function processMemory(): Promise<Replies["memory"]> {
  const status = await readFile("/proc/self/status", "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? NaN);
  return { residentKiB: field("VmRSS"), peakKiB: field("VmHWM"), deviceBytes: cuda.memory()?.peakBytes };
}

/** Lets the peak start again from what is resident now. */
export const resetPeak = (): Promise<void> => writeFile("/proc/self/clear_refs", "5");
