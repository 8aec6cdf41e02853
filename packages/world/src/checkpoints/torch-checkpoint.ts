// A PyTorch archive as a checkpoint: bare state dicts, Lightning's and DeepSpeed's files. Nothing in it is ever called.
import { FormatError } from "@vid2world/formats";
import { openTorchArchive, type TorchArchive } from "@vid2world/formats/torch-archive/open";
import { findStateDict } from "@vid2world/formats/torch-archive/state-dict";

import { entryOf, requireTensors, unwrapKeys, type CheckpointFacts, type CheckpointFile } from "./checkpoint-file.js";
import { recordedFacts, SETTINGS_KEY } from "./recorded-settings.js";
import { refuseCode, surveyObjects } from "./survey-objects.js";

/** Opens a zip archive or a legacy file of PyTorch. @throws FormatError */
export async function openTorchCheckpoint(path: string): Promise<CheckpointFile> {
  const archive = await openTorchArchive(path);
  try {
    return requireTensors(asCheckpoint(archive));
  } catch (error) {
    await archive.close();
    throw error;
  }
}

function asCheckpoint(archive: TorchArchive): CheckpointFile {
  const { path, container, root } = archive;
  const { under, prefix, tensors } = findStateDict(root);
  const bare = unwrapKeys(tensors.keys());
  const stored = new Map([...tensors].map(([key, record]) => [bare(key), record]));
  const checkpoint: CheckpointFile = {
    path,
    container: container === "zip" ? "PyTorch zip archive" : "PyTorch legacy file",
    layout: under === "module" || prefix !== "" ? "deepspeed" : under === "state_dict" ? "lightning" : "plain",
    tensors: new Map([...stored].map(([key, { dtype, shape }]) => [key, { dtype, shape }])),
    facts: factsOf(path, root),
    read: async (key) => {
      entryOf(checkpoint, key);
      const record = stored.get(key);
      if (!record) throw new FormatError(path, `holds no tensor ${JSON.stringify(key)}`);
      return archive.read(record);
    },
    close: () => archive.close(),
    [Symbol.asyncDispose]: () => archive.close(),
  };
  return checkpoint;
}

function factsOf(path: string, root: unknown): CheckpointFacts {
  const at = (...keys: readonly string[]): unknown =>
    root instanceof Map
      ? keys
          .map((key) => (root as Map<unknown, unknown>).get(key))
          .find((value) => value !== undefined && value !== null)
      : undefined;
  const number = (value: unknown): number | undefined =>
    typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
  const step = number(at("global_step", "global_steps"));
  const epoch = number(at("epoch"));
  const lightning = at("pytorch-lightning_version");
  const own = at(SETTINGS_KEY);
  const metadata: Record<string, string> = typeof own === "string" ? { [SETTINGS_KEY]: own } : {};
  const { temporalLength, transfer, classes } = surveyObjects(root);
  refuseCode(path, classes);
  return {
    optimizer: at("optimizer_states", "optimizer", "optimizer_state_dict") !== undefined,
    foreignClasses: [...classes].sort(),
    metadata,
    ...(step !== undefined && { step }),
    ...(epoch !== undefined && { epoch }),
    ...(typeof lightning === "string" && { lightning }),
    ...(temporalLength !== undefined && { temporalLength }),
    ...(transfer !== undefined && { transfer }),
    ...recordedFacts(metadata),
  };
}
