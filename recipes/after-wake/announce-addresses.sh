#!/bin/sh
# Announces this machine's IPv4 addresses to its networks (gratuitous ARP) after a sleep, so that switches and neighbours that
# have forgotten it send to it again. Needs arping of iputils and, as a rule, root.
# Use: hooks: { afterWake: "ssh root@HOST sh -s < …/announce-addresses.sh" }
set -u
command -v arping >/dev/null 2>&1 || {
  echo 'arping (iputils) is not there' >&2
  exit 1
}
ip -o -4 addr show scope global up | while read -r _ interface _ address _; do
  arping -U -c 2 -w 3 -I "$interface" "${address%/*}" </dev/null >/dev/null ||
    echo "${address%/*} was not announced on $interface" >&2
done
exit 0
