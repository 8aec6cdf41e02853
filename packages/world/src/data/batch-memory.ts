// Shared memory for the frames of batches, used again and again: each clip gets its place in a batch's memory before it is read, so that a
// batch whose clips could all be read is put together without copying.
import type { SharedBytes } from "./decode-pool.js";

/** Where one clip's frames go. */
export interface ClipPlace {
  readonly memory: SharedArrayBuffer;
  /** The clip's number in the memory. */
  readonly number: number;
  readonly frames_THWC: SharedBytes;
}

/** Hands out places and takes memory back. */
export interface BatchMemory {
  /** The place of the batch's clip with this number; number 0 opens new memory. */
  place(number: number): ClipPlace;
  /** The clips that were handed out and not taken are out of step from now on: what comes next gets other memory. */
  breakOff(): void;
  /** Frames of these clips one after the other, and the memory that they are in: theirs, or a copy where they are out of step. */
  join(places: readonly ClipPlace[]): { readonly frames_BTHWC: SharedBytes; readonly memory: SharedArrayBuffer };
  /** Takes back memory that nobody looks at any more. */
  giveBack(memory: SharedArrayBuffer): void;
  /** Bytes that were had from the system so far. */
  readonly allocatedBytes: number;
}

/** Memory for batches of `batch` clips of `clipBytes` each. */
export function createBatchMemory(batch: number, clipBytes: number): BatchMemory {
  const free: SharedArrayBuffer[] = [];
  let open: SharedArrayBuffer | undefined;
  let allocatedBytes = 0;

  const take = (): SharedArrayBuffer => {
    const known = free.pop();
    if (known === undefined) allocatedBytes += batch * clipBytes;
    return known ?? new SharedArrayBuffer(batch * clipBytes);
  };
  return {
    place(number) {
      if (number === 0 || open === undefined) open = take();
      return { memory: open, number, frames_THWC: new Uint8Array(open, number * clipBytes, clipBytes) };
    },
    breakOff: () => (open = undefined),
    join(places) {
      const first = places[0]?.memory;
      const inStep = first !== undefined && places.every(({ memory, number }, i) => memory === first && number === i);
      const memory = inStep ? first : take();
      const frames_BTHWC = new Uint8Array(memory, 0, places.length * clipBytes);
      // Memory that is copied from is left to the garbage collector: this is as rare as broken files.
      if (!inStep) places.forEach(({ frames_THWC }, i) => frames_BTHWC.set(frames_THWC, i * clipBytes));
      return { frames_BTHWC, memory };
    },
    giveBack: (memory) => void free.push(memory),
    get allocatedBytes() {
      return allocatedBytes;
    },
  };
}
