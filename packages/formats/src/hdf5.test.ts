// HDF5 files that h5py made (shared examples) and that h5wasm writes here, and files that are damaged.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import h5wasm from "h5wasm/node";
import { afterAll, expect, test } from "vitest";
import { FormatError } from "./errors.js";
import { openHdf5 } from "./hdf5.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-hdf5-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

const recon = join(
  resolve(process.env["VID2WORLD_SHARED"] ?? "../shared"),
  "data/formats/recon_release/jackal_2019-08-02-16-20-11_0_r00.hdf5",
);
const withExample = test.skipIf(!existsSync(recon)); // recorded data, not part of the repository

/** A file with numbers of several types, chunked, compressed, and in a group. */
async function writeExample(name: string): Promise<string> {
  await h5wasm.ready;
  const file = new h5wasm.File(at(name), "w");
  const data = Uint8Array.from({ length: 24 }, (_, i) => i);
  file.create_dataset({ name: "bytes", data, shape: [4, 3, 2], dtype: "<B", chunks: [1, 3, 2], compression: 4 });
  file.create_dataset({ name: "floats", data: Float64Array.of(0.5, NaN, -3), shape: [3], dtype: "<d" });
  file.create_dataset({ name: "long", data: BigInt64Array.of(2n ** 60n), shape: [1], dtype: "<q" });
  file.create_dataset({ name: "single", data: 2.5, shape: [], dtype: "<d" });
  file.create_dataset({ name: "text", data: ["no bytes"] });
  file.create_group("inner").create_dataset({ name: "x", data: Int32Array.of(7), shape: [1], dtype: "<i" });
  file.flush();
  file.close();
  return at(name);
}

test("numbers come with shape and type, whole or some rows of them", async () => {
  using file = await openHdf5(await writeExample("a.hdf5"));
  expect(file.keys().sort()).toEqual(["bytes", "floats", "inner", "long", "single", "text"]);
  expect(file.keys("inner")).toEqual(["x"]);
  expect([file.has("inner/x"), file.has("inner"), file.has("y")]).toEqual([true, false, false]);
  expect(file.numbers("bytes").shape).toEqual([4, 3, 2]);
  expect(file.numbers("bytes", { start: 1, end: 3 })).toEqual({
    shape: [2, 3, 2],
    data: Uint8Array.from({ length: 12 }, (_, i) => i + 6),
  });
  expect(file.numbers("floats").data).toEqual(Float64Array.of(0.5, NaN, -3));
  expect(file.numbers("long").data).toEqual(BigInt64Array.of(2n ** 60n));
  expect(file.numbers("single")).toEqual({ shape: [], data: Float64Array.of(2.5) });
  expect(file.numbers("inner/x").data).toEqual(Int32Array.of(7));
});

test("errors name the file and the dataset", async () => {
  const path = await writeExample("b.hdf5");
  using file = await openHdf5(path);
  expect(() => file.numbers("frame_7_x")).toThrow(`${path}: dataset "frame_7_x": missing`);
  expect(() => file.numbers("inner")).toThrow('dataset "inner": not a dataset');
  expect(() => file.numbers("text")).toThrow('dataset "text": holds no numbers');
  expect(() => file.bytes("floats", 0)).toThrow('dataset "floats": expected byte strings');
  expect(() => file.bytes("bytes", 0)).toThrow("expected one axis, found 3 (4 x 3 x 2)");
  expect(() => file.numbers("bytes", { start: 2, end: 5 })).toThrow("rows 2 to 4 asked for, but it has 4");
  expect(() => file.keys("none")).toThrow('group "none": missing');
  file.close();
  expect(() => file.numbers("floats")).toThrow("closed");
});

test("files that are absent, foreign or cut short are named with the reason", async () => {
  const path = await writeExample("c.hdf5");
  const bytes = readFileSync(path);
  writeFileSync(at("cut.hdf5"), bytes.subarray(0, bytes.length / 2));
  writeFileSync(at("foreign.hdf5"), "this is no HDF5 file");
  for (const [name, reason] of [
    ["none.hdf5", "could not be read"],
    ["foreign.hdf5", "not a readable HDF5 file: file signature not found"],
    ["cut.hdf5", "not a readable HDF5 file: truncated file"],
  ] as const) {
    const error = await openHdf5(at(name)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toContain(`${at(name)}: ${reason}`);
  }
});

test("damage in the content of a dataset is an error, not zeros", async () => {
  const path = await writeExample("d.hdf5");
  const bytes = readFileSync(path);
  const signature = bytes.indexOf(Buffer.from([0x78, 0x5e])); // where deflate's data begin
  const at0 = signature < 0 ? bytes.indexOf(Buffer.from([0x78, 0x01])) : signature;
  expect(at0).toBeGreaterThan(0);
  bytes.fill(0xff, at0, at0 + 6);
  writeFileSync(at("damaged.hdf5"), bytes);
  using file = await openHdf5(at("damaged.hdf5"));
  expect(() => file.numbers("bytes")).toThrow(/damaged\.hdf5: dataset "bytes": /);
});

withExample("byte strings of h5py keep every byte: the JPEG files of a RECON trajectory", async () => {
  using file = await openHdf5(recon);
  expect(file.shape("images/rgb_left")).toEqual([16]);
  const sums = [0, 15].map((i) => {
    const bytes = file.bytes("images/rgb_left", i);
    expect([...bytes.subarray(0, 2), ...bytes.subarray(-2)]).toEqual([0xff, 0xd8, 0xff, 0xd9]);
    return `${bytes.length} ${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`;
  });
  // h5py: f["images/rgb_left"][i]
  expect(sums).toEqual(["36001 d54ad1f58d45cb9e", "36028 b2cad529d6a4344e"]);
  expect(() => file.bytes("images/rgb_left", 16)).toThrow("rows 16 to 16 asked for, but it has 16");
});
