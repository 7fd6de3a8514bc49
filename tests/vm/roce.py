# SPDX-License-Identifier: Apache-2.0
"""A host of the fabric without a daemon: RoCE v2 packets by hand, out of a packet socket.

Formats: InfiniBand Architecture volume 1, 9.2 (BTH), 9.6 (DETH), 12.11 (SIDR), Annexes A11 (the
addresses that rdma_cm puts in front of the private data) and A17 (RoCE v2 and its ICRC)."""

import ipaddress
import socket
import struct
import time
import zlib

from harness import address, check, parse_roce, sh

UD_SEND_ONLY = 0x64
GSI_QPN, GSI_QKEY = 1, 0x80010000
CM_CLASS, CM_SIDR_REQUEST, CM_SIDR_REPLY = 0x07, 0x17, 0x18
SERVICE_UDP = 0x01110000
PORT = 21072


def masked_icrc(ip, udp, bth, rest):
    """The invariant CRC: fields that routers change count as ones (A17.3.3)."""
    ip = ip[:1] + b"\xff" + ip[2:8] + b"\xff" + ip[9:10] + b"\xff\xff" + ip[12:]
    udp = udp[:6] + b"\xff\xff"
    bth = bth[:4] + b"\xff" + bth[5:]
    return struct.pack("<I", zlib.crc32(b"\xff" * 8 + ip + udp + bth + rest))


def checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(source, dest, qpn, qkey, src_qpn, payload, sport=0xc001):
    """An IPv4 packet with one UD SEND."""
    pad = -len(payload) % 4
    bth = struct.pack(">BBHII", UD_SEND_ONLY, 0x40 | pad << 4, 0xffff, qpn, 0)
    rest = struct.pack(">II", qkey, src_qpn) + payload + bytes(pad)
    length = 8 + len(bth) + len(rest) + 4
    udp = struct.pack(">HHHH", sport, 4791, length, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 1, 0x4000, 64, 17, 0,
                     socket.inet_aton(source), socket.inet_aton(dest))
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return ip + udp + bth + rest + masked_icrc(ip, udp, bth, rest)


class Request:
    """A SIDR request as a host has sent it: what stands in its private data."""

    def __init__(self, mad):
        data = mad[40 + 36:]
        self.qkey, _, self.incarnation = struct.unpack_from(">IIQ", data, 8)


def sidr_requests(packets):
    """Those in a capture."""
    return [(p["source"], p["dest"], Request(p["payload"])) for p in packets
            if p["qpn"] == GSI_QPN and len(p["payload"]) >= 256
            and struct.unpack_from(">H", p["payload"], 16)[0] == CM_SIDR_REQUEST]


def mapped(text):
    return bytes(12) + ipaddress.ip_address(text).packed


def sidr_request(claimed, dest, data, request_id):
    """A SIDR request whose private data claims to come from `claimed`."""
    mad = struct.pack(">BBBBHHQHHI", 1, CM_CLASS, 2, 3, 0, 0, request_id, CM_SIDR_REQUEST, 0, 0)
    cma = struct.pack(">BBH", 0, 0x40, 0) + mapped(claimed) + mapped(dest)
    body = struct.pack(">IHHQ", request_id, 0xffff, 0, SERVICE_UDP + PORT)
    return mad + body + (cma + data).ljust(216, b"\0")


def request_data(qkey, incarnation, nonce=None, name=b"stranger"):
    """Private data of a request: include/rpingmesh/probe_wire.h. Without nonce: of an old build."""
    head = struct.pack(">IBBBBIIQ", 0x52504d48, 1, len(name), 1, 0, qkey, 0, incarnation)
    return head + name + (struct.pack(">QQ", nonce, 0) if nonce else b"")


def probe(session, seq, flow_label=0, size=50):
    head = struct.pack(">IBBHQQIBB", 0x52504d48, 1, 1, size, seq, session, flow_label, 0, 0)
    return head.ljust(size, b"\0")


class Reply:
    """What a SIDR reply says (the private data by probe_wire.h)."""

    def __init__(self, mad):
        self.request_id, self.status = struct.unpack_from(">IB", mad, 24)
        data = mad[120:256]
        self.refused = data[7]
        self.qkey, self.qpn, self.incarnation, self.session = struct.unpack_from(">IIQQ", data, 8)
        self.nonce = struct.unpack_from(">Q", data, 40 + data[5] + data[6])[0]


class Neighbour:
    """Host `index` of the fabric: sends what it likes, and sees what arrives on its wire."""

    def __init__(self, index):
        self.address = address(index)
        self.device = f"h{index}"
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.bind((self.device, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        router = sh("ip", "-n", "router", "-br", "link", "show", f"p{index}").split()[2]
        own = sh("ip", "-br", "link", "show", self.device).split()[2]
        self.ethernet = bytes.fromhex((router + own).replace(":", "")) + b"\x08\x00"
        self.request_id = 0x4000

    def close(self):
        self.socket.close()

    def send(self, dest, qpn, qkey, payload, source=None, src_qpn=0x77):
        self.socket.send(self.ethernet + packet(source or self.address, dest, qpn, qkey, src_qpn,
                                                payload))

    def ask(self, dest, data, claimed=None):
        """Sends a SIDR request; returns its id."""
        self.request_id += 1
        self.send(dest, GSI_QPN, GSI_QKEY,
                  sidr_request(claimed or self.address, dest, data, self.request_id), src_qpn=1)
        return self.request_id

    def arrived(self, limit_s):
        """UD messages that arrive from others, until the time is up."""
        end = time.monotonic() + limit_s
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, where = self.socket.recvfrom(65536)
            except (TimeoutError, socket.timeout):
                return
            message = parse_roce(frame) if where[2] != socket.PACKET_OUTGOING else None
            if message and message["opcode"] == UD_SEND_ONLY and message["dest"] == self.address:
                yield message

    def reply(self, request_id, limit_s=10):
        for message in self.arrived(limit_s):
            mad = message["payload"]
            if message["qpn"] == GSI_QPN and len(mad) >= 256 and \
                    struct.unpack_from(">H", mad, 16)[0] == CM_SIDR_REPLY:
                reply = Reply(mad)
                if reply.request_id == request_id:
                    return reply
        return None

    def session(self, dest, qkey=0x5555, incarnation=0x1234):
        """Asks in its own name, and is answered."""
        reply = self.reply(self.ask(dest, request_data(qkey, incarnation)))
        check(reply and not reply.refused, f"{dest} does not answer: {reply and reply.refused}")
        return reply
