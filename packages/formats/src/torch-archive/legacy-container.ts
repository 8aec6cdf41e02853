// Checkpoints from before PyTorch 1.6: five pickles in a row (magic number, version, machine, content, storage keys),
// then the storages.
import { FormatError } from "../errors.js";
import { Cursor } from "../pickle/cursor.js";
import { PICKLE_MAX_STEPS, runPickle, type PickleHooks } from "../pickle/machine.js";
import type { FileBytes } from "./file-bytes.js";
import { tensorBuilder, type TensorBuilder } from "./rebuild.js";
import { legacyStorages } from "./storage-source.js";
import { LARGEST_PICKLE, type ContainerContent } from "./zip-container.js";

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;
const FIRST_WINDOW = 2 ** 22;

interface Pickles {
  readonly root: unknown;
  readonly keys: readonly string[];
  readonly isLittleEndian: boolean;
  readonly builder: TensorBuilder;
  /** Where the storages begin. */
  readonly end: number;
}

/** Reads the structure of a legacy checkpoint, and checks that all storages are there. */
export async function readLegacyContainer(file: FileBytes): Promise<ContainerContent> {
  const { root, keys, isLittleEndian, builder, end } = await readPickles(file);
  const { storages } = builder;
  const source = await legacyStorages(file, end, keys, { storages, isLittleEndian });
  return { root, storages, source, isLittleEndian };
}

/** Nothing says how long the pickles are, so the window grows until they fit: gigabytes of storages stay unread. */
async function readPickles(file: FileBytes): Promise<Pickles> {
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const length = Math.min(window, file.size, LARGEST_PICKLE);
    const cursor = new Cursor(await file.read(0, length, "the pickles"), file.path);
    try {
      return parse(cursor);
    } catch (error) {
      if (!cursor.ranOut || length === file.size) throw error;
      if (length === LARGEST_PICKLE) throw new FormatError(file.path, "its pickles are over 512 MiB; refused", length);
    }
  }
}

function parse(cursor: Cursor): Pickles {
  const run = (hooks: PickleHooks = {}): unknown =>
    runPickle(cursor, { ...hooks, python2Strings: "utf-8", maxSteps: PICKLE_MAX_STEPS });
  if (run() !== MAGIC_NUMBER) {
    throw cursor.fail("a pickle, but no checkpoint of PyTorch: the magic number is missing", 0);
  }
  const version = run();
  if (version !== PROTOCOL_VERSION) throw cursor.fail(`legacy format ${String(version)}; ${PROTOCOL_VERSION} is read`);
  const machine = run();
  if (!(machine instanceof Map)) throw cursor.fail("the description of the machine is no dict");
  const builder = tensorBuilder();
  const root = run(builder.hooks);
  const keys = run();
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string" || typeof key === "number")) {
    throw cursor.fail("the list of storages is no list of keys");
  }
  const isLittleEndian = machine.get("little_endian") !== false;
  return { root, keys: keys.map(String), isLittleEndian, builder, end: cursor.position };
}
