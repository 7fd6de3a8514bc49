#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""names_server.py [--silent] ADDRESS... [NAME=ADDRESS...]: a name server (RFC 1035) of a few names,
in both directions, for names.sh, central_names.sh and tests/vm/test_kept.py. Prints a line when it
listens. With --log FILE before the others, it writes what it was asked for into FILE."""

import ipaddress
import select
import socket
import struct
import sys

A, PTR, AAAA = 1, 12, 28
LOG = None
ZONE = {"four.example": {A: "192.0.2.1"}, "six.example": {AAAA: "2001:db8::1"},
        "both.example": {A: "192.0.2.1", AAAA: "2001:db8::1"}}


def question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack_from(">H", packet, at + 1)[0], at + 5


def labels_of(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"


def add(name, address):
    ZONE[name] = {AAAA if ":" in address else A: address}
    ZONE[ipaddress.ip_address(address).reverse_pointer] = {PTR: name}


def answer(packet):
    name, kind, end = question(packet)
    address = ZONE.get(name, {}).get(kind)
    code = 0 if name in ZONE else 3
    if LOG:
        with open(LOG, "a") as f:
            f.write(f"{name} {kind}\n")
    head = packet[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 1 if address else 0, 0, 0)
    if not address:
        return head + packet[12:end]
    raw = labels_of(address) if kind == PTR else ipaddress.ip_address(address).packed
    return head + packet[12:end] + struct.pack(">HHHIH", 0xc00c, kind, 1, 0, len(raw)) + raw


def main():
    global LOG
    args = sys.argv[1:]
    if args[0] == "--log":
        LOG, args = args[1], args[2:]
    silent = args[0] == "--silent"
    sockets = []
    for address in args[silent:]:
        if "=" in address:
            add(*address.split("="))
            continue
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, 53))
        sockets.append(s)
    print("ready", flush=True)
    while True:
        for s in select.select(sockets, [], [])[0]:
            packet, peer = s.recvfrom(512)
            if not silent:
                s.sendto(answer(packet), peer)


main()
