#!/usr/bin/env python3
"""pyghmi as a console: pyghmi-client.py PORT USER PASSWORD SUITE [KG]. Reads, writes a log record, presses soft; prints what it saw as JSON."""
import json
import sys

from pyghmi.ipmi import command
from pyghmi.ipmi.private import session as private

port, user, password, suite = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
kg = sys.argv[5] if len(sys.argv) > 5 else None
if suite == 3:
    # It proposes SHA-256 first and falls back by itself: here it begins with SHA-1.
    begin = private.Session._open_rmcpplus_request

    def begin_with_sha1(self):
        self.attemptedhash = 1
        return begin(self)

    private.Session._open_rmcpplus_request = begin_with_sha1
bmc = command.Command(bmc="127.0.0.1", userid=user, password=password, port=port, kg=kg)
# Before the record is added: pyghmi 1.5 cannot read a log with OEM records in it (a KeyError of its own).
events = [[e.get("component"), e.get("event")] for e in bmc.get_event_log()]
watts = bmc.raw_command(netfn=0x2C, command=0x02, data=(0xDC, 0x01, 0x00, 0x00))
record = (0, 0, 0xD4, 0, 0, 0, 0, 0, 0, 0, 0x54, 0x11, 0x56, 0, 0, 0)
added = bmc.raw_command(netfn=0x0A, command=0x44, data=record)
seen = {
    "hash": bmc.ipmi_session.attemptedhash,
    "power": bmc.get_power()["powerstate"],
    "sensors": [[s.name, s.value] for s in bmc.get_sensor_data()],
    "watts": list(watts["data"])[1],
    "added": list(added["data"]),
    "events": events,
    "soft": bmc.set_power("softoff"),
}
bmc.ipmi_session.logout()
print(json.dumps(seen))
