#!/usr/bin/env bash
# The whole road to the built-in world: autoencoder, video model, causal world model, the same on continuations, a sharper decoder, and
# a small one for live play, each by the repository's own command.
# usage: [WORLD=worlds/doom] scripts/train-doom.sh [AUTOENCODER_MINUTES] [BASE_MINUTES] [WORLD_MINUTES] [ROLLOUT_MINUTES] [DECODER_MINUTES] [FOLDER] [TINY_MINUTES]
# A stage whose model is there already is skipped; one that was interrupted goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

autoencoder_minutes=${1:-11}
base_minutes=${2:-12}
world_minutes=${3:-70}
rollout_minutes=${4:-26}
decoder_minutes=${5:-22}
runs=${6:-runs/doom}
tiny_minutes=${7:-20}
# Spinning OpenMP threads cost more than they save as soon as anything else runs on the machine.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

stage() { # NAME MINUTES MODEL [OPTION ...]
  local name=$1 minutes=$2 model=$3
  shift 3
  if [[ -e "$runs/$name/finished" ]]; then
    echo "$name: already trained ($runs/$name/$model)"
    return
  fi
  ./vid2world train "configs/doom/$name.yaml" --out "$runs/$name" --resume --max-minutes "$minutes" "$@"
  [[ -e "$runs/$name/$model" ]] && touch "$runs/$name/finished"
}

stage autoencoder "$autoencoder_minutes" autoencoder.safetensors
stage base "$base_minutes" world/world.json \
  --set "latents.autoencoder=$runs/autoencoder" --set "latents.cache=$runs/latents"
stage world "$world_minutes" world/world.json \
  --set "latents.autoencoder=$runs/autoencoder" --set "latents.cache=$runs/latents" --set "initialise.from=$runs/base"
stage rollout "$rollout_minutes" world/world.json \
  --set "latents.autoencoder=$runs/autoencoder" --set "latents.cache=$runs/latents" --set "initialise.from=$runs/world"
stage decoder "$decoder_minutes" autoencoder.safetensors --set "initialise.from=$runs/autoencoder"
stage tiny-decoder "$tiny_minutes" tiny-decoder.safetensors --set "teacher=$runs/decoder"
# What the repository ships: half precision, with the logs of its training.
node scripts/ship-world.mjs "$runs" "${WORLD:-worlds/doom}"
echo "look at it: ./vid2world demo --world ${WORLD:-worlds/doom}"
