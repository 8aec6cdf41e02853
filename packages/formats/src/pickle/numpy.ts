// Arrays and numbers of numpy inside pickles: what their records say, as values.
import { FormatError } from "../errors.js";
import { dtypeOfCode, npyElements, type NpyArray } from "../npy/dtypes.js";
import { toArray } from "../npy/npy.js";
import { PickleObject } from "./values.js";

const MULTIARRAY = ["numpy.core.multiarray", "numpy._core.multiarray"] as const;
const NUMERIC = ["numpy.core.numeric", "numpy._core.numeric"] as const;

/**
 * The array that a pickled `numpy.ndarray` stands for (any protocol, any numpy), or undefined if `value` is none.
 * `file` is the name that errors carry.
 *
 * @example const position = numpyArrayOf(trajectory.get("position")); // { dtype: "float64", shape: [70, 2], data }
 * @throws FormatError if it is one, but damaged or of an element type without numbers (objects, text, records).
 */
export function numpyArrayOf(value: unknown, file = "pickle"): NpyArray | undefined {
  if (!(value instanceof PickleObject)) return undefined;
  // Protocol 5: (bytes, dtype, shape, order).
  if (value.is("_frombuffer", ...NUMERIC)) {
    const [bytes, dtype, shape, order] = value.args;
    return decode({ bytes, dtype, shape, isFortran: order === "F" }, file);
  }
  if (!value.is("_reconstruct", ...MULTIARRAY) || !Array.isArray(value.state)) return undefined;
  // (version, shape, dtype, whether the first axis is the fastest, bytes)
  const [, shape, dtype, isFortran, bytes] = value.state as unknown[];
  return decode({ bytes, dtype, shape, isFortran: isFortran === true || isFortran === 1 }, file);
}

/** The number that a pickled numpy scalar (`numpy.float64(1)`, say) stands for, or undefined if `value` is none. */
export function numpyScalarOf(value: unknown, file = "pickle"): number | bigint | boolean | undefined {
  if (!(value instanceof PickleObject) || !value.is("scalar", ...MULTIARRAY)) return undefined;
  const [dtype, bytes] = value.args;
  const array = decode({ bytes, dtype, shape: [], isFortran: false }, file);
  const [number] = array.data;
  return array.dtype === "bool" ? number === 1 : number;
}

interface RawArray {
  readonly bytes: unknown;
  readonly dtype: unknown;
  readonly shape: unknown;
  readonly isFortran: boolean;
}

function decode({ bytes, dtype, shape, isFortran }: RawArray, file: string): NpyArray {
  const { type, bigEndian } = elementType(dtype, file);
  if (!isShape(shape)) throw new FormatError(file, "a numpy array whose shape is not one");
  const dataBytes = shape.reduce((product, size) => product * size, npyElements[type].bytes);
  // Python 2's bytes are read as text where they are UTF-8; encoding gives back what stood in the file.
  const stored = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  if (!(stored instanceof Uint8Array) || stored.byteLength !== dataBytes) {
    const has = stored instanceof Uint8Array ? `${stored.byteLength} bytes` : "no bytes";
    throw new FormatError(file, `a numpy array ${type} [${shape.join(", ")}] with ${has} in place of ${dataBytes}`);
  }
  // A copy: aligned, and free to be turned around.
  const header = { dtype: type, shape: [...shape], bigEndian, fortranOrder: isFortran, dataOffset: 0, dataBytes };
  return toArray(header, Uint8Array.from(stored));
}

/** A `numpy.dtype` is made from a code ("f4"); its state says the byte order: (version, "<", ...). */
function elementType(dtype: unknown, file: string): { type: NpyArray["dtype"]; bigEndian: boolean } {
  if (!(dtype instanceof PickleObject) || !dtype.is("dtype", "numpy")) {
    throw new FormatError(file, "a numpy array without an element type");
  }
  const [code] = dtype.args;
  const type = typeof code === "string" ? dtypeOfCode(code) : undefined;
  if (type === undefined) throw new FormatError(file, `numpy arrays of type ${String(code)} are not read`);
  const order: unknown = Array.isArray(dtype.state) ? (dtype.state as unknown[])[1] : "<";
  return { type, bigEndian: order === ">" };
}

function isShape(shape: unknown): shape is number[] {
  return Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
}
