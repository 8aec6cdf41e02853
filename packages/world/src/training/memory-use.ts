// How much memory a run takes, for its reports.
import { cuda } from "@vid2world/torch";
import type { MemoryUse } from "./events.js";

/** The number of a CUDA device (`cuda` is the first one); undefined for another device. */
export function cudaIndex(device: string): number | undefined {
  const found = /^cuda(?::(\d+))?$/.exec(device);
  return found ? Number(found[1] ?? 0) : undefined;
}

/** Memory of this process, and of libtorch on a CUDA device (`cuda`, `cuda:1`). */
export function memoryUse(device: string): MemoryUse {
  const processBytes = process.memoryUsage.rss();
  const index = cudaIndex(device);
  const held = index === undefined ? undefined : cuda.memory(index);
  return { processBytes, ...(held && { deviceBytes: held.peakBytes }) };
}
