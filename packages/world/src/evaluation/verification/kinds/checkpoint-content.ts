// What a checkpoint file gave, against what it must: tensors bit for bit, and the values beside them.
import {
  openSafetensors,
  safetensorsDTypeOf,
  type SafetensorsFile,
  type TorchArchive,
  type TorchTensorRecord,
} from "@vid2world/formats";

import { compareExactly, refuted, type Check } from "../check.js";
import type { CheckpointEntry } from "./checkpoints.js";

/** Names, element types, shapes and bytes must be those of the safetensors file `expected`. */
export async function compareArchive(
  archive: TorchArchive,
  entry: CheckpointEntry,
  expected: string,
): Promise<Check[]> {
  await using file = await openSafetensors(expected);
  const found = namedTensors(archive, entry);
  const extra = [...found.keys()].filter((name) => !file.tensors.has(name));
  const checks: Check[] = [compareExactly("names", extra.length === 0, `not recorded: ${extra.join(", ")}`)];
  for (const name of file.tensors.keys()) {
    const tensor = found.get(name);
    checks.push(tensor === undefined ? refuted(name, "is missing") : await compareOne(archive, file, name, tensor));
  }
  return [...checks, ...compareScalars(archive.root, entry.scalars)];
}

/** The tensors where the manifest says that they are, without the prefix that it says they have. */
function namedTensors(
  archive: TorchArchive,
  { tensors_under, strip_prefix_chars, prefix = "" }: CheckpointEntry,
): Map<string, TorchTensorRecord> {
  const cut = strip_prefix_chars ?? prefix.length;
  return new Map([...archive.tensors(tensors_under ?? null)].map(([name, tensor]) => [name.slice(cut), tensor]));
}

async function compareOne(
  archive: TorchArchive,
  file: SafetensorsFile,
  name: string,
  tensor: TorchTensorRecord,
): Promise<Check> {
  const wanted = file.tensors.get(name);
  const dtype = safetensorsDTypeOf(tensor.dtype);
  if (dtype !== wanted?.dtype || tensor.shape.join() !== wanted?.shape.join()) {
    return refuted(
      name,
      `is ${dtype} [${tensor.shape.join(", ")}], recorded ${wanted?.dtype} [${wanted?.shape.join(", ")}]`,
    );
  }
  const [got, expected] = [await archive.read(tensor), await file.read(name)];
  return compareExactly(name, Buffer.compare(got, expected) === 0, "its bytes differ from the recorded ones");
}

function compareScalars(root: unknown, scalars: Readonly<Record<string, unknown>>): Check[] {
  return Object.entries(scalars).map(([key, expected]) => {
    const got: unknown = root instanceof Map ? root.get(key) : undefined;
    const show = (value: unknown): string =>
      typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? "nothing");
    return compareExactly(key, show(got) === show(expected), `is ${show(got)}, recorded ${show(expected)}`);
  });
}

/** The tensor `w` below a key must hold these float32 numbers, and be the only one. */
export async function compareFirstTensor(
  archive: TorchArchive,
  under: string | null,
  expected: readonly number[],
): Promise<Check[]> {
  const tensors = under === null ? archive.stateDict().tensors : archive.tensors(under);
  const tensor = tensors.get("w");
  if (tensor === undefined) return [refuted("w", `is missing, and the file was not refused (${tensors.size} tensors)`)];
  const values = [...new Float32Array((await archive.read(tensor)).buffer)];
  return [
    compareExactly(
      "w",
      values.join() === expected.join(),
      `is [${values.join(", ")}], expected [${expected.join(", ")}]`,
    ),
  ];
}
