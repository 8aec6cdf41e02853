#!/usr/bin/env bash
# Fetches a current libtorch for CPU use out of the Python wheel on PyPI, and prints the folder to give as LIBTORCH.
# Usage: LIBTORCH=$(scripts/fetch-libtorch.sh)
# Needs python3 with pip (any version), about 0.6 GB of download and 1 GB of disk. A finished folder is used again.
# VID2WORLD_CACHE names another cache folder.
set -euo pipefail

TORCH=2.11.0
# libtorch_cpu.so of this wheel is linked to these two, even when no GPU is used; nothing else of CUDA is needed.
CUDA=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
# The tag only selects the file: the C++ libraries in it are the same for every Python.
TARGET=(--python-version 3.11 --only-binary=:all:)

cache=${VID2WORLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vid2world}
folder=$cache/torch-$TORCH
wheels=$cache/wheels

complete() {
  [ -f "$folder/torch/include/ATen/ATen.h" ] && [ -f "$folder/torch/lib/libtorch_cpu.so" ] &&
    [ -f "$folder/nvidia/cu13/lib/libcudart.so.13" ] && [ -f "$folder/nvidia/cu13/lib/libcupti.so.13" ]
}
if complete; then
  printf '%s\n' "$folder/torch"
  exit 0
fi

command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 ||
  { echo "fetch-libtorch: python3 with pip is needed to fetch the wheel; install it, or unpack a libtorch yourself" >&2; exit 1; }

mkdir -p "$wheels"
echo "fetch-libtorch: fetching torch $TORCH into $wheels" >&2
python3 -m pip download --quiet --no-deps "${TARGET[@]}" --find-links "$wheels" --dest "$wheels" "torch==$TORCH" "${CUDA[@]}" >&2

staging=$(mktemp -d "$cache/.unpack.XXXXXX")
trap 'rm -rf "$staging"' EXIT
echo "fetch-libtorch: unpacking into $folder" >&2
python3 - "$staging" "$wheels"/torch-$TORCH-*.whl "$wheels"/nvidia_cuda_{runtime,cupti}-*.whl <<'PYTHON'
# Only what compiling and running on a CPU takes: the CUDA kernels alone are more than all the rest.
import fnmatch, sys, zipfile

wanted = ["torch/include/*", "torch/lib/*", "torch/share/cmake/*", "torch/version.py", "*/LICENSE*", "*/NOTICE*",
          "nvidia/cu13/lib/libcudart.so.13", "nvidia/cu13/lib/libcupti.so.13"]
unwanted = ["torch/lib/libtorch_cuda*.so", "torch/lib/libtorch_nvshmem.so"]
target, *wheels = sys.argv[1:]
for wheel in wheels:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            matches = lambda patterns: any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
            if matches(wanted) and not matches(unwanted):
                archive.extract(name, target)
PYTHON
rm -rf "$folder"
mv "$staging" "$folder" # whole or not at all
trap - EXIT
complete || { echo "fetch-libtorch: the wheel is not laid out as expected; look into $folder" >&2; exit 1; }
printf '%s\n' "$folder/torch"
