// Compiles what only builds with CUDA contain, and looks for every CUDA symbol that it needs in the libraries: no GPU, no toolkit and no
// libtorch_cuda.so take part, so that this code cannot rot where none of them is. Usage: node check-cuda.mjs TORCH_FOLDER
// TORCH_FOLDER is what scripts/fetch-libtorch.sh prints. Ends with 0, 1 where something is wrong, or 3 where there is nothing to check with.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const packageFolder = (name) => dirname(require.resolve(`${name}/package.json`));

function end(code, message) {
  console.log(`check-cuda: ${message}`);
  process.exit(code);
}

const torch = process.argv[2] ?? end(1, "which libtorch? Give the folder that scripts/fetch-libtorch.sh prints");
const beside = join(torch, "../nvidia/cu13");
const toolkit = process.env.CUDA_HOME ?? "/usr/local/cuda";
const cuda = [beside, toolkit].find((place) => existsSync(join(place, "include/crt/host_config.h")));
if (!existsSync(join(torch, "include/ATen/cuda/CUDAGraph.h"))) end(3, `no headers of a libtorch with CUDA in ${torch}`);
if (!cuda) end(3, `no CUDA headers beside ${torch} nor in CUDA_HOME; scripts/fetch-libtorch.sh fetches them`);

/** Runs a tool and gives what it wrote; ends where it is missing or fails. */
function run(tool, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(tool, args, { encoding: "utf8", maxBuffer: 2 ** 28, ...options });
  if (error) end(3, `${tool} cannot be run (${error.message})`);
  if (status !== 0) end(1, `${tool} failed:\n${stderr}`);
  return stdout;
}

/** Names of symbols in nm's output. */
const names = (text) => text.split("\n").flatMap((line) => line.trim().split(/\s+/).at(-1)?.split("@")[0] || []);

/** What a library exports; libtorch_cuda.so, half a gigabyte, may be there as a list alone. */
function exportsOf(library) {
  const list = library.replace(/\.so.*$/, ".symbols");
  if (existsSync(library)) return names(run("nm", ["-D", "--defined-only", library]));
  return existsSync(list) ? readFileSync(list, "utf8").split("\n") : undefined;
}

const folder = mkdtempSync(join(tmpdir(), "vid2world-cuda-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const object = join(folder, "cuda.o");
const headers = [join(torch, "include"), join(torch, "include/torch/csrc/api/include"), join(cuda, "include")];
headers.push(packageFolder("node-addon-api"), join(packageFolder("node-api-headers"), "include"));
const defines = ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "VID2WORLD_CUDA", "VID2WORLD_CUDA_GRAPHS"];
const flags = ["-std=c++20", "-O0", "-fPIC", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"];
// As one file: libtorch's headers take longer than all of ours.
const input = ["cuda-graph.cc", "device.cc"].map((file) => `#include "${join(here, "src", file)}"\n`).join("");
const includes = headers.flatMap((header) => ["-isystem", header]);
const sources = ["-x", "c++", "-c", "-", "-o", object];
run("c++", [...flags, ...defines.map((name) => `-D${name}`), ...includes, ...sources], { input });

const runtimes = [join(beside, "lib/libcudart.so.13"), join(toolkit, "lib64/libcudart.so")];
const libraries = ["libc10_cuda.so", "libtorch_cuda.so"].map((name) => join(torch, "lib", name));
libraries.push(runtimes.find((library) => existsSync(library)) ?? runtimes[0]);
const found = libraries.map((library) => [library, exportsOf(library)]);
const absent = found.filter(([, exported]) => !exported).map(([library]) => library);
const exported = new Set(found.flatMap(([, symbols]) => symbols ?? []));
// cudaX is the runtime's, the others are in C++ namespaces called cuda.
const needed = names(run("nm", ["-u", object])).filter((name) => /^cuda|^_ZN[A-Z]*\d+(at|c10)4cuda/.test(name));
const missing = needed.filter((name) => !exported.has(name));
if (absent.length > 0) end(3, `it compiles, but ${missing.length} symbols are not known without ${absent.join(", ")}`);
if (missing.length > 0) end(1, `no library exports ${missing.join(", ")}`);
end(0, `it compiles, and the libraries export all ${needed.length} symbols of CUDA that it needs`);
