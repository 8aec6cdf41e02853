// Reproducible order: a small counter-based generator, so that any epoch's order can be computed without the ones before.

/** A stream of uniform 32-bit integers (splitmix32 over a hashed seed and stream number). Not for cryptography. */
export function randomIntegers(seed: number, stream: number): () => number {
  let state = (mix(seed >>> 0) ^ mix((stream + 0x9e3779b9) >>> 0)) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    return mix(state);
  };
}

/** A permutation of 0 .. count-1 that depends on seed and stream alone (Fisher-Yates). */
export function permutation(count: number, seed: number, stream: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const next = randomIntegers(seed, stream);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((next() / 2 ** 32) * (i + 1));
    const moved = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = moved;
  }
  return order;
}

/** Murmur3's finalizer: every input bit reaches every output bit. */
function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
