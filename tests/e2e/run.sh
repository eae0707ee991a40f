#!/bin/sh
# Whole-binary tests: sh tests/e2e/run.sh BUILD_DIR [file.test.mjs ...]
# Each file starts its own server on a free port with a temporary data folder.
set -eu
build=$1
shift
hoglet=$build/hoglet
[ -x "$hoglet" ] || hoglet=$build/src/hoglet
HOGLET_BIN=$(realpath "$hoglet")
export HOGLET_BIN
cd "$(dirname "$0")"
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
fi
[ $# -gt 0 ] || set -- *.test.mjs
exec node --test --test-concurrency=1 --test-reporter=spec "$@"
