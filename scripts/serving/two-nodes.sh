#!/usr/bin/env bash
# Two servers of a world with saved sessions in common behind nginx, on this machine, to try out how a node is drained:
#   scripts/serving/two-nodes.sh [options of vid2world play]     then open http://127.0.0.1:8080
# `kill PID` of one node (it prints them) moves its players to the other one. Ctrl-C ends everything. Needs nginx.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
command -v nginx >/dev/null || PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || { echo "nginx is not installed (Debian: apt-get install nginx)" >&2; exit 1; }

work=$(mktemp -d)
pids=()
finish() {
  trap '' INT TERM
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 0' INT TERM

"$root/vid2world" doctor >/dev/null 2>&1 || true # sets up and builds once, not twice at the same time
for node in 1 2; do
  "$root/vid2world" play --no-open --port 808$node --state "$work/sessions" --log "$work/node-$node.log" --trust-proxy "$@" &
  pids+=($!)
  echo "node $node: process $!"
done
sed -e 's/LISTEN/127.0.0.1:8080/' -e 's/NODE_A/127.0.0.1:8081/' -e 's/NODE_B/127.0.0.1:8082/' "$here/nginx.conf" >"$work/nginx.conf"
nginx -p "$work" -c nginx.conf -g 'daemon off;' &
pids+=($!)
wait
