// One comparison of a verification: what was computed here against what was recorded, as two numbers and a verdict.
import { scope, type Tensor } from "@vid2world/torch";

/** How far a value may be off: `abs + rel * (largest recorded magnitude)`. */
export interface Tolerance {
  readonly abs?: number;
  readonly rel?: number;
}

/** The outcome of one comparison. */
export interface Check {
  /** The recorded tensor or value that was compared, by its recorded name. */
  readonly name: string;
  /** Largest absolute difference; NaN where one side is not a number and the other is. */
  readonly maxAbs: number;
  /** The same over the largest recorded magnitude (one number is divided by itself, a tensor by its largest element). */
  readonly maxRel: number;
  /** The largest absolute difference that passes. */
  readonly allowed: number;
  readonly passed: boolean;
  /** What is worth knowing beside the numbers. */
  readonly note?: string;
}

/** How close to failing a check is: its error in units of what is allowed. Above 1 it failed. */
export function severity({ maxAbs, allowed, passed }: Check): number {
  if (!passed) return Number.isNaN(maxAbs) ? Infinity : Math.max(2, maxAbs / allowed || Infinity);
  return allowed > 0 && maxAbs > 0 ? maxAbs / allowed : 0;
}

/** Compares two tensors in float64, whatever they are stored as. Equal infinities and a NaN beside a NaN are no difference. */
export function compareTensors(name: string, actual: Tensor, expected: Tensor, tolerance: Tolerance): Check {
  if (actual.shape.join() !== expected.shape.join()) {
    return refuted(name, `shape [${actual.shape.join(", ")}], recorded is [${expected.shape.join(", ")}]`);
  }
  if (expected.numel === 0) return verdict(name, 0, 0, tolerance);
  const [difference, largest] = scope(() => {
    const wanted = expected.detach().to("float64");
    const got = actual.detach().to(expected.device).to("float64");
    const equal = got.eq(wanted).logicalOr(got.ne(got).logicalAnd(wanted.ne(wanted)));
    const magnitude = wanted.abs().maskedFill(wanted.isfinite().logicalNot(), 0);
    return [got.sub(wanted).abs().maskedFill(equal, 0).amax().item(), magnitude.amax().item()] as const;
  });
  return verdict(name, difference, largest, tolerance);
}

/** The same against a recorded tensor, in a list that is empty where none was recorded under that name: such values are optional. */
export function compareRecorded(
  recorded: { find(name: string): Tensor | undefined },
  name: string,
  actual: () => Tensor,
  tolerance: Tolerance,
): Check[] {
  const expected = recorded.find(name);
  return expected === undefined ? [] : [compareTensors(name, actual(), expected, tolerance)];
}

/** The same for plain numbers; `ignoreNan` leaves out the places where the recorded value is NaN. */
export function compareNumbers(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  { ignoreNan = false }: { readonly ignoreNan?: boolean } = {},
): Check {
  if (actual.length !== expected.length) {
    return refuted(name, `${actual.length} values, recorded are ${expected.length}`);
  }
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const got = actual[i] as number;
    const wanted = expected[i] as number;
    if (Number.isFinite(wanted)) largest = Math.max(largest, Math.abs(wanted));
    if (Object.is(got, wanted) || got === wanted || (ignoreNan && Number.isNaN(wanted))) continue;
    difference = Math.max(difference, Math.abs(got - wanted)); // once NaN, always NaN
  }
  return verdict(name, difference, largest, tolerance);
}

/** A comparison of things that are equal or not. */
export function compareExactly(name: string, equal: boolean, difference: string): Check {
  return equal ? { name, maxAbs: 0, maxRel: 0, allowed: 0, passed: true } : refuted(name, difference);
}

/** The opposite of the others: passes where the largest difference is at least `least`. */
export function mustDiffer(name: string, actual: Tensor, expected: Tensor, least: number): Check {
  const check = compareTensors(name, actual, expected, { abs: Infinity });
  const passed = check.maxAbs >= least;
  return { ...check, passed, note: `differs as it must: by ${least.toPrecision(2)} at least` };
}

/** A check that failed without numbers. */
export function refuted(name: string, note: string): Check {
  return { name, maxAbs: NaN, maxRel: NaN, allowed: 0, passed: false, note };
}

function verdict(name: string, maxAbs: number, largest: number, { abs = 0, rel = 0 }: Tolerance): Check {
  const allowed = abs + rel * largest;
  const maxRel = maxAbs === 0 ? 0 : maxAbs / largest;
  return { name, maxAbs, maxRel, allowed, passed: maxAbs <= allowed };
}
