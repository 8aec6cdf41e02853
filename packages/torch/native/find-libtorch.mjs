// Finds a libtorch: LIBTORCH if set, else the one inside the python3 on the PATH, else the system's. Shared by the build and `vid2world doctor`.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const MINIMUM = [1, 13];

function versionOf(include) {
  for (const place of ["torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"]) {
    const file = join(include, place);
    if (!existsSync(file)) continue;
    const text = readFileSync(file, "utf8");
    const part = (name) => Number(new RegExp(`TORCH_VERSION_${name} (\\d+)`).exec(text)?.[1] ?? NaN);
    return [part("MAJOR"), part("MINOR"), part("PATCH")];
  }
  return undefined;
}

/** Describes the libtorch with these folders, or says in `reason` why it is none that we can use. */
function examine(origin, include, library) {
  if (!existsSync(join(include, "ATen/ATen.h"))) return { reason: `no headers (ATen/ATen.h) in ${include}` };
  if (!existsSync(join(library, "libtorch_cpu.so"))) return { reason: `no libtorch_cpu.so in ${library}` };
  const version = versionOf(include);
  if (!version || version.some(Number.isNaN)) return { reason: `no version in ${include}/torch` };
  const [major, minor] = version;
  if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1]))
    return { reason: `libtorch ${version.join(".")} is too old, ${MINIMUM.join(".")} or newer is needed` };
  // CUDA's headers: the toolkit's, or those of NVIDIA's wheels beside torch/ (crt/ is one of its own, nvidia-cuda-crt or -nvcc).
  const headers = ["nvidia/cu13/include", "nvidia/cuda_runtime/include"].map((folder) =>
    join(include, "../..", folder),
  );
  headers.push(join(process.env.CUDA_HOME ?? "/usr/local/cuda", "include"));
  const hasCuda = existsSync(join(library, "libtorch_cuda.so"));
  const cuda = hasCuda && headers.some((folder) => existsSync(join(folder, "crt/host_config.h")));
  const cudaMissing = `this libtorch has CUDA, but there are no CUDA headers (crt/host_config.h) in ${headers.join(", ")}`;
  return { origin, include, library, version: version.join("."), cuda, ...(hasCuda && !cuda && { cudaMissing }) };
}

function inRoot(origin, root) {
  return examine(origin, join(root, "include"), join(root, "lib"));
}

function pythonTorch() {
  try {
    const code =
      "import importlib.util as u; s=u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
    return execFileSync("python3", ["-c", code], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

/** Every place in the order in which it is tried, with what was found there. */
export function libtorchCandidates() {
  const found = [];
  const given = process.env.LIBTORCH;
  if (given) return [{ place: `LIBTORCH=${given}`, ...inRoot(`LIBTORCH=${given}`, given) }];
  const python = pythonTorch();
  // Debian's python3-torch keeps its headers in /usr/include: that one is the system's, below.
  if (python && !python.startsWith("/usr/lib/python3/dist-packages"))
    found.push({ place: `python3: ${python}`, ...inRoot(`python3's torch, ${python}`, python) });
  else found.push({ place: "python3 on the PATH", reason: "it has no torch of its own" });
  const libraries = [
    `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`,
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
  ];
  const library = libraries.find((folder) => existsSync(join(folder, "libtorch_cpu.so"))) ?? libraries[0];
  found.push({
    place: "the system",
    ...examine(
      "the system's libtorch-dev",
      existsSync("/usr/include/ATen") ? "/usr/include" : "/usr/local/include",
      library,
    ),
  });
  return found;
}

/** The first usable libtorch. Throws an Error that lists what was tried and the ways out. */
export function findLibtorch() {
  const candidates = libtorchCandidates();
  const first = candidates.find((candidate) => candidate.version);
  if (first) {
    const { place: _, ...libtorch } = first;
    return libtorch;
  }
  const tried = candidates.map((candidate) => `  ${candidate.place}: ${candidate.reason}`).join("\n");
  throw new Error(
    `libtorch: none found that can be used. Tried:\n${tried}\nWays out:\n  apt-get install libtorch-dev        (Debian 12, Ubuntu: CPU)\n` +
      "  LIBTORCH=/path/to/torch ./vid2world (a libtorch archive, or the torch/ folder of a PyTorch installation)\n" +
      "  bash scripts/fetch-libtorch.sh      (a current CPU libtorch from PyPI into a cache folder)",
  );
}
