#!/usr/bin/env bash
# Stops what start-radosgw.sh started with the same STATE, and removes that directory; at once, or when the process PID has ended.
#
#     STATE=DIR stop-radosgw.sh [after PID]
set -u
: "${STATE:?}"
if [ "${1:-}" = after ]; then
  while kill -0 "$2" 2>/dev/null && [ -e "$STATE/rgw.pid" ]; do sleep 0.5; done
fi
for name in rgw osd mon; do
  pid=$(cat "$STATE/$name.pid" 2>/dev/null) || continue
  kill -TERM "$pid" 2>/dev/null
  for ((i = 0; i < 40; i++)); do kill -0 "$pid" 2>/dev/null && sleep 0.05 || break; done
  kill -KILL "$pid" 2>/dev/null
done
rm -rf "$STATE"
