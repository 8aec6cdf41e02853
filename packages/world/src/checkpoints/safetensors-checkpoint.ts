// A safetensors file as a checkpoint.
import { openSafetensors, type SafetensorsDType } from "@vid2world/formats";

import { requireTensors, unwrapKeys, type CheckpointFile } from "./checkpoint-file.js";
import { recordedFacts } from "./recorded-settings.js";

/** Element types under PyTorch's names. */
const DTYPES: Readonly<Record<SafetensorsDType, string>> = {
  BOOL: "bool", U8: "uint8", I8: "int8", F8_E5M2: "float8_e5m2", F8_E4M3: "float8_e4m3fn", F8_E8M0: "float8_e8m0fnu",
  U16: "uint16", I16: "int16", F16: "float16", BF16: "bfloat16",
  U32: "uint32", I32: "int32", F32: "float32",
  U64: "uint64", I64: "int64", F64: "float64", C64: "complex64",
}; // prettier-ignore

/** Opens a safetensors file. @throws FormatError */
export async function openSafetensorsCheckpoint(path: string): Promise<CheckpointFile> {
  const file = await openSafetensors(path);
  const bare = unwrapKeys(file.tensors.keys());
  const stored = new Map([...file.tensors].map(([key, entry]) => [bare(key), entry]));
  const longest = Math.max(0, ...[...file.tensors.values()].map(({ begin, end }) => end - begin));
  let staging: Uint8Array | undefined;
  const checkpoint: CheckpointFile = {
    path,
    container: "safetensors",
    layout: "plain",
    tensors: new Map([...stored].map(([key, { dtype, shape }]) => [key, { dtype: DTYPES[dtype], shape }])),
    facts: {
      optimizer: [...stored.keys()].some((key) => key.startsWith("optimizer.")),
      foreignClasses: [],
      metadata: file.metadata,
      ...recordedFacts(file.metadata),
    },
    read: async (key) => {
      const entry = stored.get(key);
      staging ??= new Uint8Array(longest);
      return entry === undefined ? file.read(key) : file.read(entry.name, staging.subarray(0, entry.end - entry.begin));
    },
    close: () => file.close(),
    [Symbol.asyncDispose]: () => file.close(),
  };
  try {
    return requireTensors(checkpoint);
  } catch (error) {
    await file.close();
    throw error;
  }
}
