// For tests only: Python with torchvision, Pillow and numpy as the oracle of what the published data code computes.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readNpz } from "@vid2world/formats/npy/npz";
import { afterAll } from "vitest";

const PYTHON = process.env["VID2WORLD_PYTHON"] ?? "/usr/bin/python3";

/** True where this Python cannot import all of the modules: tests that need them are skipped. */
export function lacks(...modules: readonly string[]): boolean {
  return spawnSync(PYTHON, ["-c", `import ${modules.join(", ")}`]).status !== 0;
}

const beside = ["../../../../../../shared", "../../../../../../../shared"].map((up) =>
  resolve(import.meta.dirname, up),
);
const shared = process.env["VID2WORLD_SHARED"] ?? beside.find(existsSync) ?? "../shared";

/** A path in the shared folder of examples, or undefined where that is absent: recorded data, not part of the repository. */
export function example(path: string): string | undefined {
  const found = join(shared, "data", path);
  return existsSync(found) ? found : undefined;
}

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "vid2world-data-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Runs Python lines that fill the dictionary `out` with arrays, and returns these. `folder` is a temporary folder, `args`
 * are the further arguments.
 */
export async function python(folder: string, lines: string, ...args: readonly string[]): ReturnType<typeof readNpz> {
  const code = `import sys\nimport numpy as np\nfolder, *args = sys.argv[1:]\nout = {}\n${lines}\nnp.savez(folder + "/oracle.npz", **out)`;
  execFileSync(PYTHON, ["-c", code, folder, ...args], {
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
  return readNpz(join(folder, "oracle.npz"));
}

/** The largest difference of two lists of numbers of the same length. */
export function largestDifference(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(Number(a[i]) - Number(b[i]));
    if (!(difference <= largest)) largest = difference; // NaN too
  }
  return largest;
}
