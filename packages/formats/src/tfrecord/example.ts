// Reads and writes tf.train.Example and tf.train.SequenceExample: named lists of bytes, float32 or int64, as protocol buffers.
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FormatError } from "../errors.js";
import { eachField } from "../protobuf-fields.js";

/** A named list. An empty feature without a kind is read as an empty bytes list. */
export type Feature =
  | { readonly kind: "bytes"; readonly values: readonly Uint8Array[] }
  | { readonly kind: "float"; readonly values: Float32Array }
  | { readonly kind: "int64"; readonly values: BigInt64Array };

/** Features by name. */
export type Example = ReadonlyMap<string, Feature>;

/** Features of the whole, and lists of features by step. */
export interface SequenceExample {
  readonly context: Example;
  readonly featureLists: ReadonlyMap<string, readonly Feature[]>;
}

/** Decodes a tf.train.Example. `name` and `offset` (where the record begins) are what errors say. */
export function decodeExample(bytes: Uint8Array, name = "example", offset?: number): Example {
  return guarded(name, offset, () => {
    const features = new Map<string, Feature>();
    eachField(bytes, (field, reader) => {
      if (field === 1) readFeatures(reader.bytes(), features);
      return field === 1;
    });
    return features;
  });
}

/** Decodes a tf.train.SequenceExample. */
export function decodeSequenceExample(bytes: Uint8Array, name = "sequence example", offset?: number): SequenceExample {
  return guarded(name, offset, () => {
    const context = new Map<string, Feature>();
    const featureLists = new Map<string, readonly Feature[]>();
    eachField(bytes, (field, reader) => {
      if (field === 1) readFeatures(reader.bytes(), context);
      if (field === 2) readMap(reader.bytes(), (value) => readFeatureList(value), featureLists);
      return field === 1 || field === 2;
    });
    return { context, featureLists };
  });
}

/** The bytes of a tf.train.Example. */
export function encodeExample(example: Example): Uint8Array {
  return delimited(1, encodeFeatures(example)).finish();
}

/** The bytes of a tf.train.SequenceExample. */
export function encodeSequenceExample({ context, featureLists }: SequenceExample): Uint8Array {
  const lists = new BinaryWriter();
  for (const [name, features] of featureLists) {
    const list = new BinaryWriter();
    for (const feature of features) list.tag(1, WireType.LengthDelimited).bytes(encodeFeature(feature));
    lists.tag(1, WireType.LengthDelimited).bytes(encodeEntry(name, list.finish()));
  }
  const writer = delimited(1, encodeFeatures(context));
  return writer.tag(2, WireType.LengthDelimited).bytes(lists.finish()).finish();
}

/** Whatever the wire reader throws about foreign or damaged bytes becomes an error that names them. */
function guarded<T>(name: string, offset: number | undefined, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError(name, `not a tf.train.Example: ${reason}`, offset, { cause });
  }
}

function readFeatures(bytes: Uint8Array, into: Map<string, Feature>): void {
  readMap(bytes, readFeature, into);
}

/** A map is a list of entries with a key (1) and a value (2). */
function readMap<T>(bytes: Uint8Array, readValue: (bytes: Uint8Array) => T, into: Map<string, T>): void {
  eachField(bytes, (field, reader) => {
    if (field !== 1) return false;
    let key = "";
    let value: Uint8Array = new Uint8Array(0);
    eachField(reader.bytes(), (part, entry) => {
      if (part === 1) key = entry.string();
      if (part === 2) value = entry.bytes();
      return part === 1 || part === 2;
    });
    into.set(key, readValue(value));
    return true;
  });
}

function readFeatureList(bytes: Uint8Array): readonly Feature[] {
  const features: Feature[] = [];
  eachField(bytes, (field, reader) => {
    if (field === 1) features.push(readFeature(reader.bytes()));
    return field === 1;
  });
  return features;
}

function readFeature(bytes: Uint8Array): Feature {
  let feature: Feature = { kind: "bytes", values: [] };
  eachField(bytes, (field, reader) => {
    if (field === 1) feature = { kind: "bytes", values: readBytesList(reader.bytes()) };
    if (field === 2) feature = { kind: "float", values: readFloatList(reader.bytes()) };
    if (field === 3) feature = { kind: "int64", values: readInt64List(reader.bytes()) };
    return field >= 1 && field <= 3;
  });
  return feature;
}

function readBytesList(bytes: Uint8Array): Uint8Array[] {
  const values: Uint8Array[] = [];
  eachField(bytes, (field, reader) => {
    if (field === 1) values.push(reader.bytes());
    return field === 1;
  });
  return values;
}

/** Packed (one run of bytes) or one by one: writers differ, and a list may even hold both. */
function readFloatList(bytes: Uint8Array): Float32Array {
  const runs: Uint8Array[] = [];
  eachField(bytes, (field, reader, wire) => {
    if (field !== 1) return false;
    const run =
      wire === WireType.LengthDelimited ? reader.bytes() : Buffer.from(Float32Array.of(reader.float()).buffer);
    if (run.length % 4 !== 0) throw new Error(`a run of float32 of ${run.length} bytes`);
    runs.push(run);
    return true;
  });
  const all = new Uint8Array(Buffer.concat(runs)); // copied, because a run need not be aligned
  return new Float32Array(all.buffer);
}

function readInt64List(bytes: Uint8Array): BigInt64Array {
  const values: bigint[] = [];
  eachField(bytes, (field, reader, wire) => {
    if (field !== 1) return false;
    const run = wire === WireType.LengthDelimited ? new BinaryReader(reader.bytes()) : undefined;
    if (run === undefined) values.push(BigInt(reader.int64()));
    else while (run.pos < run.len) values.push(BigInt(run.int64()));
    return true;
  });
  return BigInt64Array.from(values);
}

function encodeFeatures(example: Example): Uint8Array {
  const writer = new BinaryWriter();
  for (const [name, feature] of example) {
    writer.tag(1, WireType.LengthDelimited).bytes(encodeEntry(name, encodeFeature(feature)));
  }
  return writer.finish();
}

function encodeEntry(key: string, value: Uint8Array): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(key);
  return writer.tag(2, WireType.LengthDelimited).bytes(value).finish();
}

function encodeFeature(feature: Feature): Uint8Array {
  const list = new BinaryWriter();
  switch (feature.kind) {
    case "bytes":
      for (const value of feature.values) list.tag(1, WireType.LengthDelimited).bytes(value);
      return delimited(1, list.finish()).finish();
    case "float":
      list.tag(1, WireType.LengthDelimited).fork();
      for (const value of feature.values) list.float(value);
      return delimited(2, list.join().finish()).finish();
    case "int64":
      list.tag(1, WireType.LengthDelimited).fork();
      for (const value of feature.values) list.int64(value);
      return delimited(3, list.join().finish()).finish();
  }
}

function delimited(field: number, bytes: Uint8Array): BinaryWriter {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(bytes);
}
