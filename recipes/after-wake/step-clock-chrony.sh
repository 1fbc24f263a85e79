#!/bin/sh
# Steps this machine's own clock after a sleep, where it runs chrony, and waits for at most ten seconds until it agrees with its
# servers. For guests and for the host alike: a clock that is hours behind would else be slewed for hours.
# Use, for a guest: hooks: { afterWake: "ssh root@GUEST sh -s < …/step-clock-chrony.sh" }
set -u
command -v chronyc >/dev/null 2>&1 || {
  echo 'chronyc is not there' >&2
  exit 1
}
chronyc online >/dev/null
chronyc burst 4/4 >/dev/null
# At most ten tries a second apart; within half a second of its servers.
chronyc waitsync 10 0.5 0 1 >/dev/null || echo 'chrony has not yet agreed with its servers' >&2
chronyc makestep
