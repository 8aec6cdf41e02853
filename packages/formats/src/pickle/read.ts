// Reads pickles (protocols 0 to 5) as data. No code is run, whatever the file says: see values.ts for what comes back.
import { Cursor } from "./cursor.js";
import { PICKLE_MAX_STEPS, runPickle, type PickleHooks } from "./machine.js";

/** Options of {@link readPickle}. */
export interface ReadPickleOptions extends PickleHooks {
  /** The name that errors carry; a path, usually. */
  readonly file?: string;
  /** Where the pickle begins in that file: added to the byte positions of errors. */
  readonly base?: number;
  /**
   * What Python 2 strings become: text (`utf-8`, or the bytes where they are not UTF-8), or always bytes.
   * Files written by Python 3 have no such strings.
   */
  readonly python2Strings?: "utf-8" | "bytes";
  /** Instructions at most, which bounds the memory that a hostile file can take. Default 10 million. */
  readonly maxSteps?: number;
}

/**
 * The value of a pickle. What comes after its end is ignored, as Python does.
 *
 * @example
 * const trajectory = readPickle(await readFile("traj_data.pkl"), { file: "traj_data.pkl" });
 * if (trajectory instanceof Map) numpyArray(trajectory.get("position"));
 * @throws FormatError with the byte, if it is cut short or not a pickle.
 */
export function readPickle(bytes: Uint8Array, options: ReadPickleOptions = {}): unknown {
  const { file = "pickle", base = 0, python2Strings = "utf-8", maxSteps = PICKLE_MAX_STEPS } = options;
  return runPickle(new Cursor(bytes, file, base), { ...options, python2Strings, maxSteps });
}
