#!/usr/bin/env bash
# Runs every check and suite, on a bare Debian 12 as root. Ends with the names of what failed and a line that sums the tests of all suites.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
report=$(mktemp)
trap 'rm -f "$log" "$report"' EXIT
broken=0

# Prints the sum of a count in the closing lines of the suites.
sum() { awk -v word="$1" '/^suite [a-z]+, / { for (i = 2; i <= NF; i++) if ($i ~ "^" word) total += $(i - 1) } END { print total + 0 }' "$log"; }

# Runs one step and goes on after a failure. One that fails without a failed test counts as one.
step() {
  echo "== $*" | tee -a "$log"
  local before status=0
  before=$(sum failed)
  "$@" 2>&1 | tee -a "$log" || status=$?
  if [ "$status" -ne 0 ] && [ "$(sum failed)" -eq "$before" ]; then
    broken=$((broken + 1))
    tail -n 15 "$log" >> "$report"
    echo "failed: $*, exit $status" >> "$log"
  fi
}

# Runs a step without which the later ones cannot be.
need() {
  local before=$broken
  step "$@"
  [ "$broken" -eq "$before" ] || { finish; exit 1; }
}

# Fits the last 80 lines: the begin of the details, which are whole above, and the names of what failed.
finish() {
  local bad=$(($(sum failed) + broken))
  echo '== Summary'
  awk '/^(not )?ok / { failing = /^not / } failing; /^  \.\.\.$/ { failing = 0 }' "$log" >> "$report"
  head -n 30 "$report"
  grep '^suite ' "$log" || true
  grep '^failed: ' "$log" | head -n 35 || true
  [ "$bad" -le 35 ] || echo "and $((bad - 35)) more"
  echo "$(sum passed) passed, $bad failed"
  [ "$bad" -eq 0 ]
}

readme_quickstart() { npm install && npm run quickstart; }
readme_test() { npm install && npm test; }

export DEBIAN_FRONTEND=noninteractive
need apt-get update
# Browsers, and what tests would be skipped without: chattr, unshare and mount, script, exFAT, zsh.
need apt-get install -y --no-install-recommends chromium chromium-driver firefox-esr xvfb xdotool python3 sqlite3 git ca-certificates \
  bsdutils e2fsprogs exfat-fuse exfatprogs mount util-linux zsh
# Debian 12 itself has Node 18, which is too old.
if ! node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)'; then
  need apt-get install -y --no-install-recommends npm
  need npm install --global --prefix /usr/local node@20 npm@10
  hash -r
fi
need npm ci
step readme_quickstart
step readme_test
step npm run check
step npm run test:exhaustive
step npm run test:browser
step npm run test:servers
step npm run test:package
step npx -y -p node@26 node scripts/suite.js unit
finish
