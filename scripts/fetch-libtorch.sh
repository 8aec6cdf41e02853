#!/usr/bin/env bash
# Fetches a current libtorch for CPU use out of the Python wheel on PyPI, and prints the folder to give as LIBTORCH.
# Usage: LIBTORCH=$(scripts/fetch-libtorch.sh)
# Needs python3 with pip (any version), about 0.6 GB of download and 1 GB of disk. A finished folder is used again.
# VID2WORLD_CACHE names another cache folder.
set -euo pipefail

TORCH=2.11.0
# libtorch_cpu.so of this wheel is linked to the first two, even when no GPU is used; nothing else of CUDA is needed. The headers of the first
# and the third, and the names in libtorch_cuda.so, are for packages/torch/native/check-cuda.mjs.
CUDA=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85 nvidia-cuda-crt==13.0.88)
# The tag only selects the file: the C++ libraries in it are the same for every Python.
TARGET=(--python-version 3.11 --only-binary=:all:)

cache=${VID2WORLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vid2world}
folder=$cache/torch-$TORCH
wheels=$cache/wheels

runs() {
  [ -f "$folder/torch/include/ATen/ATen.h" ] && [ -f "$folder/torch/lib/libtorch_cpu.so" ] &&
    [ -f "$folder/nvidia/cu13/lib/libcudart.so.13" ] && [ -f "$folder/nvidia/cu13/lib/libcupti.so.13" ]
}
checks() {
  [ -f "$folder/nvidia/cu13/include/crt/host_config.h" ] && [ -f "$folder/torch/lib/libtorch_cuda.symbols" ]
}
if runs && checks; then
  printf '%s\n' "$folder/torch"
  exit 0
fi

# fetch: the wheels, those that are not here yet.
fetch() {
  mkdir -p "$wheels"
  echo "fetch-libtorch: fetching torch $TORCH into $wheels" >&2
  python3 -m pip download --quiet --no-deps "${TARGET[@]}" --find-links "$wheels" --dest "$wheels" "torch==$TORCH" "${CUDA[@]}" >&2
}

# unpack PART FOLDER: all that compiling and running on a CPU takes ("all"), or what check-cuda.mjs takes besides ("checks").
unpack() {
  python3 - "$@" "$wheels"/torch-$TORCH-*.whl "$wheels"/nvidia_cuda_{runtime,cupti,crt}-*.whl <<'PYTHON'
# Without the CUDA kernels, which are more than all the rest.
import fnmatch, os, shutil, subprocess, sys, tempfile, zipfile

checks = ["nvidia/cu13/include/*"]
wanted = {"checks": checks, "all": checks + [
    "torch/include/*", "torch/lib/*", "torch/share/cmake/*", "torch/version.py", "*/LICENSE*", "*/NOTICE*",
    "nvidia/cu13/lib/libcudart.so.13", "nvidia/cu13/lib/libcupti.so.13"]}
unwanted = ["torch/lib/libtorch_cuda*.so", "torch/lib/libtorch_nvshmem.so"]
kernels = "torch/lib/libtorch_cuda.so"
part, target, *wheels = sys.argv[1:]
for wheel in wheels:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            matches = lambda patterns: any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
            if matches(wanted[part]) and not matches(unwanted):
                archive.extract(name, target)
            if name == kernels and shutil.which("nm"):
                with tempfile.TemporaryDirectory(dir=target) as place:
                    listed = subprocess.check_output(["nm", "-D", "--defined-only", archive.extract(name, place)], text=True)
                names = sorted({line.split()[-1].split("@")[0] for line in listed.splitlines() if "4cuda" in line})
                os.makedirs(os.path.join(target, "torch/lib"), exist_ok=True)
                with open(os.path.join(target, kernels.replace(".so", ".symbols")), "w") as file:
                    file.write("\n".join(names) + "\n")
PYTHON
}

command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 ||
  { echo "fetch-libtorch: python3 with pip is needed to fetch the wheel; install it, or unpack a libtorch yourself" >&2; exit 1; }
mkdir -p "$cache"
staging=$(mktemp -d "$cache/.unpack.XXXXXX")
trap 'rm -rf "$staging"' EXIT

if runs; then # an earlier version of this script left out what check-cuda.mjs needs
  { fetch && unpack checks "$staging" && cp -r "$staging"/. "$folder"/; } ||
    echo "fetch-libtorch: what check-cuda.mjs needs could not be fetched; nothing else needs it" >&2
else
  fetch
  echo "fetch-libtorch: unpacking into $folder" >&2
  unpack all "$staging"
  rm -rf "$folder"
  mv "$staging" "$folder" # whole or not at all
  trap - EXIT
fi
runs || { echo "fetch-libtorch: the wheel is not laid out as expected; look into $folder" >&2; exit 1; }
printf '%s\n' "$folder/torch"
