// .npy and .npz against numpy, both directions, and every kind of damage.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FormatError } from "../errors.js";
import { float16ToFloat32, float32ToFloat16, type NpyArray, type NpyDType } from "./dtypes.js";
import { decodeNpy, encodeNpy, readNpy, writeNpy } from "./npy.js";
import { readNpz, readNpzHeaders, writeNpz } from "./npz.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-npy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

const PYTHON = "/usr/bin/python3";
const noNumpy = spawnSync(PYTHON, ["-c", "import numpy"]).status !== 0;
const python = (code: string, ...args: string[]): string =>
  execFileSync(PYTHON, ["-c", `import json, sys, numpy as np\nfolder = sys.argv[1]\n${code}`, folder, ...args], {
    encoding: "utf8",
  });
const withNumpy = test.skipIf(noNumpy); // numpy is the oracle

const plain = (array: NpyArray | undefined): (number | string)[] =>
  Array.from((array?.data ?? []) as Iterable<number | bigint>, (value) =>
    typeof value === "bigint" ? String(value) : Object.is(value, -0) ? 0 : value,
  );

const dtypes: NpyDType[] = [
  "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64",
]; // prettier-ignore

withNumpy("arrays of every type, byte order and memory order are read as numpy holds them", async () => {
  const cases = JSON.parse(
    python(
      `
out = []
rng = np.random.default_rng(0)
for name in sys.argv[2].split(","):
    for order in "<>":
        for fortran in (False, True):
            for shape in ((), (5,), (2, 3, 4), (0, 3)):
                a = (rng.normal(size=shape) * 40)
                a = (a > 0) if name == "bool" else a.astype(name)
                a = np.asarray(a).astype(np.dtype(name).newbyteorder(order))
                a = np.asfortranarray(a).reshape(shape) if fortran else a
                file = f"{name}{order == '>'}{fortran}{len(shape)}.npy"
                np.save(f"{folder}/{file}", a)
                values = [str(v) if name in ("int64", "uint64") else float(v) for v in np.asarray(a).flatten("C")]
                out.append([file, name, list(shape), values])
print(json.dumps(out))`,
      dtypes.join(","),
    ),
  ) as [string, string, number[], (number | string)[]][];
  expect(cases).toHaveLength(dtypes.length * 16);
  for (const [file, dtype, shape, values] of cases) {
    const array = await readNpy(at(file));
    expect([array.dtype, array.shape], file).toEqual([dtype, shape]);
    expect(plain(array), file).toEqual(values);
  }
});

