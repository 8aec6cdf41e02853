// What libtorch is here, whether the addon loads, and how fast a matrix product is.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { loadedBlas } from "./blas.js";
import type { Finding } from "./finding.js";

/** A place where a libtorch was looked for: either its version, or the reason why it cannot be used. */
interface Candidate {
  readonly place: string;
  readonly version?: string;
  readonly reason?: string;
}

/** The folder of the torch package, where its native parts lie. */
const torchFolder = join(dirname(createRequire(import.meta.url).resolve("@vid2world/torch")), "..", "..");

/** Looks at libtorch through the addon; if that does not load, at the places where a libtorch could be. */
export async function engineFindings(): Promise<Finding[]> {
  let torch: typeof import("@vid2world/torch");
  try {
    torch = await import("@vid2world/torch");
  } catch (error) {
    const hint = `${error instanceof Error ? error.message : String(error)}`;
    return [{ name: "native addon", value: "does not load", state: "missing", hint }, ...(await candidateFindings())];
  }
  const build = torch.buildInfo();
  const capability = /CPU capability usage: (\w+)/.exec(build)?.[1] ?? "unknown";
  const rate = matrixRate(torch);
  const note = await buildNote();
  return [
    { name: "libtorch", value: `${torch.libtorchVersion} (${note.origin ?? "origin unknown"})`, state: "ok" },
    deviceFinding(torch.cuda.deviceCount(), note, existsSync("/dev/nvidiactl")),
    threads(torch.getNumThreads()),
    { name: "CPU capability", value: capability, state: "ok" },
    matrices((await loadedBlas()) ?? builtInBlas(build), rate),
    pictures((await import("@vid2world/torch/pictures")).decodesJpeg),
  ];
}

/** Whether decoding threads have libjpeg-turbo: without it everything works, but loads more slowly. */
function pictures(decodesJpeg: boolean): Finding {
  if (decodesJpeg) return { name: "JPEG pictures", value: "libjpeg-turbo", state: "ok" };
  const hint =
    "data loading is slower; install libjpeg-turbo's headers (Debian: libjpeg-dev), then VID2WORLD_REBUILD=1 vid2world doctor";
  return { name: "JPEG pictures", value: "sharp only", state: "warning", hint };
}

/** Every place that was looked at, for the report of an addon that is not there. */
async function candidateFindings(): Promise<Finding[]> {
  const search = (await import(pathToFileURL(join(torchFolder, "native", "find-libtorch.mjs")).href)) as {
    libtorchCandidates: () => Candidate[];
  };
  return search.libtorchCandidates().map(({ place, version, reason }) => ({
    name: `libtorch, ${place}`,
    value: version ?? reason ?? "unusable",
    state: version === undefined ? "warning" : "ok",
  }));
}

/** What the build notes beside the addon: where its libtorch came from, and why CUDA was left out although that has it. */
export interface BuildNote {
  readonly origin?: string;
  readonly cudaMissing?: string;
}

async function buildNote(): Promise<BuildNote> {
  const given = process.env["VID2WORLD_NATIVE"];
  const folder = given ? dirname(given) : join(torchFolder, process.env["VID2WORLD_BUILD"] ?? "build");
  try {
    return JSON.parse(await readFile(join(folder, "libtorch.json"), "utf8")) as BuildNote;
  } catch {
    return {};
  }
}

/** `driver`: whether the machine has NVIDIA's, so that somebody may want what was left out. */
export function deviceFinding(count: number, { cudaMissing }: BuildNote, driver: boolean): Finding {
  const value = count > 0 ? `cpu, ${count} x cuda` : "cpu";
  if (cudaMissing === undefined || !driver) return { name: "devices", value, state: "ok" };
  const hint = `${cudaMissing}; install the CUDA toolkit, set CUDA_HOME, and build again: npm run build:native`;
  return { name: "devices", value, state: "warning", hint };
}

function threads(count: number): Finding {
  const cores = availableParallelism();
  const found = { name: "threads", value: `${count} of ${cores} cores` };
  if (count <= cores) return { ...found, state: "ok" };
  return { ...found, state: "warning", hint: "more threads than cores slow everything down: unset OMP_NUM_THREADS" };
}

function matrices(blas: string, rate: number): Finding {
  const found = { name: "matrix library", value: `${blas}, ${rate.toPrecision(3)} GFLOP/s (float32, 512x512)` };
  if (blas !== "reference BLAS") return { ...found, state: "ok" };
  return {
    ...found,
    state: "warning",
    hint: "many times slower than it could be: apt-get install libopenblas0-pthread",
  };
}

function builtInBlas(build: string): string {
  const name = /BLAS_INFO=(\w+)/.exec(build)?.[1];
  return name === undefined ? "unknown" : `${name} (inside libtorch)`;
}

/** The best of thirty products of two 512x512 matrices, in 10^9 operations a second. */
function matrixRate({ randn, scope }: typeof import("@vid2world/torch")): number {
  const SIZE = 512;
  const seconds = scope(() => {
    const [a, b] = [randn([SIZE, SIZE]), randn([SIZE, SIZE])];
    let best = Infinity;
    for (let i = 0; i < 30; i++) {
      const started = performance.now();
      a.matmul(b).dispose();
      best = Math.min(best, (performance.now() - started) / 1000);
    }
    return best;
  });
  return (2 * SIZE ** 3) / seconds / 1e9;
}
