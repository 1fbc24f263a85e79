#!/usr/bin/env python3
"""Computes RAKP and session vectors from the text of the IPMI v2.0 specification, with Python's standard library alone.

    ./make-vectors.py > rakp-vectors.json

Shares no code with Torpor. AES-128 is written out from FIPS-197 and checked against that standard's appendix B and
against NIST SP 800-38A section F.2.1 (CBC) before anything is printed.
"""
import hashlib
import hmac
import json
import struct


# ---------------------------------------------------------------- AES-128 encryption, FIPS-197
def make_sbox():
    def gmul(a, b):
        product = 0
        while b:
            if b & 1:
                product ^= a
            a = (a << 1) ^ (0x11B if a & 0x80 else 0)
            b >>= 1
        return product

    box = []
    for value in range(256):
        inverse = next((x for x in range(256) if gmul(value, x) == 1), 0)
        out = 0x63
        for shift in range(5):
            out ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xFF
        box.append(out)
    return box


SBOX = make_sbox()


def xtime(a):
    return ((a << 1) ^ 0x1B) & 0xFF if a & 0x80 else a << 1


def aes_block(key, block):
    words = [list(key[i:i + 4]) for i in range(0, 16, 4)]
    rcon = 1
    for i in range(4, 44):
        word = list(words[i - 1])
        if i % 4 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = xtime(rcon)
        words.append([a ^ b for a, b in zip(words[i - 4], word)])
    keys = [sum(words[i:i + 4], []) for i in range(0, 44, 4)]
    state = [a ^ b for a, b in zip(block, keys[0])]
    for turn in range(1, 11):
        state = [SBOX[b] for b in state]
        state = [state[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if turn < 10:
            mixed = []
            for c in range(0, 16, 4):
                col = state[c:c + 4]
                every = col[0] ^ col[1] ^ col[2] ^ col[3]
                mixed += [col[r] ^ every ^ xtime(col[r] ^ col[(r + 1) % 4]) for r in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[turn])]
    return bytes(state)


def aes_cbc(key, iv, plain):
    out, last = b"", iv
    for i in range(0, len(plain), 16):
        last = aes_block(key, bytes(a ^ b for a, b in zip(plain[i:i + 16], last)))
        out += last
    return out


K = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
assert aes_block(K, bytes.fromhex("3243f6a8885a308d313198a2e0370734")).hex() == "3925841d02dc09fbdc118597196a0b32"
assert aes_cbc(K, bytes(range(16)), bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
               ).hex() == "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"


# ---------------------------------------------------------------- one session
def le32(number):
    return struct.pack("<I", number)


def session(name, hash_name, code_bytes, user, password, role, console_id, managed_id, rm, rc, guid, message, iv, sequence):
    def mac(key, data):
        return hmac.new(key, data, hash_name).digest()

    user = user.encode()
    k_uid = password.encode().ljust(20, b"\0")  # 13.31: K[UID] is the user's key, 20 bytes, padded with 00h
    role_name = bytes([role, len(user)]) + user
    # 13.31, RAKP message 2: SIDM, SIDC, RM, RC, GUIDC, ROLEM, ULENGTHM, <UNAMEM>, keyed with K[UID]
    rakp2 = mac(k_uid, le32(console_id) + le32(managed_id) + rm + rc + guid + role_name)
    # 13.31, RAKP message 3: RC, SIDM, ROLEM, ULENGTHM, <UNAMEM>, keyed with K[UID]
    rakp3 = mac(k_uid, rc + le32(console_id) + role_name)
    # 13.31, session integrity key: RM, RC, ROLEM, ULENGTHM, <UNAMEM>, keyed with K[G], which is K[UID] for one-key login
    sik = mac(k_uid, rm + rc + role_name)
    # 13.31, RAKP message 4: RM, SIDC, GUIDC, keyed with SIK; cut to the integrity algorithm's length (13.28.4)
    rakp4 = mac(sik, rm + le32(managed_id) + guid)[:code_bytes]
    # 13.32: K1 = HMAC SIK (20 bytes of 01h), K2 = HMAC SIK (20 bytes of 02h)
    k1, k2 = mac(sik, b"\x01" * 20), mac(sik, b"\x02" * 20)
    # 13.29.1: AES-CBC-128 keyed with the first 16 bytes of K2; pad 01h, 02h, ..., then the pad length
    pad = bytes(range(1, 16 - len(message) % 16)) if len(message) % 16 != 15 else b""
    encrypted = iv + aes_cbc(k2[:16], iv, message + pad + bytes([len(pad)]))
    # Table 13-8: authentication type 06h, payload type 00h with encrypted (80h) and authenticated (40h), session id of
    # the receiver, sequence number, length; integrity pad FFh to a multiple of 4, pad length, next header 07h, code
    covered = b"\x06\xc0" + le32(managed_id) + le32(sequence) + struct.pack("<H", len(encrypted)) + encrypted
    integrity_pad = -(len(covered) + 2) % 4
    covered += b"\xff" * integrity_pad + bytes([integrity_pad, 7])
    packet = b"\x06\x00\xff\x07" + covered + mac(k1, covered)[:code_bytes]
    return {
        "name": name,
        "suite": {"sha1": 3, "sha256": 17}[hash_name],
        "user": user.decode(),
        "password": password,
        "role": role,
        "consoleSessionId": console_id,
        "managedSessionId": managed_id,
        "consoleRandom": rm.hex(),
        "managedRandom": rc.hex(),
        "guid": guid.hex(),
        "rakp2Code": rakp2.hex(),
        "rakp3Code": rakp3.hex(),
        "sik": sik.hex(),
        "rakp4Code": rakp4.hex(),
        "sequence": sequence,
        "iv": iv.hex(),
        "message": message.hex(),
        "packet": packet.hex(),
    }


def numbers(seed, count):
    """Bytes without a pattern, the same in every run."""
    return hashlib.sha512(seed.encode()).digest()[:count]


CASES = [
    ("short password", "admin", "secret123", 0x14),
    ("longest user and password", "sixteen-bytes-xx", "twenty-bytes-long-xx", 0x13),
    ("empty password, privilege lookup", "operator", "", 0x03),
    ("empty user", "", "secret123", 0x14),
]
vectors = []
for hash_name, code_bytes in (("sha1", 12), ("sha256", 16)):
    for index, (name, user, password, role) in enumerate(CASES):
        seed = "%s %d " % (hash_name, index)
        vectors.append(session(
            name, hash_name, code_bytes, user, password, role,
            struct.unpack("<I", numbers(seed + "console", 4))[0], struct.unpack("<I", numbers(seed + "managed", 4))[0],
            numbers(seed + "rm", 16), numbers(seed + "rc", 16), numbers(seed + "guid", 16),
            # Messages of 7 to 32 bytes: every remainder of the AES block and of the integrity pad that matters
            numbers(seed + "message", (7, 15, 16, 32)[index]), numbers(seed + "iv", 16), 1))
print(json.dumps({"source": "make-vectors.py", "vectors": vectors}, indent=2))
