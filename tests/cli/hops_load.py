#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""For hops.sh: SOURCE DESTINATION PORT LABEL: twenty datagrams from PORT to port 4791, as RoCE has
them: not connected, IPv6 with this flow label. RoCE NICs drop them for their transport version."""
import ipaddress
import socket
import struct
import sys

IPV6_AUTOFLOWLABEL, IPV6_FLOWLABEL_MGR, IPV6_FLOWINFO_SEND = 70, 32, 33

source, destination, port, label = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4], 0)
v6 = ":" in source
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((source, port))
if v6:
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0)
if label:
    # struct in6_flowlabel_req: address, label, action GET, share ANY, flags CREATE, times
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_FLOWLABEL_MGR,
                 ipaddress.ip_address(destination).packed +
                 struct.pack("!I", label) + struct.pack("=BBHHHI", 0, 255, 1, 0, 0, 0))
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1)
payload = b"\x64\x0f" + bytes(30)
for _ in range(20):
    s.sendto(payload, (destination, 4791, label, 0) if v6 else (destination, 4791))
