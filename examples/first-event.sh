#!/bin/sh
# sh first-event.sh PROJECT_TOKEN PERSONAL_KEY [URL]: one event in, one answer out.
set -eu
token=$1
key=$2
url=${3:-http://127.0.0.1:8000}
curl -sS -X POST "$url/i/v0/e/" -H 'Content-Type: application/json' \
  -d "{\"api_key\":\"$token\",\"event\":\"hello\",\"distinct_id\":\"me\",\"properties\":{\"from\":\"curl\"}}"
echo
sleep 1
curl -sS -X POST "$url/api/projects/1/query/" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
  -d '{"query":{"kind":"HogQLQuery","query":"SELECT event, properties.from, count() FROM events GROUP BY 1, 2"}}'
echo
