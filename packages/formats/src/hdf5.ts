// Reads HDF5 files, over h5wasm: numbers and byte strings of whole datasets or of slices along the first axis.
// Data are read from the disk as they are asked for, so the size of a file does not matter. Calls block the thread.
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import type * as h5wasm from "h5wasm/node";
import { FormatError, invalid } from "./errors.js";

/** Elements of a numeric dataset; 8-byte integers are BigInts. */
export type Hdf5Numbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** A numeric dataset or a part of one, in C order. */
export interface Hdf5Array {
  readonly shape: readonly number[];
  readonly data: Hdf5Numbers;
}

/** Rows `start` up to but not including `end` of the first axis. */
export interface Hdf5Rows {
  readonly start: number;
  readonly end: number;
}

/** An open HDF5 file. Every error is a FormatError that names the file and the dataset. */
export interface Hdf5File extends Disposable {
  /** Names inside a group (default: the root), in the file's order. */
  keys(group?: string): string[];
  /** Whether there is a dataset at this path. */
  has(dataset: string): boolean;
  /** Sizes of a dataset's axes; [] for a single value. */
  shape(dataset: string): readonly number[];
  /** Numbers of a dataset, or of some of its rows. */
  numbers(dataset: string, rows?: Hdf5Rows): Hdf5Array;
  /** The bytes of one element of a one-dimensional dataset of byte strings, padding zeros removed, as numpy shows them. */
  bytes(dataset: string, index: number): Uint8Array;
  /** Closes the file. Once is enough, twice does no harm. */
  close(): void;
}

/** Opens a file for reading. */
export async function openHdf5(file: string): Promise<Hdf5File> {
  await access(file).catch((cause: Error) => {
    throw new FormatError(file, `could not be read: ${cause.message}`, undefined, { cause });
  });
  // Loaded when the first file is opened: training on anything else does without its 15 MB.
  const { Dataset, File: H5File, Group, ready } = await import("h5wasm/node");
  const library = await ready;
  // Without this a read that fails prints a stack and returns zeros.
  library.activate_throwing_error_handler();
  const opened = attempt(file, "not a readable HDF5 file", () => new H5File(resolve(file), "r"));
  let closed = false;

  const dataset = (path: string): { metadata: h5wasm.Metadata; shape: readonly number[]; entry: h5wasm.Dataset } => {
    if (closed) throw invalid("file", "an open file", `${file}, which is closed`);
    const entry = attempt(file, `dataset "${path}"`, () => opened.get(path));
    if (!(entry instanceof Dataset)) {
      throw new FormatError(file, `dataset "${path}": ${entry === null ? "missing" : "not a dataset"}`);
    }
    const metadata = attempt(file, `dataset "${path}"`, () => entry.metadata);
    return { entry, metadata, shape: metadata.shape ?? [] };
  };

  const close = (): void => {
    if (!closed) opened.close();
    closed = true;
  };

  return {
    keys(group = "/") {
      const entry = attempt(file, `group "${group}"`, () => opened.get(group));
      if (!(entry instanceof Group)) throw new FormatError(file, `group "${group}": missing`);
      return attempt(file, `group "${group}"`, () => entry.keys());
    },
    has: (path) => opened.get(path) instanceof Dataset,
    shape: (path) => dataset(path).shape,
    numbers(path, rows) {
      const { entry, shape } = dataset(path);
      if (rows !== undefined) checkRows(file, path, shape, rows);
      const data: unknown = attempt(file, `dataset "${path}"`, () =>
        rows === undefined
          ? entry.value
          : entry.slice([[rows.start, rows.end], ...shape.slice(1).map((size): [number, number] => [0, size])]),
      );
      if (typeof data === "number") return { shape: [], data: Float64Array.of(data) };
      if (!ArrayBuffer.isView(data)) throw new FormatError(file, `dataset "${path}": holds no numbers`);
      const count = rows === undefined ? shape : [rows.end - rows.start, ...shape.slice(1)];
      return { shape: count, data: data as Hdf5Numbers };
    },
    bytes(path, index) {
      const { entry, metadata, shape } = dataset(path);
      if (shape.length !== 1) {
        throw new FormatError(
          file,
          `dataset "${path}": expected one axis, found ${shape.length} (${shape.join(" x ")})`,
        );
      }
      checkRows(file, path, shape, { start: index, end: index + 1 });
      if (metadata.type === library.H5T_class_t.H5T_STRING.value && !metadata.vlen) {
        return attempt(file, `dataset "${path}"`, () => fixedString(library, opened, path, index, metadata.size));
      }
      const value: unknown = attempt(file, `dataset "${path}"`, () => entry.slice([[index, index + 1]]));
      const element: unknown = Array.isArray(value) ? value[0] : undefined;
      if (element instanceof Uint8Array) return element.slice();
      // h5py gives byte strings a fixed length; strings of variable length end at the first zero byte and cannot hold them.
      throw new FormatError(file, `dataset "${path}": expected byte strings of fixed length or rows of uint8`);
    },
    close,
    [Symbol.dispose]: close,
  };
}

type Library = Awaited<typeof h5wasm.ready>;

/** Through the library's memory: its own reader would decode the bytes as text. */
function fixedString(library: Library, file: h5wasm.File, path: string, index: number, size: number): Uint8Array {
  const pointer = library._malloc(size);
  if (pointer === 0) throw new Error(`${size} bytes of memory could not be had`);
  try {
    library.get_dataset_data(file.file_id, path, [1n], [BigInt(index)], [1n], BigInt(pointer));
    let end = pointer + size;
    while (end > pointer && library.HEAPU8[end - 1] === 0) end--;
    return library.HEAPU8.slice(pointer, end);
  } finally {
    library._free(pointer);
  }
}

function checkRows(file: string, path: string, shape: readonly number[], { start, end }: Hdf5Rows): void {
  const held = shape[0] ?? 0;
  if (Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= held) return;
  throw new FormatError(file, `dataset "${path}": rows ${start} to ${end - 1} asked for, but it has ${held}`);
}

/** Runs a call of the library; its errors are a page long, of which the innermost line says what is wrong. */
function attempt<T>(file: string, what: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const innermost = [...text.matchAll(/ in \w+\(\): (.+)/g)].at(-1)?.[1] ?? text.split("\n")[0] ?? "";
    throw new FormatError(file, `${what}: ${innermost.trim()}`, undefined, { cause });
  }
}
