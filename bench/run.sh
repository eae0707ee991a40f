#!/bin/sh
# The bench: sh bench/run.sh BUILD_DIR [flags of bench.mjs, or a word of 'program' below and flags of that program]
set -eu
build=$1
shift
hoglet=$build/hoglet
[ -x "$hoglet" ] || hoglet=$build/src/hoglet
hoglet=$(realpath "$hoglet")
here=$(dirname "$0")
if [ ! -f "$here/node_modules/.package-lock.json" ] || [ "$here/package-lock.json" -nt "$here/node_modules/.package-lock.json" ]; then
  (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
fi
program=bench.mjs
case ${1:-} in
  capture) program=capture_load.mjs ;;
  queries) program=query_load.mjs ;;
  growth) program=growth.mjs ;;
  memory) program=memory_mix.mjs ;;
  flags) program=flags_load.mjs ;;
  check) program=check.mjs ;;
esac
[ "$program" = bench.mjs ] || shift
exec node "$here/$program" --hoglet "$hoglet" "$@"
