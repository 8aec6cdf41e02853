// Python's `random.seed(n); random.sample(list, k)`, number for number: the published RT-1 evaluation picks its episodes by it.
// The generator is MT19937 (Matsumoto and Nishimura 1998) seeded by an array, as CPython does it for whole numbers.
import { invalid } from "@vid2world/formats";

const SIZE = 624;
const MIDDLE = 397;

/** `count` different elements of `population` in the order in which Python draws them. */
export function pythonSample<T>(population: readonly T[], count: number, seed: number): T[] {
  const size = population.length;
  if (!(Number.isInteger(count) && count >= 0 && count <= size)) throw invalid("count", `0 to ${size}`, count);
  const below = integersBelow(seed);
  const pick = (index: number): T => population[index] as T;
  // CPython: a set of chosen places where that is smaller than a copy of the population.
  const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
  if (size <= setSize) {
    const pool = Array.from(population.keys());
    return Array.from({ length: count }, (_, drawn) => {
      const place = below(size - drawn);
      const chosen = pool[place] as number;
      pool[place] = pool[size - drawn - 1] as number;
      return pick(chosen);
    });
  }
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(below(size));
  return [...chosen].map(pick);
}

/** Python's `_randbelow` after `seed(n)`: as many bits as the bound has, drawn again until below it. */
function integersBelow(seed: number): (bound: number) => number {
  const next = mersenneTwister(seed);
  return (bound) => {
    const bits = 32 - Math.clz32(bound);
    for (;;) {
      const value = next() >>> (32 - bits);
      if (value < bound) return value;
    }
  };
}

/** Uniform 32-bit integers. The seed is one key of the array that CPython seeds by. */
function mersenneTwister(seed: number): () => number {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) throw invalid("seed", "0 to 4294967295", seed);
  const state = seededByNumber(19650218);
  const at = (i: number): number => state[i] ?? 0;
  let i = 1;
  for (let k = 0; k < SIZE; k++) {
    state[i] = (at(i) ^ Math.imul(at(i - 1) ^ (at(i - 1) >>> 30), 1664525)) + seed;
    if (++i >= SIZE) [state[0], i] = [at(SIZE - 1), 1];
  }
  for (let k = 0; k < SIZE - 1; k++) {
    state[i] = (at(i) ^ Math.imul(at(i - 1) ^ (at(i - 1) >>> 30), 1566083941)) - i;
    if (++i >= SIZE) [state[0], i] = [at(SIZE - 1), 1];
  }
  state[0] = 0x80000000;

  let used = SIZE;
  return () => {
    if (used === SIZE) {
      for (let k = 0; k < SIZE; k++) {
        const y = (at(k) & 0x80000000) | (at((k + 1) % SIZE) & 0x7fffffff);
        state[k] = at((k + MIDDLE) % SIZE) ^ (y >>> 1) ^ ((y & 1) * 0x9908b0df);
      }
      used = 0;
    }
    let y = at(used++);
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

function seededByNumber(seed: number): Uint32Array {
  const state = new Uint32Array(SIZE);
  state[0] = seed;
  for (let i = 1; i < SIZE; i++) {
    const before = state[i - 1] ?? 0;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  return state;
}
