#!/usr/bin/env bash
# Starts a real S3 server for tests: one node of Ceph's RADOS Gateway on loopback, its data in memory, without systemd. Installs Debian's
# packages where they are missing. Returns when the gateway answers; stop-radosgw.sh stops it, and so does the end of the process OWNER.
#
#     STATE=DIR RGW_PORT=N MON_PORT=N ACCESS_KEY=K SECRET_KEY=S [OWNER=PID] start-radosgw.sh
set -euo pipefail
: "${STATE:?}" "${RGW_PORT:?}" "${MON_PORT:?}" "${ACCESS_KEY:?}" "${SECRET_KEY:?}"
here=$(cd "$(dirname "$0")" && pwd)

for program in radosgw ceph-mon ceph-osd ceph-authtool curl; do
  command -v "$program" >/dev/null && continue
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-common curl >&2
  break
done

mkdir -p "$STATE"/{mon,osd,run,rgw}
fsid=$(cat /proc/sys/kernel/random/uuid)
osd=$(cat /proc/sys/kernel/random/uuid)
cat >"$STATE/ceph.conf" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$MON_PORT]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = $STATE/keyring
run dir = $STATE/run
admin socket = $STATE/run/\$name.\$pid.asok
log file = $STATE/\$name.log
pid file =
debug ms = 0
debug rgw = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
[mon]
public addrv = [v2:127.0.0.1:$MON_PORT]
mon data = $STATE/mon
mon cluster log file = $STATE/cluster.log
mon data avail crit = 1
mon data avail warn = 1
paxos propose interval = 0.05
mon osd min down reporters = 1
[osd]
osd data = $STATE/osd
osd objectstore = memstore
memstore device bytes = 4294967296
[client.rgw]
rgw data = $STATE/rgw
rgw frontends = beast endpoint=127.0.0.1:$RGW_PORT tcp_nodelay=1
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
rgw dynamic resharding = false
rgw override bucket index max shards = 1
rgw thread pool size = 64
CONF
conf=(-c "$STATE/ceph.conf")

# Runs a daemon in the background and notes its number for stop-radosgw.sh.
daemon() {
  local name=$1
  shift
  "$@" >"$STATE/$name.out" 2>&1 </dev/null &
  echo $! >"$STATE/$name.pid"
}
fail() {
  echo "$1; the last lines of its log:" >&2
  tail -n 20 "$STATE"/*.out "$STATE/client.rgw.log" >&2 || true
  STATE=$STATE "$here/stop-radosgw.sh"
  exit 1
}

{
  ceph-authtool --create-keyring "$STATE/keyring" --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool "$STATE/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  ceph-authtool "$STATE/keyring" --gen-key -n client.rgw --cap mon 'allow rw' --cap osd 'allow rwx'
  ceph-authtool "$STATE/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
  monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$MON_PORT]" "$STATE/monmap"
  ceph-mon "${conf[@]}" -i a --mkfs --fsid "$fsid" --monmap "$STATE/monmap" --keyring "$STATE/keyring"
} >"$STATE/mkfs.out" 2>&1 || fail 'the monitor could not be made'
daemon mon ceph-mon "${conf[@]}" -i a -f
timeout 60 ceph "${conf[@]}" osd new "$osd" 0 >"$STATE/osd-new.out" 2>&1 || fail 'the monitor does not answer'
ceph-osd "${conf[@]}" -i 0 --mkfs --osd-uuid "$osd" >"$STATE/osd-mkfs.out" 2>&1 || fail 'the object store could not be made'
daemon osd ceph-osd "${conf[@]}" -i 0 -f
daemon rgw radosgw "${conf[@]}" -n client.rgw -f

if [ -n "${OWNER:-}" ]; then
  # In a session of its own, so that what ends OWNER's does not end it.
  STATE=$STATE setsid "$here/stop-radosgw.sh" after "$OWNER" >/dev/null 2>&1 </dev/null &
fi
for ((i = 0; i < 600; i++)); do
  curl --silent --output /dev/null --max-time 2 "http://127.0.0.1:$RGW_PORT/" && break
  kill -0 "$(cat "$STATE/rgw.pid")" 2>/dev/null || fail 'the gateway ended'
  sleep 0.1
done
timeout 60 radosgw-admin "${conf[@]}" -n client.rgw user create --uid=test --display-name=test --access-key="$ACCESS_KEY" --secret-key="$SECRET_KEY" \
  >"$STATE/user.out" 2>&1 || fail 'the gateway does not answer'
