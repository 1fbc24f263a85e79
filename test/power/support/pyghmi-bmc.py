#!/usr/bin/env python3
"""pyghmi's BMC on 127.0.0.1 as a peer: pyghmi-bmc.py PORT USER PASSWORD [KG]. Prints `ready`, then each deed as a line."""
import sys

from pyghmi.ipmi.bmc import Bmc


class PeerBmc(Bmc):
    powerstate = "on"

    def get_power_state(self):
        return self.powerstate

    def power_on(self):
        self.powerstate = "on"
        print("power on", flush=True)

    def power_off(self):
        self.powerstate = "off"
        print("power off", flush=True)

    def power_shutdown(self):
        self.powerstate = "off"
        print("soft", flush=True)


port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
bmc = PeerBmc({user: password}, port=port, address="127.0.0.1")
bmc.kg = sys.argv[4].encode() if len(sys.argv) > 4 else None
print("ready", flush=True)
bmc.listen()
