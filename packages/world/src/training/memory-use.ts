// How much memory a run takes, for its reports.
import { cuda } from "@vid2world/torch";
import type { MemoryUse } from "./events.js";

/** Memory of this process, and of libtorch on a CUDA device (`cuda`, `cuda:1`). */
export function memoryUse(device: string): MemoryUse {
  const processBytes = process.memoryUsage.rss();
  const index = /^cuda(?::(\d+))?$/.exec(device);
  const held = index ? cuda.memory(Number(index[1] ?? 0)) : undefined;
  return { processBytes, ...(held && { deviceBytes: held.peakBytes }) };
}
