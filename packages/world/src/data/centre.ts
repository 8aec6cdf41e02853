// Where a picture lies on a larger ground, or is cut out of a larger picture, by torchvision's rules of the centre crop.

/** Along one axis: black pixels `before` the picture where it is smaller than the whole, pixels `cut` off where it is larger. */
export function centredAt(size: number, whole: number): { readonly before: number; readonly cut: number } {
  return size < whole
    ? { before: Math.floor((whole - size) / 2), cut: 0 }
    : { before: 0, cut: roundHalfToEven((size - whole) / 2) };
}

/** Rounds as Python and torch do: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2. */
export function roundHalfToEven(value: number): number {
  const low = Math.floor(value);
  const surplus = value - low;
  if (surplus !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}
