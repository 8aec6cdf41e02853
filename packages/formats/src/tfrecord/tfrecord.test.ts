// TFRecord files and the examples in them: against files of tensorflow's framing, round trips, and every kind of damage.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { FormatError } from "../errors.js";
import { decodeExample, decodeSequenceExample, encodeExample, encodeSequenceExample, type Feature } from "./example.js";
import { frameTfRecord, readTfRecords, writeTfRecords } from "./tfrecord.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-tfrecord-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

const records = [Buffer.from("one"), Buffer.alloc(0), Buffer.alloc(3_000_000, 7)];

async function read(file: string, options?: Parameters<typeof readTfRecords>[1]): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const { data } of readTfRecords(file, options)) found.push(Buffer.from(data));
  return found;
}

test("records are read back, plain and gzipped, also when they are larger than the pieces read from disk", async () => {
  expect(await writeTfRecords(at("plain"), records)).toBe(3);
  writeFileSync(at("gzipped"), gzipSync(readFileSync(at("plain"))));
  for (const name of ["plain", "gzipped"]) {
    const found = await read(at(name));
    expect(found.map((record, i) => record.equals(records[i] ?? Buffer.from("?")))).toEqual([true, true, true]);
  }
});

test("the checksum is the masked CRC-32C of the format", () => {
  // The published check value: CRC-32C of "123456789" is e3069283.
  const crc = 0xe3069283;
  const masked = ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0;
  expect(frameTfRecord(Buffer.from("123456789")).readUInt32LE(12 + 9)).toBe(masked);
});

test("a file cut anywhere is an error with the record and the byte where it begins; whole records before it are given", async () => {
  const whole = Buffer.concat([frameTfRecord(Buffer.from("first")), frameTfRecord(Buffer.from("second"))]);
  for (let length = 22; length < whole.length; length++) {
    writeFileSync(at("cut"), whole.subarray(0, length));
    const seen: string[] = [];
    const attempt = (async () => {
      for await (const { data } of readTfRecords(at("cut"))) seen.push(Buffer.from(data).toString());
    })();
    await expect(attempt, String(length)).rejects.toThrow("cut at byte 21: record 1 is cut short");
    expect(seen).toEqual(["first"]);
    length += 3; // every fourth place is enough
  }
});

test("any flipped bit is found; a record with damaged data can be left out, a damaged length ends the file", async () => {
  const whole = Buffer.concat(["first", "second", "third"].map((text) => frameTfRecord(Buffer.from(text))));
  for (let i = 0; i < whole.length; i++) {
    const bytes = Buffer.from(whole);
    bytes[i] = (bytes[i] ?? 0) ^ 4;
    writeFileSync(at("flipped"), bytes);
    await expect(read(at("flipped")), String(i)).rejects.toThrow(FormatError);
  }
  const data = Buffer.from(whole);
  data[21 + 12] = 0;
  writeFileSync(at("data"), data);
  const damaged: string[] = [];
  const rest = await read(at("data"), { onDamaged: (error) => damaged.push(error.message) });
  expect(rest.map(String)).toEqual(["first", "third"]);
  expect(damaged[0]).toMatch(/data at byte 21: record 1: the checksum of its 6 bytes is wrong/);
  const length = Buffer.from(whole);
  length[21] = 9;
  writeFileSync(at("length"), length);
  await expect(read(at("length"), { onDamaged: () => undefined })).rejects.toThrow(/records after it cannot be found/);
});

test("a foreign file, a truncated gzip file and a record above the limit are named", async () => {
  writeFileSync(at("foreign"), "this is some text, not a TFRecord");
  await expect(read(at("foreign"))).rejects.toThrow(
    /foreign at byte 0: record 0: the checksum of its length is wrong; this is no TFRecord/,
  );
  const packed = gzipSync(Buffer.concat(records.map(frameTfRecord)));
  writeFileSync(at("short.gz"), packed.subarray(0, packed.length - 100));
  await expect(read(at("short.gz"))).rejects.toThrow(/cannot be unpacked further|is cut short/);
  await writeTfRecords(at("large"), records);
  await expect(read(at("large"), { maxRecordBytes: 1000 })).rejects.toThrow(
    "record 2: 3000000 bytes, more than the 1000",
  );
});

