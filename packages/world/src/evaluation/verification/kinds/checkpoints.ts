// Checkpoint files: sound ones must load to the last bit, malicious and broken ones must be refused, and nothing in any may run.
import { existsSync } from "node:fs";

import { FormatError, openTorchArchive, type TorchArchive } from "@vid2world/formats";
import * as z from "zod";

import { compareExactly, refuted, type Check } from "../check.js";
import type { Manifest } from "../fixture-set.js";
import { skipped, type CaseKind, type RecordedCase } from "../recorded-case.js";
import { compareArchive, compareFirstTensor } from "./checkpoint-content.js";

const entrySchema = z.looseObject({
  tensors_under: z.string().nullish(),
  prefix: z.string().optional(),
  strip_prefix_chars: z.int().optional(),
  expected: z.string().optional(),
  scalars: z.record(z.string(), z.unknown()).default({}),
  malicious: z.unknown().optional(),
  corrupt: z.unknown().optional(),
  must: z.string().default(""),
  note: z.string().default(""),
  may_load: z.looseObject({ tensors_under: z.string().nullish(), w: z.unknown() }).optional(),
});

const manifestSchema = z.looseObject({ files: z.record(z.string(), entrySchema) });

/** One file as the manifest describes it. */
export type CheckpointEntry = z.output<typeof entrySchema>;

/** What the malicious files make a state dict of. */
const HARMLESS = [1, 1];

/** One case per file. */
export const checkpoints: CaseKind = {
  name: "ckpt",
  cases(manifest) {
    const { files } = manifest.read(manifestSchema);
    // The manifest's rules name the file that hostile code would leave behind.
    const markers = [...new Set(JSON.stringify(files).match(/\/tmp\/[\w.-]*\w/g) ?? [])];
    const cases = Object.entries(files).map(([name, entry]): RecordedCase => {
      const check = checkerOf(entry);
      if (check === undefined) return skipped(name, "the manifest does not say what is right");
      const run: RecordedCase["run"] = async () => {
        const before = markers.filter(existsSync);
        const checks = await check(manifest.path(name), entry, manifest);
        const left = markers.filter((marker) => existsSync(marker) && !before.includes(marker));
        return [
          ...checks,
          compareExactly("nothing ran", left.length === 0, `${left.join(", ")} appeared: code was run`),
        ];
      };
      return { name, usesDtype: false, run };
    });
    return Promise.resolve(cases);
  },
};

type Checker = (path: string, entry: CheckpointEntry, manifest: Manifest) => Promise<Check[]>;

function checkerOf(entry: CheckpointEntry): Checker | undefined {
  if (entry.expected !== undefined) return soundFile;
  if (entry.malicious !== undefined) return maliciousFile;
  return entry.corrupt === undefined ? undefined : brokenFile;
}

async function soundFile(path: string, entry: CheckpointEntry, manifest: Manifest): Promise<Check[]> {
  const expected = manifest.path(entry.expected ?? "");
  // Some unusual files must be read correctly or refused.
  const mayRefuse = /refuse/.test(`${entry.note} ${entry.must}`);
  return attempt(path, (archive) => compareArchive(archive, entry, expected), { mayRefuse });
}

/** Refused, or read as the harmless state dict that it also holds. */
const maliciousFile: Checker = (path, { tensors_under }) =>
  attempt(path, (archive) => compareFirstTensor(archive, tensors_under ?? null, HARMLESS), { mayRefuse: true });

const brokenFile: Checker = (path, entry) =>
  attempt(path, (archive) => brokenContent(archive, entry), { mayRefuse: true });

/** A broken file was opened: right only where the manifest allows what it gives. */
async function brokenContent(archive: TorchArchive, { may_load, must, corrupt }: CheckpointEntry): Promise<Check[]> {
  if (may_load !== undefined) {
    const wanted = (Array.isArray(may_load.w) ? (may_load.w as unknown[]) : [may_load.w]).flat(8).map(Number);
    return compareFirstTensor(archive, may_load.tensors_under ?? null, wanted);
  }
  const { tensors } = archive.stateDict();
  for (const tensor of tensors.values()) await archive.read(tensor);
  if (tensors.size === 0 && /empty/.test(must)) return [compareExactly("empty", true, "")];
  return [
    refuted(
      "refusal",
      `it was read without an error, ${tensors.size} tensors, though it is broken (${String(corrupt)})`,
    ),
  ];
}

/** Opens and examines a file; a FormatError is a refusal, any other error is a fault of the reader. */
async function attempt(
  path: string,
  examine: (archive: TorchArchive) => Promise<Check[]>,
  { mayRefuse }: { readonly mayRefuse: boolean },
): Promise<Check[]> {
  try {
    await using archive = await openTorchArchive(path);
    return await examine(archive);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (!mayRefuse) return [refuted("loading", `refused: ${error.message}`)];
    return [
      {
        ...compareExactly("refusal", true, ""),
        note: `refused: ${error.message
          .replace(path, "")
          .replace(/^[: ]+/, "")
          .slice(0, 100)}`,
      },
    ];
  }
}
