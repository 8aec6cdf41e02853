// `traj_data.pkl` of a RECON trajectory: a pickled dict of numpy arrays, `position` [T 2] and `yaw` [T] or [T 1]. It is read as
// data, no code of it is run, and written so that Python reads it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import type { NpyArray } from "@vid2world/formats/npy/dtypes";
import { numpyArrayOf } from "@vid2world/formats/pickle/numpy";
import { readPickle } from "@vid2world/formats/pickle/read";
import { PickleGlobal, PickleObject, tuple } from "@vid2world/formats/pickle/values";
import { writePickle } from "@vid2world/formats/pickle/write";
import type { Poses } from "./recon-poses.js";

/** Name of the file in a trajectory's folder. */
export const TRAJECTORY_FILE = "traj_data.pkl";

/** The poses as they are stored. */
export interface TrajectoryArrays {
  /** float64 [T 2]. */
  readonly position: Float64Array;
  readonly yaw: Float64Array;
  /** [T], or [T 1] as in the release. */
  readonly yawShape: readonly number[];
}

/** Reads the poses of a trajectory's folder and checks that there is one yaw per position and every number is finite. */
export async function readTrajectory(folder: string): Promise<Poses> {
  const file = join(folder, TRAJECTORY_FILE);
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new FormatError(file, `could not be read: ${cause.message}`, undefined, { cause });
  });
  const value = readPickle(bytes, { file });
  if (!(value instanceof Map)) throw new FormatError(file, "expected a dict of position and yaw");
  const position = numbers(file, value, "position");
  const yaw = numbers(file, value, "yaw");
  const poses = yaw.shape[0] ?? 0;
  if (position.shape.length !== 2 || position.shape[1] !== 2) {
    throw new FormatError(file, `position: expected [T 2], found [${position.shape.join(" ")}]`);
  }
  if (yaw.data.length !== poses || poses !== position.shape[0]) {
    throw new FormatError(file, `yaw: expected [${position.shape[0]}] as position, found [${yaw.shape.join(" ")}]`);
  }
  return { position: position.data, yaw: yaw.data };
}

/** The bytes of the file, the same ones for the same arrays. */
export function trajectoryBytes({ position, yaw, yawShape }: TrajectoryArrays): Uint8Array {
  const dtype = new PickleObject({
    callable: new PickleGlobal("numpy", "dtype"),
    args: tuple("f8", false, true),
    how: "call",
  });
  dtype.state = tuple(3, "<", null, null, null, -1, -1, 0);
  return writePickle(
    new Map([
      ["position", numpyObject(position, [position.length / 2, 2], dtype)],
      ["yaw", numpyObject(yaw, yawShape, dtype)],
    ]),
  );
}

/** The calls by which Python builds an array: an empty one, which then gets its state. */
function numpyObject(data: Float64Array, shape: readonly number[], dtype: PickleObject): PickleObject {
  const object = new PickleObject({
    callable: new PickleGlobal("numpy.core.multiarray", "_reconstruct"),
    args: tuple(new PickleGlobal("numpy", "ndarray"), tuple(0), new TextEncoder().encode("b")),
    how: "call",
  });
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  object.state = tuple(1, tuple(...shape), dtype, false, bytes);
  return object;
}

function numbers(
  file: string,
  dict: ReadonlyMap<unknown, unknown>,
  key: string,
): { shape: readonly number[]; data: Float64Array } {
  const array = numpyArrayOf(dict.get(key), file);
  if (array === undefined) throw new FormatError(file, `${key}: ${dict.has(key) ? "not a numpy array" : "missing"}`);
  const data = toFloat64(array);
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new FormatError(file, `${key}: element ${bad} is ${data[bad]}`);
  return { shape: array.shape, data };
}

function toFloat64({ data }: NpyArray): Float64Array {
  return data instanceof Float64Array ? data : Float64Array.from(data as Iterable<number | bigint>, Number);
}
