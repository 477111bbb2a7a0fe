#!/usr/bin/env bash
# Stops what start-radosgw.sh started with the same STATE, and removes that directory.
set -u
: "${STATE:?}"
for name in rgw osd mon; do
  pid=$(cat "$STATE/$name.pid" 2>/dev/null) || continue
  kill -TERM "$pid" 2>/dev/null
  for ((i = 0; i < 40; i++)); do kill -0 "$pid" 2>/dev/null && sleep 0.05 || break; done
  kill -KILL "$pid" 2>/dev/null
done
rm -rf "$STATE"
