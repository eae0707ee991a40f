#!/bin/sh
# Runs every test, or those named: sh tests/run.sh BUILD_DIR [NAME...]
#
# NAME is a test program (storage_test), a conformance suite (conformance:hashes), e2e or faults. The last line is
# 'N passed, N failed'; a program that crashes or prints no count is one failure.
set -u
build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
passed=0
failed=0
logs=$build/test-logs
mkdir -p "$logs"
# Sanitized programs have frames several times as large, and depth is limited by what usual ones take.
# What a process holds says nothing about the server then.
case $build in */asan | */tsan)
  ulimit -s 65536 2>/dev/null || true
  export HOGLET_SANITIZED=1
  ;;
esac
case $build in */tsan) export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp ${TSAN_OPTIONS:-}" ;; esac

wanted() { # NAME, against the names given
  [ -z "$names" ] && return 0
  for name in $names; do [ "$name" = "$1" ] && return 0; done
  return 1
}

# What failed and why, before how it ended: of a long log its end alone may name neither.
show() { # LOG
  sed -n '/: Failure$/,/^\[  FAILED  \]/p' "$1" | head -n 60
  tail -n 30 "$1"
}

tally() { # NAME PASSED FAILED SECONDS
  passed=$((passed + $2))
  failed=$((failed + $3))
  if [ "$3" -gt 0 ]; then
    printf 'FAIL  %-40s %6d passed, %d failed  (%ss)  see %s\n' "$1" "$2" "$3" "$4" "${logs#"$PWD"/}/$1.log"
    show "$logs/$1.log" | sed 's/^/      | /'
  else
    printf 'ok    %-40s %6d passed  (%ss)\n' "$1" "$2" "$4"
  fi
}

# The sum of the numbers that match a pattern with one group in a log.
count() { sed -nE "s/$2/\\1/p" "$logs/$1.log" | awk '{ sum += $1 } END { print sum + 0 }'; }

run() { # NAME PASSED_PATTERN FAILED_PATTERN COMMAND...
  name=$1 pass_pattern=$2 fail_pattern=$3
  shift 3
  began=$(date +%s)
  "$@" >"$logs/$name.log" 2>&1
  status=$?
  good=$(count "$name" "$pass_pattern")
  bad=$(count "$name" "$fail_pattern")
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$status" -eq 0 ] && [ "$good" -eq 0 ]; then bad=$((bad + 1)) && echo "no test ran" >>"$logs/$name.log"; fi
  tally "$name" "$good" "$bad" $(($(date +%s) - began))
}

names=$*

for program in $(cat "$build/test-programs.txt"); do
  name=$(basename "$program")
  wanted "$name" || continue
  case $name in
    *_bench)
      began=$(date +%s)
      if "$program" --benchmark_min_time=0.001 >"$logs/$name.log" 2>&1; then
        tally "$name" 1 0 $(($(date +%s) - began))
      else
        tally "$name" 0 1 $(($(date +%s) - began))
      fi
      ;;
    *) run "$name" '^\[  PASSED  \] ([0-9]+) tests?.*' '^ *([0-9]+) FAILED TESTS?$' "$program" ;;
  esac
done

# Suites that are complete must hold in every case; of the others, the cases that hold are listed and must go on holding.
for suite in hashes hogql-parse capture ingestion flags hogql-eval; do
  wanted "conformance:$suite" || continue
  files=$(sh tests/conformance/files.sh "$suite")
  # shellcheck disable=SC2086
  run "conformance:$suite" '^([0-9]+) passed, [0-9]+ failed$' '^[0-9]+ passed, ([0-9]+) failed$' \
    "$build/conformance" --known-gaps tests/conformance/known_gaps.txt "$suite" $files
done

if wanted e2e; then
  run e2e '^[^ ]+ pass ([0-9]+)$' '^[^ ]+ fail ([0-9]+)$' sh tests/e2e/run.sh "$build"
fi
if wanted faults; then
  run faults '^([0-9]+) passed, [0-9]+ failed$' '^[0-9]+ passed, ([0-9]+) failed$' sh tests/faults/run.sh "$build"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
