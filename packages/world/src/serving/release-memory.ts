// Gives memory that sessions have left behind back to the system, for processes that serve for hours.

import { releaseFreeMemory } from "@vid2world/torch";

const EVERY_MILLISECONDS = 60_000;

/** From now on, every minute. Sessions leave holes in the C library's heap: without this a process grows for hours while what it holds does not. */
export function releaseMemoryRegularly(): void {
  setInterval(releaseFreeMemory, EVERY_MILLISECONDS).unref();
}
