#!/bin/bash
# Stops platform N (default 0). Ends only processes whose id lies in its run folder and whose command line names it.
set -uo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$HERE/settings.sh"
N=${1:-0}
require_index "$N"
[ -d "$RIG_RUN/$N" ] || { echo "platform $N is not up"; exit 0; }
RUN=$(cd "$RIG_RUN/$N" && pwd)

is_alive() {
  [ -r "/proc/$1/cmdline" ] && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF "$RUN"
}

# Asks for 3 s, then ends it.
stop() {
  local name=$1 pid tries
  pid=$(cat "$RUN/$name.pid" 2>/dev/null) || return 0
  is_alive "$pid" || return 0
  kill "$pid" 2>/dev/null
  for tries in $(seq 50); do
    is_alive "$pid" || return 0
    [ "$tries" -ne 30 ] || kill -9 "$pid" 2>/dev/null
    sleep 0.1
  done
  echo "down.sh: $name (pid $pid) did not end" >&2
  return 1
}

failed=0
for name in ipmi_sim watch qemu; do # ipmi_sim first: it could start QEMU again
  stop "$name" || failed=1
done
rm -f "$RUN/up" "$RUN"/*.sock
exit "$failed"
