// Damage: small checkpoints cut at every byte, with every byte changed, and hand-made lies about sizes and positions.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { FormatError, InvalidArgumentError } from "../errors.js";
import { OrderedDict, PickleGlobal, PickleObject, PicklePersistentId, tuple } from "../pickle/values.js";
import { writePickle } from "../pickle/write.js";
import { writeSafetensors } from "../safetensors.js";
import { openTorchArchive } from "./open.js";
import { TorchTensorRecord } from "./records.js";
import { findStateDict, tensorsBelow } from "./state-dict.js";
import { TorchTensorInput, writeTorchArchive } from "./write.js";

const folder = mkdtempSync(join(tmpdir(), "torch-archive-"));
afterAll(() => rmSync(folder, { recursive: true }));
const small = join(folder, "small.ckpt");

beforeAll(async () => {
  const w = new TorchTensorInput("float32", [2], new Uint8Array(Float32Array.of(1, 2).buffer));
  const v = new TorchTensorInput("int64", [1], new Uint8Array(8));
  const tensors = new OrderedDict([["w", w], ["v", v]]); // prettier-ignore
  await writeTorchArchive(small, { state_dict: tensors, step: 7 });
});

/** Everything that a reader gets out of a checkpoint, as text. */
async function contentOf(path: string): Promise<string> {
  await using checkpoint = await openTorchArchive(path);
  const tensors = [...checkpoint.stateDict().tensors];
  const texts = tensors.map(async ([name, tensor]) => {
    return `${name} ${tensor.toString()} ${Buffer.from(await checkpoint.read(tensor)).toString("hex")}`;
  });
  return (await Promise.all(texts)).join("\n");
}

async function contentOfBytes(bytes: Uint8Array, name = "damaged.ckpt"): Promise<string | FormatError> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return contentOf(path).catch((error: unknown) => {
    if (error instanceof FormatError && error.file === path) return error;
    throw error;
  });
}

/** A legacy checkpoint, byte by byte as PyTorch before 1.6 wrote it. */
function legacyBytes({ littleEndian = true, magic = 0x1950a86a20f9469cfc6cn, version = 1001, keys = ["a"] } = {}) {
  const id = new PicklePersistentId(tuple("storage", new PickleGlobal("torch", "IntStorage"), "a", "cuda:0", 2, null));
  const args = tuple(id, 0, tuple(2), tuple(1), false, new OrderedDict());
  const tensor = new PickleObject({
    callable: new PickleGlobal("torch._utils", "_rebuild_tensor_v2"),
    args,
    how: "call",
  });
  const count = Buffer.alloc(8);
  if (littleEndian) count.writeBigInt64LE(2n);
  else count.writeBigInt64BE(2n);
  const data = littleEndian ? [1, 0, 0, 0, 2, 0, 0, 0] : [0, 0, 0, 1, 0, 0, 0, 2];
  const machine = { protocol_version: 1001, little_endian: littleEndian };
  const pickles = [magic, version, machine, { module: { "_forward_module.w": tensor } }, keys].map((value) =>
    writePickle(value),
  );
  return Buffer.concat([...pickles, count, Buffer.from(data)]);
}

describe("a zip", () => {
  test("cut at any byte is refused", async () => {
    const bytes = readFileSync(small);
    for (let length = 0; length < bytes.length; length++) {
      expect(await contentOfBytes(bytes.subarray(0, length)), `${length}`).toBeInstanceOf(FormatError);
    }
  });

  test("with any byte changed is refused, or means the same: checksums cover all that is read", async () => {
    const bytes = readFileSync(small);
    const content = await contentOf(small);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      const result = await contentOfBytes(changed);
      if (!(result instanceof FormatError)) expect(result, `byte ${at}`).toBe(content);
    }
  });

  test("whose directory points beyond all numbers is refused", async () => {
    // An empty zip64 directory end: its locator, then the record, with positions near 2^63.
    const end = Buffer.alloc(20 + 22);
    end.write("PK\x06\x07", 0, "latin1");
    end.writeBigUInt64LE(2n ** 63n - 1n, 8);
    end.write("PK\x05\x06", 20, "latin1");
    const result = await contentOfBytes(Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(100), end]));
    expect(result).toBeInstanceOf(FormatError);
  });

  test("with bytes in front, or two pickles, or a name twice is refused", async () => {
    const bytes = readFileSync(small);
    const rename = (from: string, to: string): Buffer => {
      expect(to).toHaveLength(from.length);
      return Buffer.from(bytes.toString("latin1").replaceAll(from, to), "latin1");
    };
    expect(await contentOfBytes(Buffer.concat([Buffer.from("PK\x03\x04"), bytes]))).toBeInstanceOf(FormatError);
    expect(String(await contentOfBytes(rename("archive/byteorder", "archiveX/data.pkl")))).toMatch(/has 2 data\.pkl/);
    expect(String(await contentOfBytes(rename("archive/data/1", "archive/data/0")))).toMatch(
      /"archive\/data\/0" twice/,
    );
  });
});

describe("a legacy file", () => {
  test("gives its tensors in either byte order, found where DeepSpeed keeps them, the prefix cut off", async () => {
    for (const littleEndian of [true, false]) {
      expect(await contentOfBytes(legacyBytes({ littleEndian }))).toBe("w int32 [2] 0100000002000000");
    }
  });

  test("cut at any byte is refused", async () => {
    const bytes = legacyBytes();
    for (let length = 0; length < bytes.length; length++) {
      expect(await contentOfBytes(bytes.subarray(0, length)), `${length}`).toBeInstanceOf(FormatError);
    }
  });

  test("with any byte changed is read or refused, never worse", async () => {
    const bytes = legacyBytes();
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      await contentOfBytes(changed); // throws for any error but FormatError
    }
  });

  test("that breaks the form says how", async () => {
    expect(String(await contentOfBytes(legacyBytes({ magic: 1n })))).toMatch(/magic number is missing/);
    expect(String(await contentOfBytes(legacyBytes({ version: 7 })))).toMatch(/legacy format 7/);
    expect(String(await contentOfBytes(legacyBytes({ keys: [] })))).toMatch(/storage a is missing/);
    expect(String(await contentOfBytes(legacyBytes({ keys: ["b"] })))).toMatch(/storage b belongs to no tensor/);
    expect(String(await contentOfBytes(legacyBytes({ keys: ["a", "a"] })))).toMatch(/storage a is listed twice/);
  });
});

