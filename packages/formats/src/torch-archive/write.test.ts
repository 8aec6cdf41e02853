// Checkpoints written here: read back here, read by PyTorch, saved by it in every form and read here again, bit for bit.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import { InvalidArgumentError } from "../errors.js";
import { OrderedDict, tuple } from "../pickle/values.js";
import { TORCH_DTYPES, torchDTypeFacts, type TorchDType } from "./dtypes.js";
import { openTorchArchive } from "./open.js";
import { TorchTensorInput, writeTorchArchive } from "./write.js";

const folder = mkdtempSync(join(tmpdir(), "torch-archive-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pythons = ["/usr/bin/python3", join(homedir(), ".cache/vid2world/oracle/bin/python")].filter(
  (python) => existsSync(python) && spawnSync(python, ["-c", "import torch"]).status === 0,
);

/** Bytes that look like nothing in particular: NaN payloads, denormals and all. */
function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (state * 1103515245 + 12345) % 2 ** 31) >> 16);
}

const inputOf = (dtype: TorchDType, shape: readonly number[], seed?: number): TorchTensorInput => {
  const length = shape.reduce((product, size) => product * size, torchDTypeFacts(dtype).size);
  const bytes = noise(length, seed);
  return new TorchTensorInput(dtype, shape, dtype === "bool" ? bytes.map((byte) => byte & 1) : bytes);
};

/** Every element type that has a storage class (all that PyTorch 1.13 knows), and every kind of shape. */
const dtypes = (Object.keys(TORCH_DTYPES) as TorchDType[]).filter((dtype) => torchDTypeFacts(dtype).storage);

function exampleStateDict(): OrderedDict<string, TorchTensorInput> {
  const tensors = new OrderedDict<string, TorchTensorInput>();
  for (const [i, dtype] of dtypes.entries()) tensors.set(`every.${dtype}`, inputOf(dtype, [2, 3, i], i + 1));
  tensors.set("scalar", inputOf("float32", []));
  tensors.set("__proto__", inputOf("int64", [1]));
  tensors.set("tied.a", inputOf("float16", [5, 2]));
  tensors.set("tied.b", tensors.get("tied.a") ?? inputOf("float16", []));
  tensors.attributes = new Map([["_metadata", new OrderedDict([["", new Map([["version", 1]])]])]]);
  return tensors;
}

async function expectSame(path: string, tensors: ReadonlyMap<string, TorchTensorInput>): Promise<void> {
  await using checkpoint = await openTorchArchive(path);
  const found = checkpoint.stateDict();
  expect(found.under).toBe("state_dict");
  expect([...found.tensors.keys()]).toEqual([...tensors.keys()]);
  for (const [name, { dtype, shape, bytes }] of tensors) {
    const tensor = found.tensors.get(name);
    expect([tensor?.dtype, tensor?.shape], name).toEqual([dtype, shape]);
    if (tensor) expect(Buffer.compare(await checkpoint.read(tensor), bytes as Uint8Array), name).toBe(0);
  }
}

test("what is written is read back, bit for bit, and values beside the tensors too", async () => {
  const path = join(folder, "own.ckpt");
  const tensors = exampleStateDict();
  await writeTorchArchive(path, { state_dict: tensors, epoch: 3, size: tuple(1, 2), nested: [{ text: "ä" }] });
  await expectSame(path, tensors);
  await using checkpoint = await openTorchArchive(path);
  const root = checkpoint.root as Map<string, unknown>;
  expect([root.get("epoch"), root.get("size"), root.get("nested")]).toEqual([3, [1, 2], [new Map([["text", "ä"]])]]);
  expect((root.get("state_dict") as OrderedDict).attributes?.has("_metadata")).toBe(true);
  // Tied tensors share a storage.
  expect(checkpoint.storages.size).toBe(tensors.size - 1);
});

test("equal content gives equal bytes, and every storage begins at a multiple of 64", async () => {
  const [a, b] = [join(folder, "a.ckpt"), join(folder, "b.ckpt")];
  await writeTorchArchive(a, { state_dict: exampleStateDict() });
  await writeTorchArchive(b, { state_dict: exampleStateDict() });
  const bytes = readFileSync(a);
  expect(bytes.equals(readFileSync(b))).toBe(true);
  for (let at = bytes.indexOf("PK\x03\x04"); at >= 0; at = bytes.indexOf("PK\x03\x04", at + 1)) {
    expect((at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28)) % 64).toBe(0);
  }
});

