#!/bin/bash
# Shows platform N (default 0) by itself, without Torpor: a client connects, the BMC presses the button, the host enters S3,
# the BMC wakes it, the same TCP connection answers. Twice.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$HERE/settings.sh"
N=${1:-0}
require_index "$N"
BEGUN=$(date +%s%N)

ms_since() { echo $((($(date +%s%N) - $1) / 1000000)); }
say() { printf '[%6d ms] %s\n' "$(ms_since "$BEGUN")" "$*"; }
fail() { say "FAILED: $*"; exit 1; }

ipmi() {
  IPMI_PASSWORD=$BMC_PASSWORD timeout 15 \
    ipmitool -I lanplus -C 3 -H 127.0.0.1 -p "$BMC_PORT" -U "$BMC_USER" -E "$@"
}
rigctl() { "${PYTHON[@]}" "$HERE/rigctl.py" "$RUN" "$@"; }

ask() { # FD LINE [SECONDS]: prints the answer
  local line
  echo "$2" >&"$1" || fail "cannot write to fd $1"
  read -r -t "${3:-5}" -u "$1" line || fail "no answer on fd $1"
  echo "$line"
}

wait_for_sensor() { # STATE
  for _ in $(seq 40); do
    ! ipmi sdr elist | grep -q "ACPI State.*$1" || return 0
    sleep 0.1
  done
  fail "the BMC's sensor never showed $1"
}

trap '"$HERE/down.sh" "$N"' EXIT
say "starting platform $N"
say "$("$HERE/up.sh" "$N")"
RUN=$(cd "$RIG_RUN/$N" && pwd)
BMC_PORT=$((RIG_BASE_PORT + N * 20))
exec 5<>"/dev/tcp/127.0.0.1/$((BMC_PORT + 11))" 6<>"/dev/tcp/127.0.0.1/$((BMC_PORT + 10))"
say "client connected: $(ask 5 hello)"
say "host: $(ask 6 state)"
say "BMC: $(ipmi chassis power status); $(ipmi sdr elist | sed 's/ *| */ /g' | tr '\n' ';')"
for round in 1 2; do
  t=$(date +%s%N)
  ipmi chassis power soft >/dev/null
  rigctl wait suspended 20
  say "round $round: chassis soft to S3 in $(ms_since "$t") ms (QEMU says $(rigctl state))"
  wait_for_sensor S3
  say "the BMC's sensor shows S3 after $(ms_since "$t") ms; $(ipmi chassis power status)"
  echo "sent while asleep, round $round" >&5
  if read -r -t 2 -u 5 line; then fail "an answer came while suspended: $line"; fi
  say "nothing answers while suspended (2 s)"
  t=$(date +%s%N)
  ipmi chassis power on >/dev/null
  rigctl wait running 20
  running=$(ms_since "$t")
  read -r -t 30 -u 5 line || fail "the connection did not survive"
  say "chassis on to running in $running ms, the same connection answered in $(ms_since "$t") ms: $line"
  wait_for_sensor S0
  say "host: $(ask 6 state 10)"
done
say "SEL:"
ipmi sel elist | tail -5
say "demo passed"