describe("a file that is something else is called by its name:", () => {
  const cases: [string, Uint8Array | string, RegExp][] = [
    ["empty", "", /empty/],
    ["text", "hello\nworld\n", /text/],
    ["a web page", "<!DOCTYPE html><html>", /web page/],
    ["a git-lfs pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", /git lfs pull/],
    ["HDF5", "\x89HDF\r\n\x1a\n", /HDF5/],
    ["gzip", "\x1f\x8b\x08", /gzip/],
    ["numpy", "\x93NUMPY\x01\x00", /numpy/],
    ["an empty zip", "PK\x05\x06" + "\0".repeat(18), /empty zip/],
    ["a plain pickle", writePickle({ a: 1 }), /a pickle, but no checkpoint/],
    ["noise", "\x00\x01\x02\x03", /no format/],
  ];
  test.each(cases)("%s", async (_, content, message) => {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
    expect(String(await contentOfBytes(bytes))).toMatch(message);
  });

  test("safetensors", async () => {
    const path = join(folder, "model.safetensors");
    await writeSafetensors(path, [{ name: "a", dtype: "U8", shape: [1], bytes: new Uint8Array(1) }]);
    await expect(openTorchArchive(path)).rejects.toThrow(/a safetensors file; open it as one/);
  });

  test("a folder or nothing at all is the system's error", async () => {
    await expect(openTorchArchive(join(folder, "absent"))).rejects.toThrow(/ENOENT/);
  });
});

test("a tensor of another file is refused by name", async () => {
  const other = join(folder, "other.ckpt");
  await writeTorchArchive(other, { w: new TorchTensorInput("uint8", [1], new Uint8Array(1)) });
  await using a = await openTorchArchive(small);
  await using b = await openTorchArchive(other);
  for (const tensor of b.tensors().values()) await expect(a.read(tensor)).rejects.toThrow(InvalidArgumentError);
});

describe("finding tensors", () => {
  test("cycles, knots and endless chains of hyper-parameters end", () => {
    const storage = { key: "0", byteLength: 4, location: "cpu" };
    const w = new TorchTensorRecord({ dtype: "float32", shape: [], stride: [], offset: 0, storage });
    const parent = new PickleObject({ callable: new PickleGlobal("omegaconf", "DictConfig"), args: [], how: "new" });
    const child = new PickleObject({ callable: new PickleGlobal("omegaconf", "AnyNode"), args: [], how: "new" });
    parent.state = new Map([["_content", child]]);
    child.state = new Map([["_parent", parent]]);
    let knot: unknown[] = [w];
    for (let i = 0; i < 100; i++) knot = [knot, knot];
    let chain: unknown[] = [];
    for (let i = 0; i < 100_000; i++) chain = [chain];
    const root = new Map<string, unknown>([["hyper_parameters", parent], ["knot", knot], ["chain", chain], ["w", w]]); // prettier-ignore
    expect([...tensorsBelow(root).keys()]).toEqual([`knot${".0".repeat(101)}`, "w"]);
  });

  test("two tensors of one name are refused", () => {
    const storage = { key: "0", byteLength: 4, location: "cpu" };
    const w = new TorchTensorRecord({ dtype: "float32", shape: [], stride: [], offset: 0, storage });
    const root = new Map<string, unknown>([["a.b", w], ["a", new Map([["b", w]])]]); // prettier-ignore
    expect(() => tensorsBelow(root, null, "x.ckpt")).toThrow(/x\.ckpt: two tensors are called "a\.b"/);
  });

  test("a key that is not there gives nothing", () => {
    expect(tensorsBelow(new Map(), "state_dict").size).toBe(0);
    expect(tensorsBelow(7).size).toBe(0);
    expect(findStateDict(null).tensors.size).toBe(0);
  });
});

const python = "/usr/bin/python3";
const hasTorch = existsSync(python) && spawnSync(python, ["-c", "import torch"]).status === 0;

test.skipIf(!hasTorch)(
  "modules saved whole and TorchScript give their tensors by name (needs python3-torch)",
  async () => {
    const program = `
import sys, torch
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
torch.save(model, sys.argv[1] + "/whole.pt")
torch.jit.script(model).save(sys.argv[1] + "/script.pt")
sparse = torch.eye(2).to_sparse()
torch.save({"sparse": sparse, "w": torch.ones(1), "p": torch.nn.Parameter(torch.ones(2))}, sys.argv[1] + "/kinds.pt")`;
    execFileSync(python, ["-c", program, folder]);
    await using script = await openTorchArchive(join(folder, "script.pt"));
    expect([...script.tensors().keys()]).toContain("0.weight");
    await using whole = await openTorchArchive(join(folder, "whole.pt"));
    expect([...whole.tensors().keys()]).toContain("_modules.0._parameters.weight");
    await using kinds = await openTorchArchive(join(folder, "kinds.pt"));
    const tensors = kinds.tensors();
    expect([...tensors.keys()]).toEqual(["w", "p"]);
    expect([tensors.get("w")?.requiresGrad, tensors.get("p")?.requiresGrad]).toEqual([false, true]);
  },
);