test("bytes may come later or in pieces; a wrong number of them fails and leaves no file", async () => {
  const path = join(folder, "pieces.ckpt");
  const pieces = new TorchTensorInput("uint8", [5], async function* () {
    yield Uint8Array.of(1, 2);
    yield await Promise.resolve(Uint8Array.of(3, 4, 5));
  });
  const later = new TorchTensorInput("uint8", [2], () => Promise.resolve(Uint8Array.of(6, 7)));
  await writeTorchArchive(path, { pieces, later });
  await using checkpoint = await openTorchArchive(path);
  const read = await Promise.all([...checkpoint.tensors().values()].map((tensor) => checkpoint.read(tensor)));
  expect(read.map((bytes) => [...bytes])).toEqual([[1, 2, 3, 4, 5], [6, 7]]); // prettier-ignore
  for (const length of [1, 3]) {
    const wrong = new TorchTensorInput("uint8", [2], () => new Uint8Array(length));
    await expect(writeTorchArchive(join(folder, "wrong.ckpt"), { wrong })).rejects.toThrow(InvalidArgumentError);
  }
  expect(readdirSync(folder).filter((name) => name.includes("wrong"))).toEqual([]);
});

test("bad tensors are refused when they are made", () => {
  expect(() => new TorchTensorInput("float32", [2], new Uint8Array(4))).toThrow(/8 bytes for float32 \[2\]/);
  expect(() => new TorchTensorInput("float32", [-1], new Uint8Array(4))).toThrow(InvalidArgumentError);
  expect(() => new TorchTensorInput("float31" as "float32", [1], new Uint8Array(4))).toThrow(InvalidArgumentError);
  expect(() => new TorchTensorInput("float32", [2 ** 30, 2 ** 30], () => new Uint8Array(4))).toThrow(/2\^53/);
});

/** Loads with and without `weights_only`, checks what Python sees, and saves in both containers. */
const PROGRAM = `
import collections, sys, torch
path = sys.argv[1]
for weights_only in (True, False):
  loaded = torch.load(path, weights_only=weights_only)
  tensors = loaded["state_dict"]
  assert type(tensors) is collections.OrderedDict and tensors._metadata[""] == {"version": 1}
  assert loaded["global_step"] == 2**40 and loaded["epoch"] == 3 and loaded["pytorch-lightning_version"] == "1.9.3"
  assert tensors["tied.a"] is tensors["tied.b"] and tensors["scalar"].shape == ()
  assert tensors["every.int8"].dtype is torch.int8 and all(t.is_contiguous() for t in tensors.values())
torch.save(loaded, path + ".zip")
torch.save(loaded, path + ".legacy", _use_new_zipfile_serialization=False)
# The same values as views: transposed, in one storage, behind an offset.
views = collections.OrderedDict()
for name, tensor in tensors.items():
  base = torch.empty((3, *reversed(tensor.shape)), dtype=tensor.dtype)
  base[1] = tensor.permute(tuple(reversed(range(tensor.dim()))))
  views[name] = base[1].permute(tuple(reversed(range(tensor.dim()))))
  assert torch.equal(views[name].contiguous().view(-1).view(torch.uint8) if tensor.numel() else tensor,
                     tensor.view(-1).view(torch.uint8) if tensor.numel() else tensor)
torch.save({"state_dict": views}, path + ".views")
torch.save({"state_dict": views}, path + ".legacyviews", _use_new_zipfile_serialization=False)
print(torch.__version__)
`;

describe.skipIf(pythons.length === 0)("PyTorch (skipped where no Python has it)", () => {
  test.each(pythons)("%s loads what is written here, and what it saves is read here bit for bit", async (python) => {
    const path = join(folder, `python-${pythons.indexOf(python)}.ckpt`);
    const tensors = exampleStateDict();
    const beside = { epoch: 3, global_step: 2 ** 40, "pytorch-lightning_version": "1.9.3" };
    await writeTorchArchive(path, { state_dict: tensors, ...beside });
    execFileSync(python, ["-c", PROGRAM, path], { encoding: "utf8" });
    for (const form of ["zip", "legacy", "views", "legacyviews"]) await expectSame(`${path}.${form}`, tensors);
  });
});
