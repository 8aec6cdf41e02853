// Whether two sides computed the same: named tensors in two safetensors files, compared without any tensor library.
import { FormatError, openSafetensors, type SafetensorsFile } from "@vid2world/formats";

/** The largest difference within one group of tensors. */
export interface Difference {
  /** Largest absolute difference of two elements. */
  readonly absolute: number;
  /** The same relative to the largest element of its tensor, or to a thousandth of the group's largest where that is more. */
  readonly relative: number;
  /** The tensor of the largest relative difference. */
  readonly where: string;
}

/** Differences by group: `output`, `loss`, `gradient`, `updated`. */
export type Differences = Readonly<Record<string, Difference>>;

/** Below this share of its group's largest element a tensor counts as noise: a bias before a normalisation has no gradient. */
const FLOOR = 1e-3;

/** Compares two files; throws if they do not hold the same names and shapes. */
export async function compareFiles(ours: string, theirs: string): Promise<Differences> {
  await using a = await openSafetensors(ours);
  await using b = await openSafetensors(theirs);
  const names = [...a.tensors.keys()].sort();
  if (names.join() !== [...b.tensors.keys()].sort().join()) throw new FormatError(theirs, `other names than ${ours}`);
  const groups = new Map<string, { name: string; absolute: number; largest: number }[]>();
  for (const name of names) {
    const [group = name] = name.split(".");
    const [x, y] = [await elements(a, name), await elements(b, name)];
    if (x.length !== y.length) throw new FormatError(theirs, `another size of ${name} than ${ours}`);
    let [absolute, largest] = [0, 0];
    for (let i = 0; i < x.length; i++) {
      const difference = Math.abs((x[i] as number) - (y[i] as number));
      // Written so that NaN is the largest of all.
      if (!(difference <= absolute)) absolute = difference;
      largest = Math.max(largest, Math.abs(y[i] as number));
    }
    groups.set(group, [...(groups.get(group) ?? []), { name, absolute, largest }]);
  }
  return Object.fromEntries([...groups].map(([group, tensors]) => [group, worstOf(tensors)]));
}

function worstOf(tensors: readonly { name: string; absolute: number; largest: number }[]): Difference {
  const floor = FLOOR * Math.max(...tensors.map(({ largest }) => largest));
  let worst: Difference = { absolute: 0, relative: 0, where: "" };
  for (const { name, absolute, largest } of tensors) {
    const relative = absolute / Math.max(largest, floor, Number.MIN_VALUE);
    if (!(relative <= worst.relative)) worst = { ...worst, relative, where: name };
    if (!(absolute <= worst.absolute)) worst = { ...worst, absolute };
  }
  return worst;
}

async function elements(file: SafetensorsFile, name: string): Promise<Float32Array | Float64Array> {
  const { buffer } = await file.read(name);
  return file.tensors.get(name)?.dtype === "F64" ? new Float64Array(buffer) : new Float32Array(buffer);
}
