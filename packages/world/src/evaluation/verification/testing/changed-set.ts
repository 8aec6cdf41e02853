// For tests only: the shared recorded cases, or a copy of some of them with something changed.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadSafetensors, saveSafetensors, type Tensor } from "@vid2world/torch";

import { fixtureFolder } from "../../../model/testing/fixtures.js";

/** Whether the shared set is here; it is recorded data and no part of the repository. */
export const hasRecordedSet = existsSync(join(fixtureFolder, "schedule.json"));

/** A copy that can be changed: links until a file is. */
export interface ChangedSet {
  readonly directory: string;
  /** Rewrites a manifest, under another name if one is given; the old one is gone then. */
  manifest(name: string, change: (content: Record<string, unknown>) => unknown, renamed?: string): Promise<void>;
  /** Replaces tensors of a file; those that come back undefined are left out. */
  tensors(file: string, change: (name: string, tensor: Tensor) => Tensor | undefined): Promise<void>;
  /** Puts bytes in place of a file. */
  bytes(file: string, change: (content: Buffer) => Uint8Array): Promise<void>;
}

/** A copy of the shared files whose names begin with one of these stems. */
export async function changedSet(...stems: readonly string[]): Promise<ChangedSet> {
  const directory = await mkdtemp(join(tmpdir(), "vid2world-cases-"));
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(fixtureFolder)) {
    const chosen = stems.some(
      (stem) => name === stem || name.startsWith(`${stem}.`) || name.startsWith(`${stem}_f64.`),
    );
    if (chosen) await symlink(join(fixtureFolder, name), join(directory, name));
  }
  const write = async (name: string, content: string | Uint8Array): Promise<void> => {
    const file = join(directory, name);
    if (existsSync(file)) await unlink(file);
    await writeFile(file, content);
  };
  return {
    directory,
    async manifest(name, change, renamed = name) {
      const content = JSON.parse(await readFile(join(directory, name), "utf8")) as Record<string, unknown>;
      await unlink(join(directory, name));
      const changed = change(content);
      await write(renamed, typeof changed === "string" ? changed : JSON.stringify(changed));
    },
    async tensors(file, change) {
      const path = join(directory, file);
      const changed = [...(await loadSafetensors(path))].flatMap(([name, tensor]) => {
        const other = change(name, tensor);
        return other === undefined ? [] : [[name, other] as const];
      });
      await unlink(path);
      await saveSafetensors(path, new Map(changed));
    },
    async bytes(file, change) {
      await write(file, change(await readFile(join(directory, file))));
    },
  };
}
