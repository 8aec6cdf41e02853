// Checkpoints of PyTorch 1.6 and later: a zip with one pickle, `data.pkl`, and one entry for each storage.
import { FormatError } from "../errors.js";
import { Cursor } from "../pickle/cursor.js";
import { PICKLE_MAX_STEPS, runPickle } from "../pickle/machine.js";
import type { FileBytes } from "./file-bytes.js";
import { tensorBuilder } from "./rebuild.js";
import type { TorchStorageRecord } from "./records.js";
import { zipStorages, type StorageSource } from "./storage-source.js";
import { readZipEntries, type ZipEntry } from "./zip-entries.js";

/** What both containers come down to. */
export interface ContainerContent {
  readonly root: unknown;
  readonly storages: ReadonlyMap<string, TorchStorageRecord>;
  readonly source: StorageSource;
  readonly isLittleEndian: boolean;
}

/** Structure without storages; a pickle beyond it would not be one of a checkpoint. */
export const LARGEST_PICKLE = 2 ** 29;

/** Reads the structure of a zip checkpoint, and checks that all storages are there. */
export async function readZipContainer(file: FileBytes): Promise<ContainerContent> {
  const entries = await readZipEntries(file);
  const pickle = findPickle(file, entries);
  const prefix = pickle.name.slice(0, -"data.pkl".length);
  if (pickle.size > LARGEST_PICKLE) throw new FormatError(file.path, `its data.pkl has ${pickle.size} bytes; refused`);
  const bytes = await pickle.read();
  // Positions inside a deflated entry are not positions in the file.
  const base = pickle.isStored ? await pickle.dataStart() : 0;
  const builder = tensorBuilder();
  const cursor = new Cursor(bytes, file.path, base, pickle.isStored ? "data.pkl: " : "data.pkl (inflated): ");
  const root = runPickle(cursor, { ...builder.hooks, python2Strings: "utf-8", maxSteps: PICKLE_MAX_STEPS });
  return {
    root,
    storages: builder.storages,
    source: zipStorages(file, entries, `${prefix}data/`, builder.storages.values()),
    isLittleEndian: await isLittleEndian(file, entries.get(`${prefix}byteorder`)),
  };
}

function findPickle(file: FileBytes, entries: ReadonlyMap<string, ZipEntry>): ZipEntry {
  const pickles = [...entries.values()].filter(({ name }) => name === "data.pkl" || name.endsWith("/data.pkl"));
  const [pickle] = pickles;
  if (pickle !== undefined && pickles.length === 1) return pickle;
  if (pickles.length > 1)
    throw new FormatError(file.path, `the zip has ${pickles.length} data.pkl; a checkpoint has one`);
  const isNumpy = entries.size > 0 && [...entries.keys()].every((name) => name.endsWith(".npy"));
  const guess = isNumpy ? "it is an npz file of numpy" : "it is no checkpoint, or a damaged one";
  throw new FormatError(file.path, `the zip has no data.pkl: ${guess}`);
}

/** PyTorch 2.1 and later write the byte order; before, only little-endian machines were supported. */
async function isLittleEndian(file: FileBytes, entry: ZipEntry | undefined): Promise<boolean> {
  if (entry === undefined) return true;
  const order =
    entry.size > 16
      ? ""
      : Buffer.from(await entry.read())
          .toString("latin1")
          .trim();
  if (order !== "little" && order !== "big")
    throw new FormatError(file.path, "its byteorder is neither little nor big");
  return order === "little";
}
