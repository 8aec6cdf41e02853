#!/usr/bin/env bash
# Fetches gymnasium, which clients/python is tried with, from PyPI, and prints the folder to put on PYTHONPATH. A second, and 3 MB.
# Usage: PYTHONPATH=$(scripts/fetch-gymnasium.sh) python3 ...
# Needs python3 (3.10 or later) with pip and numpy. A finished folder is used again. VID2WORLD_CACHE names another cache folder.
set -euo pipefail

VERSION=1.4.0
cache=${VID2WORLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vid2world}
folder=$cache/gymnasium-$VERSION
if [ ! -d "$folder" ]; then
  mkdir -p "$cache"
  staging=$(mktemp -d "$cache/.unpack.XXXXXX")
  trap 'rm -rf "$staging"' EXIT
  # numpy is the system's.
  cat >"$staging/wheels.txt" <<WHEELS
gymnasium==$VERSION --hash=sha256:1cb947c59e7c72d8eabb2c2274c00cd20948e69f8452a9ef4092223be24fdf0e
cloudpickle==3.1.2 --hash=sha256:9acb47f6afd73f60dc1df93bb801b472f05ff42fa6c84167d25cb206be1fbf4a
farama-notifications==0.0.6 --hash=sha256:f84839188efa1ce5bb361c2a84881b2dc2c0d0d7fb661ff00421820170930935
typing_extensions==4.16.0 --hash=sha256:481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8
WHEELS
  python3 -m pip install --quiet --no-deps --require-hashes --only-binary=:all: --no-compile --root-user-action=ignore \
    --target "$staging/packages" -r "$staging/wheels.txt" >&2
  mv "$staging/packages" "$folder" # whole or not at all
fi
printf '%s\n' "$folder"
