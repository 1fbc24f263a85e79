#!/usr/bin/env python3
"""Records what an IPMI console and a BMC say to each other: a UDP relay around one command.

    ./record-session.py BMC_PORT NOTE USER PASSWORD [KG] -- ipmitool -I lanplus -C 3 -H 127.0.0.1 -p @PORT ... > capture.json

@PORT becomes the relay's own port, @USER, @PASSWORD and @KG what the capture says they are. BMC_PORT is on 127.0.0.1.
"""
import json
import socket
import subprocess
import sys
import threading

bmc_port, note, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
kg = sys.argv[5] if sys.argv[5] != "--" else None
command = sys.argv[sys.argv.index("--") + 1:]
front, back = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
front.bind(("127.0.0.1", 0))
back.connect(("127.0.0.1", bmc_port))
packets, console, lock = [], [None], threading.Lock()


def relay(source, label):
    while True:
        data, address = source.recvfrom(65535)
        with lock:
            packets.append({"from": label, "hex": data.hex()})
        if label == "console":
            console[0] = address
            back.send(data)
        else:
            front.sendto(data, console[0])


for pair in ((front, "console"), (back, "bmc")):
    threading.Thread(target=relay, args=pair, daemon=True).start()
names = {"@PORT": str(front.getsockname()[1]), "@USER": user, "@PASSWORD": password, "@KG": kg or ""}
run_words = command
for name, value in names.items():
    run_words = [word.replace(name, value) for word in run_words]
run = subprocess.run(run_words, capture_output=True, text=True, timeout=60)
print(json.dumps({"note": note, "command": " ".join(command), "user": user, "password": password, "kg": kg,
                  "exitCode": run.returncode, "printed": run.stdout, "packets": packets}, indent=2))
