// How much a picture changes from one frame to the next.

/** Mean absolute difference of two pictures of equally many bytes, in steps of a byte (0 to 255). */
export function pictureChange(before_HWC: Uint8Array, after_HWC: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < before_HWC.length; i++) sum += Math.abs((after_HWC[i] ?? 0) - (before_HWC[i] ?? 0));
  return sum / before_HWC.length;
}

/** The changes between all consecutive frames of a clip of T*`frameBytes` bytes: T - 1 numbers. */
export function pictureChanges(frames_THWC: Uint8Array, frameBytes: number): number[] {
  const frame = (t: number): Uint8Array => frames_THWC.subarray(t * frameBytes, (t + 1) * frameBytes);
  return Array.from({ length: Math.max(0, frames_THWC.length / frameBytes - 1) }, (_, t) =>
    pictureChange(frame(t), frame(t + 1)),
  );
}
