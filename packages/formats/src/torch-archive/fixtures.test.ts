// Every recorded checkpoint: sound ones bit for bit, damaged and hostile ones refused, and nothing in any of them runs.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

import { FormatError } from "../errors.js";
import { openSafetensors } from "../safetensors.js";
import { torchDTypeOf } from "./dtypes.js";
import { openTorchArchive } from "./open.js";

interface Entry {
  readonly expected?: string;
  readonly tensors_under?: string | null;
  readonly prefix?: string;
  readonly strip_prefix_chars?: number;
  readonly format?: "zip" | "legacy";
  readonly scalars?: Readonly<Record<string, unknown>>;
  readonly malicious?: boolean;
  readonly corrupt?: string;
  readonly may_load?: { readonly tensors_under: string | null; readonly w: readonly number[] };
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..");
const folder = resolve(root, process.env["VID2WORLD_SHARED"] ?? "../shared", "fixtures/ckpt");
const manifest = join(folder, "ckpt.json");
const files = existsSync(manifest)
  ? Object.entries((JSON.parse(readFileSync(manifest, "utf8")) as { files: Record<string, Entry> }).files)
  : [];
const MARKER = "/tmp/PWNED_BY_PICKLE";

const sound = files.filter(([, entry]) => entry.expected !== undefined);
const hostile = files.filter(([, entry]) => entry.malicious);
const damaged = files.filter(([, entry]) => entry.corrupt !== undefined);

describe.skipIf(files.length === 0)("recorded checkpoints (skipped where the fixtures are absent)", () => {
  test("there are some of every kind", () => {
    expect([sound, hostile, damaged].every(({ length }) => length > 0)).toBe(true);
  });

  test.each(sound)("%s gives the expected tensors, bit for bit", async (name, entry) => {
    await using checkpoint = await openTorchArchive(join(folder, name));
    await using expected = await openSafetensors(join(folder, entry.expected ?? ""));
    const tensors = checkpoint.tensors(entry.tensors_under ?? null);
    const prefix = entry.prefix ?? "";
    expect([...tensors.keys()].sort()).toEqual([...expected.tensors.keys()].map((key) => prefix + key).sort());
    for (const [key, { dtype, shape }] of expected.tensors) {
      const tensor = tensors.get(prefix + key);
      if (tensor === undefined) throw new Error(`${key} is missing`);
      expect([tensor.dtype, tensor.shape], key).toEqual([torchDTypeOf(dtype), shape]);
      const bytes = await checkpoint.read(tensor);
      expect(Buffer.compare(bytes, await expected.read(key)), key).toBe(0);
      expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, bytes.byteLength]);
    }
    if (entry.format !== undefined) expect(checkpoint.container).toBe(entry.format);
    const values = checkpoint.root as Map<unknown, unknown>;
    for (const [key, value] of Object.entries(entry.scalars ?? {})) expect(values.get(key)).toEqual(value);
    // Optimizer states and what hangs in hyper-parameters included, cycles or not.
    expect(checkpoint.tensors().size).toBeGreaterThanOrEqual(tensors.size);
    const found = checkpoint.stateDict();
    expect([found.under, found.prefix]).toEqual([entry.tensors_under ?? null, prefix]);
    expect([...found.tensors.keys()].sort()).toEqual([...expected.tensors.keys()].sort());
  });

  test.each(hostile)("%s is refused, or gives w = [1, 1] with the object inert", async (name) => {
    try {
      await using checkpoint = await openTorchArchive(join(folder, name));
      const w = checkpoint.tensors("state_dict").get("w");
      expect(name).not.toContain("evil_in_rebuild");
      if (w === undefined) throw new Error("w is missing");
      expect([...new Float32Array((await checkpoint.read(w)).buffer)]).toEqual([1, 1]);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
    expect(existsSync(MARKER)).toBe(false);
  });

  test.each(damaged)("%s is refused with a sentence", async (name) => {
    const path = join(folder, name);
    const attempt = async (): Promise<void> => {
      await using checkpoint = await openTorchArchive(path);
      for (const tensor of checkpoint.tensors().values()) await checkpoint.read(tensor);
    };
    const error = await attempt().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).file).toBe(path);
    expect((error as FormatError).message).toMatch(/^\S.{20,}[^.]$/);
  });
});
