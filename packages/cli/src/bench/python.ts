// Where the PyTorch side runs: the distribution's Python with the distribution's PyTorch, which shares libtorch with our default build.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { startPeer, type Peer } from "./peer.js";
import { repositoryRoot } from "./repository.js";

const run = promisify(execFile);

/** Not the first on the PATH: version managers put a Python without PyTorch there. */
const PYTHON = process.env["VID2WORLD_PYTHON"] ?? "/usr/bin/python3";
/** PyTorch's version, or why it cannot be used. */
export async function findPyTorch(): Promise<{ readonly version: string } | { readonly missing: string }> {
  try {
    const { stdout } = await run(PYTHON, ["-c", "import numpy, torch; print(torch.__version__)"], { timeout: 120_000 });
    return { version: stdout.trim() };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? "") : String(error);
    return {
      missing:
        `PyTorch for Python is needed to compare with, and ${PYTHON} has none (${reason}). ` +
        "Debian and Ubuntu: apt-get install python3-torch; another Python that has it: VID2WORLD_PYTHON=/path/to/python3",
    };
  }
}

/** The PyTorch side in a fresh process. */
export const startPyTorch = (threads: number): Peer =>
  startPeer(PYTHON, [path.join(repositoryRoot(), "benchmarks/python/worker.py")], threads);
