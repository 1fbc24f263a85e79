# Prints each Ethernet frame with a magic packet in it: interface, EtherType, and the bytes from the packet's start to the frame's end.
import socket
import sys

MAGIC = b"\xff" * 6 + bytes.fromhex(sys.argv[1].replace(":", "")) * 16
ALL_PROTOCOLS = 3

listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
print("ready", flush=True)
while True:
    frame, (interface, *_) = listener.recvfrom(2048)
    start = frame.find(MAGIC)
    if start >= 0:
        print(interface, frame[12:14].hex(), frame[start:].hex(), flush=True)
