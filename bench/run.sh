#!/bin/sh
# The bench: sh bench/run.sh BUILD_DIR [flags of bench.mjs, 'capture' and flags of capture_load.mjs, or 'memory' and those of memory_mix.mjs]
set -eu
build=$1
shift
hoglet=$build/hoglet
[ -x "$hoglet" ] || hoglet=$build/src/hoglet
hoglet=$(realpath "$hoglet")
cd "$(dirname "$0")"
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
fi
program=bench.mjs
if [ "${1:-}" = capture ]; then
  shift
  program=capture_load.mjs
elif [ "${1:-}" = memory ]; then
  shift
  program=memory_mix.mjs
fi
exec node "$program" --hoglet "$hoglet" "$@"
