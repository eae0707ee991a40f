#!/bin/sh
# Fetches the npm packages of package-lock.json: sh fetch.sh FOLDER. npm checks every package against the lock's hashes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$1/"
cd "$1"
npm ci --ignore-scripts --prefer-offline --loglevel=error >/dev/null
touch fetched