const features = new Map<string, Feature>([
  ["image", { kind: "bytes", values: [Buffer.from("a"), Buffer.alloc(300, 1), Buffer.alloc(0)] }],
  ["action", { kind: "float", values: Float32Array.of(0.5, -1e-9, Infinity) }],
  ["step", { kind: "int64", values: BigInt64Array.of(-1n, 0n, 2n ** 62n) }],
  ["none", { kind: "float", values: new Float32Array(0) }],
]);

const comparable = (feature: Feature | undefined): unknown =>
  feature && [
    feature.kind,
    ...Array.from(feature.values as Iterable<unknown>, (value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
    ),
  ];

test("an example is read back: bytes, floats, negative and large integers, empty lists", () => {
  const back = decodeExample(encodeExample(features));
  expect([...back.keys()]).toEqual([...features.keys()]);
  for (const [name, feature] of features) expect(comparable(back.get(name))).toEqual(comparable(feature));
});

test("a sequence example is read back", () => {
  const lists = new Map([["frames", [...features.values()]]]);
  const back = decodeSequenceExample(encodeSequenceExample({ context: features, featureLists: lists }));
  expect(back.featureLists.get("frames")?.map(comparable)).toEqual([...features.values()].map(comparable));
  expect(back.context.size).toBe(4);
});

test("unpacked lists are read as packed ones", () => {
  // Feature { float_list { value: 1.5, value: -2 } } and { int64_list { value: 3, value: -1 } }, each value with its own tag.
  const float = Buffer.from("120a0d0000c03f0d000000c0", "hex");
  const int = Buffer.from("1a0d080308ffffffffffffffffff01", "hex");
  const entry = (key: string, value: Buffer): Buffer => {
    const inner = Buffer.concat([
      Buffer.from([0x0a, key.length]),
      Buffer.from(key),
      Buffer.from([0x12, value.length]),
      value,
    ]);
    return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
  };
  const map = Buffer.concat([entry("f", float), entry("i", int)]);
  const example = decodeExample(Buffer.concat([Buffer.from([0x0a, map.length]), map]));
  expect([...(example.get("f")?.values ?? [])]).toEqual([1.5, -2]);
  expect([...(example.get("i")?.values ?? [])]).toEqual([3n, -1n]);
});

test("bytes that are no example, cut or foreign, are a FormatError with name and offset", () => {
  const bytes = encodeExample(features);
  expect(() => decodeExample(bytes.subarray(0, bytes.length - 3), "x.tfrecord", 99)).toThrow(
    /x\.tfrecord at byte 99: not a tf\.train\.Example/,
  );
  for (let i = 0; i < bytes.length; i++) {
    const flipped = Buffer.from(bytes);
    flipped[i] = (flipped[i] ?? 0) ^ 0x85;
    try {
      decodeExample(flipped);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  }
});

const shard = join(resolve(process.env.VID2WORLD_SHARED ?? "../shared"), "data/formats/rlds/fractal20220817_data/0.1.0/fractal20220817_data-train.tfrecord-00000-of-00002"); // prettier-ignore

test.skipIf(!existsSync(shard))(
  "an episode of RT-1 in tensorflow's framing is read (skipped without the shared data)",
  async () => {
    const episodes = [];
    for await (const { data, offset } of readTfRecords(shard)) episodes.push(decodeExample(data, shard, offset));
    expect(episodes).toHaveLength(2);
    const images = episodes[0]?.get("steps/observation/image");
    expect(images?.kind).toBe("bytes");
    expect(episodes[0]?.get("steps/action/world_vector")?.values.length).toBe((images?.values.length ?? 0) * 3);
  },
);
