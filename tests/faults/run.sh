#!/bin/sh
# The fault programs on a built server: sh tests/faults/run.sh BUILD_DIR. HOGLET_KILL_ROUNDS sets the rounds of the kill loop (50).
set -u
build=$(cd "$1" && pwd)
cd "$(dirname "$0")"
# The kill loop uses the helpers of the end-to-end tests.
passed=0
failed=0
check() {
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $*"; fi
}
check node kill_loop.mjs "$build" --rounds "${HOGLET_KILL_ROUNDS:-50}"
check node delete_loop.mjs "$build"
check node identity_loop.mjs "$build"
check node disk_full.mjs "$build"
check node damage.mjs "$build"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
