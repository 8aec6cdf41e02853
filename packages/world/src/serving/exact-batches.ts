// Batches that change nothing. Kernels for a batch of eight may round other than those for one, and then a frame would depend on who else
// was playing. So a batch size is used only after some batches of it gave the bytes that their items gave alone; where one did not, or
// fails, items are computed in smaller ones. What is returned is always what an item computed alone would be.

/** `exact`: as above. `always`: batches without a look, for devices where no two runs are equal anyway. `never`: one by one. */
export type Batching = "exact" | "always" | "never";

/** What a pass made of an item: its result, or why it has none. */
export type Outcome<R> =
  | { readonly value: R; readonly batch: number; readonly error?: undefined }
  | { readonly error: unknown; readonly batch: number };

/** A kind of pass. */
export interface Pass<I, R> {
  /** What decides on the kernels besides the batch: kind of work, frames in the history. Sizes are judged per key. */
  readonly key: string;
  /** Computes all items at once; throws as a whole. */
  compute(items: readonly I[]): readonly R[];
  /** Bit for bit. */
  same(a: R, b: R): boolean;
  /** Frees a result that nobody wants. */
  drop(result: R): void;
}

/** Which sizes were found to be exact. */
interface Verdict {
  /** The largest size that is. */
  good: number;
  /** How often the size after it agreed. */
  agreed: number;
  /** Whether the size after it is not. */
  final: boolean;
}

/** Batches that must agree before a size is used. One could agree by luck where numbers are few or zero. */
const TRIALS = 3;

/** Runs passes over items in sizes that are powers of two up to `most`. */
export class Batcher {
  readonly #mode: Batching;
  readonly #most: number;
  readonly #verdicts = new Map<string, Verdict>();

  constructor(mode: Batching, most: number) {
    this.#mode = mode;
    this.#most = mode === "never" ? 1 : most;
  }

  /** One outcome per item, in order. */
  run<I, R>(pass: Pass<I, R>, items: readonly I[]): Outcome<R>[] {
    const outcomes: Outcome<R>[] = [];
    while (outcomes.length < items.length) {
      const rest = items.slice(outcomes.length);
      const wanted = Math.min(rest.length, this.#most);
      outcomes.push(...(this.#mode === "exact" ? this.#exact(pass, rest, wanted) : plain(pass, rest.slice(0, wanted))));
    }
    return outcomes;
  }

  #exact<I, R>(pass: Pass<I, R>, rest: readonly I[], wanted: number): Outcome<R>[] {
    const verdict = this.#verdicts.get(pass.key) ?? { good: 1, agreed: 0, final: false };
    this.#verdicts.set(pass.key, verdict);
    const size = 2 ** Math.floor(Math.log2(wanted));
    if (size <= verdict.good || verdict.final) return plain(pass, rest.slice(0, Math.min(size, verdict.good)));
    return this.#trial(pass, rest.slice(0, verdict.good * 2), verdict);
  }

  /** Computes items at once and alone, and judges the size by it. */
  #trial<I, R>(pass: Pass<I, R>, items: readonly I[], verdict: Verdict): Outcome<R>[] {
    const alone = oneByOne(pass, items);
    // An item that fails alone says nothing about the size.
    if (!alone.every((one) => "value" in one)) return alone;
    let together: readonly R[] = [];
    try {
      together = pass.compute(items);
    } catch {
      verdict.final = true; // too large for the device, most likely
      return alone;
    }
    const equal = alone.every((one, i) => "value" in one && pass.same(one.value, together[i] as R));
    if (!equal) verdict.final = true;
    else if (++verdict.agreed === TRIALS) Object.assign(verdict, { good: items.length, agreed: 0 });
    together.forEach((result) => pass.drop(result));
    return alone;
  }
}

/** All at once; where that fails one by one, so that an item at fault harms no other. */
function plain<I, R>(pass: Pass<I, R>, items: readonly I[]): Outcome<R>[] {
  if (items.length === 1) return oneByOne(pass, items);
  try {
    return pass.compute(items).map((value) => ({ value, batch: items.length }));
  } catch {
    return oneByOne(pass, items);
  }
}

function oneByOne<I, R>(pass: Pass<I, R>, items: readonly I[]): Outcome<R>[] {
  return items.map((item) => {
    try {
      return { value: pass.compute([item])[0] as R, batch: 1 };
    } catch (error) {
      return { error, batch: 1 };
    }
  });
}