withNumpy("numpy reads what is written, alone and in archives, stored and deflated", async () => {
  const arrays = new Map<string, NpyArray>([
    ["image", { dtype: "uint8", shape: [2, 3, 2], data: Uint8Array.from({ length: 12 }, (_, i) => i * 20) }],
    ["action", { dtype: "float32", shape: [2, 2], data: Float32Array.of(0.1, -2, Infinity, 1e-30) }],
    ["step", { dtype: "int64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) }],
    ["half", { dtype: "float16", shape: [3], data: Float32Array.of(0.1, 65504, 6e-8) }],
    ["flag", { dtype: "bool", shape: [], data: Uint8Array.of(1) }],
    ["empty", { dtype: "float64", shape: [0, 4], data: new Float64Array(0) }],
  ]);
  await writeNpz(at("stored.npz"), arrays);
  await writeNpz(at("deflated.npz"), arrays, { compress: true });
  await writeNpy(at("one.npy"), arrays.get("image") as NpyArray);
  const seen = python(`
for f in ("stored.npz", "deflated.npz"):
    z = np.load(f"{folder}/{f}")
    print(json.dumps([[k, str(z[k].dtype), z[k].shape, [repr(v) for v in z[k].flatten().tolist()]] for k in z.files]))
print(np.load(f"{folder}/one.npy").sum())`).trim().split("\n"); // prettier-ignore
  expect(seen[0]).toBe(seen[1]);
  expect(seen[2]).toBe("1320");
  const rows = JSON.parse(seen[0] ?? "") as [string, string, number[], string[]][];
  expect(rows.map(([name, dtype, shape]) => [name, dtype, shape])).toEqual(
    [...arrays].map(([n, a]) => [n, a.dtype, a.shape]),
  );
  expect(rows[1]?.[3]).toEqual(["0.10000000149011612", "-2.0", "inf", "1.0000000031710769e-30"]);
  expect(rows[2]?.[3]).toEqual(["-1", "4611686018427387904"]);
  expect(rows[3]?.[3]).toEqual(["0.0999755859375", "65504.0", "5.960464477539063e-08"]);
  expect(readFileSync(at("stored.npz"))).not.toEqual(readFileSync(at("deflated.npz")));
});

withNumpy("archives that numpy wrote are read back, whole or in part, and looked at without unpacking", async () => {
  python(`
np.savez_compressed(f"{folder}/n.npz", image=np.zeros((40, 64, 64, 3), np.uint8), action=np.arange(12, dtype=">f8").reshape(3, 4))
np.savez(f"{folder}/s.npz", a=np.arange(6).reshape(2, 3).T)`);
  const headers = await readNpzHeaders(at("n.npz"));
  expect([...headers].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
    ["image", "uint8", [40, 64, 64, 3]],
    ["action", "float64", [3, 4]],
  ]);
  const some = await readNpz(at("n.npz"), { names: ["action"] });
  expect([...some.keys()]).toEqual(["action"]);
  expect(plain(some.get("action"))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(plain((await readNpz(at("s.npz"))).get("a"))).toEqual(["0", "3", "1", "4", "2", "5"]);
  await expect(readNpz(at("n.npz"), { names: ["actions"] })).rejects.toThrow(
    'has no array "actions"; it holds image, action',
  );
  await expect(readNpz(at("n.npz"), { maxBytes: 100_000 })).rejects.toThrow(
    /unpacks to \d+ bytes, more than the 100000/,
  );
});

withNumpy("objects, text, records and complex numbers are refused with what to do", async () => {
  python(`
np.save(f"{folder}/o.npy", np.array([{}], dtype=object))
np.save(f"{folder}/u.npy", np.array(["a"]))
np.save(f"{folder}/r.npy", np.zeros(2, dtype=[("x", "f4")]))
np.save(f"{folder}/c.npy", np.zeros(2, np.complex64))`);
  await expect(readNpy(at("o.npy"))).rejects.toThrow(/"\|O": Python objects, which only running a pickle could read/);
  await expect(readNpy(at("u.npy"))).rejects.toThrow(/"<U1": text; save numbers/);
  await expect(readNpy(at("r.npy"))).rejects.toThrow(/holds records/);
  await expect(readNpy(at("c.npy"))).rejects.toThrow(/complex numbers/);
});

const sample = (): Buffer =>
  Buffer.from(encodeNpy({ dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }));

test("what is written is read back", () => {
  const { shape, data } = decodeNpy(sample());
  expect([shape, [...data]]).toEqual([[2, 3], [1, 2, 3, 4, 5, 6]]); // prettier-ignore
});

test("a file cut anywhere, or with something behind it, is named with the byte", async () => {
  const whole = sample();
  for (let length = 0; length < whole.length; length++) {
    expect(() => decodeNpy(whole.subarray(0, length), "x.npy"), String(length)).toThrow(FormatError);
  }
  expect(() => decodeNpy(Buffer.concat([whole, Buffer.from([0])]), "x.npy")).toThrow("25 bytes of elements");
  writeFileSync(at("cut.npy"), whole.subarray(0, -1));
  await expect(readNpy(at("cut.npy"))).rejects.toThrow(
    /cut\.npy at byte 128: 23 bytes of elements, but \(2, 3\) of float32 needs 24; cut short/,
  );
});

test("any flipped byte of a header gives a FormatError or an array, never another error", () => {
  const whole = sample();
  for (let i = 0; i < 128; i++) {
    for (const bit of [1, 16, 128]) {
      const bytes = Buffer.from(whole);
      bytes[i] = (bytes[i] ?? 0) ^ bit;
      try {
        decodeNpy(bytes, "x.npy");
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  }
});

test("a header that announces more than allowed is refused before memory is taken", () => {
  const bytes = Buffer.from(
    sample().toString("latin1").replace("(2, 3), }   ", "(99999, 99999), }").slice(0, 128),
    "latin1",
  );
  expect(() => decodeNpy(bytes)).toThrow(/announces \d+ bytes, more than the 4294967296 allowed/);
});

test("a damaged or foreign archive is named, and one whose sizes lie is not unpacked", async () => {
  const zeros: NpyArray = { dtype: "uint8", shape: [100_000], data: new Uint8Array(100_000) };
  await writeNpz(at("z.npz"), new Map([["zeros", zeros]]));
  const bytes = readFileSync(at("z.npz"));
  bytes[5000] = 1;
  writeFileSync(at("flipped.npz"), bytes);
  await expect(readNpz(at("flipped.npz"))).rejects.toThrow(/flipped\.npz\[zeros\] at byte 0: its checksum is wrong/);
  writeFileSync(at("cut.npz"), bytes.subarray(0, 3000));
  await expect(readNpz(at("cut.npz"))).rejects.toThrow(/not a readable .npz archive/);
  await writeNpz(at("d.npz"), new Map([["zeros", zeros]]), { compress: true });
  const bomb = readFileSync(at("d.npz"));
  bomb.writeUInt32LE(4_000_000_000, bomb.indexOf("PK\x01\x02", 0, "latin1") + 24); // the size in the table of contents
  writeFileSync(at("bomb.npz"), bomb);
  await expect(readNpz(at("bomb.npz"))).rejects.toThrow(/announces 4000000000 bytes from \d+; it lies/);
});

test("an array that does not fit its shape is not written, and nothing is left behind", async () => {
  const wrong: NpyArray = { dtype: "float32", shape: [3], data: Float32Array.of(1) };
  await expect(writeNpz(at("bad.npz"), new Map([["a", wrong]]))).rejects.toThrow(
    /a Float32Array of 3 elements \(float32\)/,
  );
  await expect(writeNpz(at("bad.npz"), new Map([["../a", { ...wrong, shape: [1] }]]))).rejects.toThrow(/names/);
  expect(readdirSync(folder).filter((name) => name.includes("bad"))).toEqual([]);
});

test("the same arrays give the same archive, byte for byte", async () => {
  const arrays = new Map<string, NpyArray>([
    ["a", { dtype: "uint8", shape: [70_000], data: new Uint8Array(70_000).fill(3) }],
  ]);
  await writeNpz(at("1.npz"), arrays, { compress: true });
  await writeNpz(at("2.npz"), arrays, { compress: true });
  expect(readFileSync(at("1.npz"))).toEqual(readFileSync(at("2.npz")));
});

test("half-precision numbers survive the way to float32 and back, all 65536 of them", () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const back = float32ToFloat16(float16ToFloat32(bits));
  const isNan = (half: number): boolean => (half & 0x7c00) === 0x7c00 && (half & 1023) !== 0;
  expect(bits.every((half, i) => back[i] === half || isNan(half))).toBe(true);
});
