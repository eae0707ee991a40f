#!/bin/sh
# The vector files of a suite, as the project keeps them.
cd "$(dirname "$0")/../.."
case $1 in
  hashes) echo tests/vectors/hashes.json ;;
  hogql-parse) echo tests/vectors/hogql-parse/*.jsonl ;;
  hogql-eval) echo tests/vectors/hogql-eval/eval.jsonl tests/vectors/hogql-eval/aggregates.jsonl ;;
  capture | ingestion | flags | insights) echo tests/vectors/"$1"/*.json ;;
esac
