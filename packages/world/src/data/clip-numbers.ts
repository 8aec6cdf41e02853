// Clips of several episodes, numbered through: which episode a number falls into, and which of its clips it is.

/** Where a clip lies. */
export interface NumberedClip {
  readonly episode: number;
  /** Number of the clip in its episode. */
  readonly clip: number;
}

/** Clips by number, in the order of the episodes. */
export interface ClipNumbers {
  readonly length: number;
  /** 0 <= index < length. */
  at(index: number): NumberedClip;
}

/** Numbers the clips of episodes that hold so many each; some may hold none. */
export function numberClips(counts: readonly number[]): ClipNumbers {
  const ends = new Float64Array(counts.length); // clips up to and with each episode
  let length = 0;
  counts.forEach((count, e) => (ends[e] = length += count));
  return {
    length,
    at(index) {
      let [low, high] = [0, ends.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((ends[middle] ?? 0) > index) high = middle;
        else low = middle + 1;
      }
      return { episode: low, clip: index - (ends[low - 1] ?? 0) };
    },
  };
}
