// Where the PyTorch side runs: the distribution's Python with the distribution's PyTorch, which shares libtorch with our default build.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { startPeer, type Peer } from "./peer.js";
import { repositoryRoot } from "./repository.js";

const run = promisify(execFile);

/** Not the first on the PATH: version managers put a Python without PyTorch there. */
const PACKAGES: Readonly<Record<string, string>> = {
  h5py: "python3-h5py",
  PIL: "python3-pil",
  torchvision: "python3-torchvision",
};
const PYTHON = process.env["VID2WORLD_PYTHON"] ?? "/usr/bin/python3";

/** PyTorch's version, or why it (or one of the `modules` beside it) cannot be used. */
export async function findPyTorch(
  modules: readonly string[] = [],
): Promise<{ readonly version: string } | { readonly missing: string }> {
  try {
    const names = ["numpy", "torch", ...modules].join(", ");
    const { stdout } = await run(PYTHON, ["-c", `import ${names}; print(torch.__version__)`], { timeout: 120_000 });
    return { version: stdout.trim() };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? "") : String(error);
    return {
      missing:
        `${["PyTorch", ...modules].join(", ")} for Python ${modules.length === 0 ? "is" : "are"} needed to compare with, and ${PYTHON} lacks it (${reason}). ` +
        `Debian and Ubuntu: apt-get install ${["python3-torch", ...modules.map((name) => PACKAGES[name] ?? name)].join(" ")}; another Python that has it: VID2WORLD_PYTHON=/path/to/python3`,
    };
  }
}

/** The PyTorch side in a fresh process. */
export const startPyTorch = (threads: number): Peer =>
  startPeer(PYTHON, [path.join(repositoryRoot(), "benchmarks/python/worker.py")], threads);
