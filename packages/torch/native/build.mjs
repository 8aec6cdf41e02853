// Builds the native addons, the one over libtorch against what find-libtorch.mjs finds. Usage: node build.mjs [--if-stale]
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { findLibtorch } from "./find-libtorch.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const buildFolder = join(here, "..", process.env.VID2WORLD_BUILD ?? "build");

/** Changes whenever a rebuild is needed: sources, libtorch's place and version. */
function fingerprint(libtorch) {
  const hash = createHash("sha256").update(JSON.stringify(libtorch)).update(process.versions.modules);
  const inside = (folder) =>
    readdirSync(join(here, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(here, join(entry.parentPath ?? entry.path, entry.name)));
  const files = ["CMakeLists.txt", ...inside("src"), ...inside("gloo-names")];
  for (const file of files.sort()) hash.update(file).update(readFileSync(join(here, file)));
  return hash.digest("hex");
}

function run(command, args) {
  const result = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (result.status !== 0) {
    console.error(`native build: ${command} failed (${result.error?.message ?? `exit code ${result.status}`})`);
    process.exit(1);
  }
}

function libtorchOrEnd() {
  try {
    return findLibtorch();
  } catch (error) {
    console.error(error.message); // says what was tried and what to do; the stack would say nothing
    process.exit(1);
  }
}

const libtorch = libtorchOrEnd();
const stamp = join(buildFolder, "fingerprint");
const wanted = fingerprint(libtorch);
const built = ["vid2world_torch.node", "vid2world_pictures.node"].every((file) => existsSync(join(buildFolder, file)));
const fresh = built && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
const again = process.env.VID2WORLD_REBUILD === "1"; // what CMake finds besides libtorch may have changed
if (fresh && !again && process.argv.includes("--if-stale")) process.exit(0);

console.log(`native build: libtorch ${libtorch.version} (${libtorch.origin}), about a minute`);
if (libtorch.cudaMissing)
  console.log(`native build: for the CPU only: ${libtorch.cudaMissing}; install the CUDA toolkit and set CUDA_HOME`);
// CMake refuses a cache that was made in another folder: that of a checkout that was moved or copied.
const cache = join(buildFolder, "CMakeCache.txt");
if (existsSync(cache) && !readFileSync(cache, "utf8").includes(`build in directory: ${buildFolder}\n`)) rmSync(cache);
mkdirSync(buildFolder, { recursive: true });
const addonApi = dirname(require.resolve("node-addon-api/package.json"));
const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
const cmake = ["-S", here, "-B", buildFolder, "-DCMAKE_BUILD_TYPE=Release"];
cmake.push(`-DTORCH_INCLUDE=${libtorch.include}`, `-DTORCH_LIBRARY_DIR=${libtorch.library}`);
cmake.push(
  `-DNODE_API_INCLUDE=${headers}`,
  `-DNODE_ADDON_API_INCLUDE=${addonApi}`,
  `-DWITH_CUDA=${libtorch.cuda ? "ON" : "OFF"}`,
);
execFileSync("cmake", cmake, { stdio: ["ignore", "ignore", "inherit"] });
run("cmake", ["--build", buildFolder, "-j", String(cpus().length)]);
writeFileSync(stamp, wanted);
writeFileSync(join(buildFolder, "libtorch.json"), JSON.stringify(libtorch, null, 2) + "\n");
