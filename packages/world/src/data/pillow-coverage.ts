// Which old pixels a new one covers when Pillow resizes, and their weights in whole numbers.
import type { CoveredAxis } from "@vid2world/torch/pictures";

/** Weights are whole numbers over 2^22: a byte times a weight, summed, stays below 2^31. */
const PRECISION_BITS = 32 - 8 - 2;

/** Pillow's filters that are needed here: a triangle, and the cubic with a = -1/2 (Keys 1981). */
export type PillowFilter = "bilinear" | "bicubic";

interface Kernel {
  /** Half its width, in units of the larger pixels. */
  readonly radius: number;
  readonly at: (distance: number) => number;
}

const kernels: Readonly<Record<PillowFilter, Kernel>> = {
  bilinear: { radius: 1, at: (x) => (x < 1 ? 1 - x : 0) },
  bicubic: {
    radius: 2,
    at: (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? -0.5 * (((x - 5) * x + 8) * x - 4) : 0),
  },
};

/** Of the last sizes that were asked for: pictures come in long rows of one size. */
const known = new Map<string, CoveredAxis>();
const MOST_KNOWN = 16;

/** How the pixels of an axis of `size` cover those of one of `oldSize`; all that are covered exist, with zeros where fewer are. */
export function coverageOf(oldSize: number, size: number, filter: PillowFilter): CoveredAxis {
  const key = `${oldSize} ${size} ${filter}`;
  const found = known.get(key) ?? coverage(oldSize, size, filter);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, found);
  return found;
}

/** The filter in units of the larger pixels, normalised per new pixel. */
function coverage(oldSize: number, size: number, filter: PillowFilter): CoveredAxis {
  const kernel = kernels[filter];
  const scale = oldSize / size;
  const stretch = Math.max(1, scale);
  const radius = kernel.radius * stretch;
  const covered = Array.from({ length: size }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - radius + 0.5));
    const high = Math.min(oldSize, Math.trunc(centre + radius + 0.5));
    const shares = Array.from({ length: high - low }, (_, k) => {
      return kernel.at(Math.abs((k + low - centre + 0.5) * (1 / stretch)));
    });
    return { low, shares, total: shares.reduce((sum, share) => sum + share, 0) };
  });
  const taps = Math.max(...covered.map(({ shares }) => shares.length));
  const first = Int32Array.from(covered, ({ low }) => Math.min(low, oldSize - taps));
  const weights = new Int32Array(size * taps);
  covered.forEach(({ low, shares, total }, i) => {
    const place = i * taps + low - (first[i] as number);
    shares.forEach((share, k) => {
      const whole = (share / total) * 2 ** PRECISION_BITS;
      weights[place + k] = Math.trunc(whole + Math.sign(whole) / 2);
    });
  });
  return { first, weights };
}
