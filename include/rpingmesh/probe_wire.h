/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe protocol, version 1, between two rpingmeshd, which may be of different releases.
 *
 * Probes and ACKs are UD SENDs over RoCE v2 (InfiniBand Architecture volume 1, Annex A17). This
 * describes the payload after the 40 bytes of GRH at the start of a UD receive buffer. All integers
 * are big-endian, and there is no padding between fields. The exchange is that of R-Pingmesh
 * (SIGCOMM 2024), section 4.2:
 *
 *     prober                                        responder
 *     T1 post, T2 sent        -- PROBE -->          T3 received
 *     T5 received, T6 handled <-- ACK1 --           T4 sent
 *                             <-- ACK2 (T4-T3) --
 *
 *     network RTT     = (T5 - T2) - (T4 - T3)
 *     prober delay    = (T6 - T1) - (T5 - T2)
 *     responder delay =  T4 - T3
 *
 * Before the first probe, prober and responder agree on a session over rdma_cm's SIDR
 * (RDMA_PS_UDP); its private data is described below. The responder's reply contains a session
 * number, and a probe without it is not answered. rdma_cm reports the address that a request
 * claims, and sends the reply to where the request came from. So the number proves nothing about
 * the address. Before the responder answers the first probe of a session, it sends a CHALLENGE to
 * the claimed address, and waits for the ECHO:
 *
 *     first PROBE             -->
 *                             <-- CHALLENGE (64 random bits)
 *     ECHO (the same bits)    -->
 *                             <-- ACK1, ACK2 of the first PROBE, whose T4 - T3 contains all this
 *
 * Promised, as long as nobody reads what others send and receive: a third host gets no ACKs sent
 * to another, ends or changes no session of another, is told no number of a proven session, and
 * can forge neither SIDR replies (NONCE) nor ACKs (session number, and the random half of SEQ).
 * Not promised: anything against a host on the path between the two, and anything to builds that
 * send no NONCE in their requests. They get no CHALLENGE, and their sessions count as proven with
 * the first probe, but do not end sessions of probers that do, nor use up their limit. So a third
 * host that asks like such a build in the name of another can have two ACKs sent there for each
 * probe that it forges, unless the other has a newer build that has sent a probe within 10
 * seconds. A reply without NONCE is taken at the first contact, and after four in a row: the peer
 * may have been downgraded. Only signatures prevent both.
 *
 * Versions:
 *
 * - The request contains the prober's range of versions. The responder chooses the highest version
 *   in both ranges; its reply contains this version and its own range. All messages of the session
 *   have this version. If there is no common version, the reply is PROBE_WIRE_BAD_REQUEST with the
 *   range.
 * - Builds from before there were ranges use version 1. They read one version number of a request
 *   or reply, and leave the bytes of the ranges zero. So a range of zeros means this one number. It
 *   is the lowest version in a request; a refusal repeats that of the request.
 * - Fields of requests and replies keep their places in all versions. New fields come after the
 *   names.
 * - Reserved bytes are sent as zero and ignored. So even version 1 may put a new field there if
 *   zero can mean "unknown", as in SRC_PORT of ACK2. A prober lists in TAKES which types of
 *   messages it accepts besides ACK1 and ACK2, so version 1 may have new types, too.
 * - If a message, request or reply is longer than expected, the receiver ignores the rest. An ACK
 *   has at most PROBE_WIRE_ACK_MAX bytes, and not more than the probe.
 *
 * Signatures: daemons that share keys sign all that they send, and drop what is not signed. A
 * signature is the SipHash-2-4 of all bytes before it, with the lowest byte first. Its place is:
 *
 * - in a probe and all answers but ACK2, and in an ECHO, the last of the first PROBE_WIRE_SIZE_MIN
 *   bytes; the bytes after it are padding, whose length is signed;
 * - in an ACK2, after the last field. Such an ACK2 has PROBE_WIRE_SIGNATURE bytes more than others,
 *   and may be longer than the probe, because only signed probes are answered;
 * - in requests and replies, the end of the private data, which is filled up with zeros.
 */
#ifndef RPINGMESH_INCLUDE_PROBE_WIRE_H
#define RPINGMESH_INCLUDE_PROBE_WIRE_H

#define PROBE_WIRE_MAGIC 0x52504d48u /* "RPMH" */
#define PROBE_WIRE_VERSION 1u /* of messages; the only one so far */

/* The range of versions of this build. */
#define PROBE_WIRE_LOWEST 1u
#define PROBE_WIRE_HIGHEST 1u

/* The default rdma_cm port. It is in the name space RDMA_PS_UDP, so it is not a UDP socket. */
#define PROBE_WIRE_PORT 21072u

#define PROBE_WIRE_GRH 40u     /* bytes before each received payload */
#define PROBE_WIRE_SIZE_MIN 50u /* of each message; the probe size in the paper */
#define PROBE_WIRE_ACK_MAX 128u /* the buffers of a prober have so many bytes */

#define PROBE_WIRE_SIGNATURE 8u
#define PROBE_WIRE_REQUEST_FULL 180u /* private data that rdma_cm sends; a longer one fails */
#define PROBE_WIRE_REPLY_FULL 136u

enum probe_wire_type {
	PROBE_WIRE_PROBE = 1,
	PROBE_WIRE_ACK1 = 2,
	PROBE_WIRE_ACK2 = 3,
	PROBE_WIRE_REFUSED = 4, /* instead of both ACKs, if the prober accepts it */
	PROBE_WIRE_CHALLENGE = 5, /* from the responder, only if the request had a NONCE */
	PROBE_WIRE_ECHO = 6,      /* from the prober, to the responder's QP */
};

/* The header of each message: the offsets of the fields, with their widths in the comments. */
enum probe_wire_header {
	PROBE_WIRE_OFF_MAGIC = 0,   /* u32  PROBE_WIRE_MAGIC */
	PROBE_WIRE_OFF_VERSION = 4, /* u8   PROBE_WIRE_VERSION */
	PROBE_WIRE_OFF_TYPE = 5,    /* u8   enum probe_wire_type */
	PROBE_WIRE_OFF_LENGTH =
		6, /* u16  of the whole message with padding; equals the received length */
	PROBE_WIRE_OFF_SEQ =
		8, /* u64  high half: random, differs for each probe; low half: counter */
	PROBE_WIRE_OFF_SESSION = 16, /* u64  from the SIDR reply; echoed in both ACKs */
	PROBE_WIRE_HEADER = 24,
};

/* PROBE: the path of the ACKs, then zeros up to LENGTH (50 to the path MTU). */
enum probe_wire_probe {
	PROBE_WIRE_OFF_ACK_FLOW_LABEL = 24,    /* u32  flow label of the ACKs, 20 bits */
	PROBE_WIRE_OFF_ACK_TRAFFIC_CLASS = 28, /* u8 */
	PROBE_WIRE_OFF_ACK_SERVICE_LEVEL = 29, /* u8   0 to 15 */
	PROBE_WIRE_OFF_TAKES = 30, /* u8   PROBE_WIRE_TAKES_…, or-ed; the others are reserved */
	PROBE_WIRE_OFF_BACK_ROUTERS = 31, /* u8   one more than the number of routers on the way of
					     this stream's ACKs; 0: unknown, or it varies */
	PROBE_WIRE_OFF_PORT = 32, /* u16  UDP source port of the stream's last probe; 0: unknown */
};

/* The prober accepts PROBE_WIRE_REFUSED. */
#define PROBE_WIRE_TAKES_REFUSED 1u

/*
 * ACK1: the header, then what shows how many routers were on both ways, then zeros up to
 * PROBE_WIRE_SIZE_MIN. The hop limit (IPv6) or TTL (IPv4) is in the GRH. Each router subtracts one.
 */
enum probe_wire_ack1 {
	PROBE_WIRE_OFF_HOP_LIMIT = 24, /* u8  hop limit at which the probe arrived; 0: unknown */
	PROBE_WIRE_OFF_SENT_HOP_LIMIT = 25, /* u8  with which the ACKs leave; 0: unknown */
	PROBE_WIRE_OFF_ACK1_FLAGS = 26, /* u8  PROBE_WIRE_SOLICITED; others are reserved */
};

/*
 * The responder sends all answers but ACK2 as solicited (the SE bit of the BTH), so that the prober
 * need not wake up for ACK2, whose time of arrival does not matter.
 */
#define PROBE_WIRE_SOLICITED 1u

/* ACK2: the responder's measurement; PROBE_WIRE_SIZE_MIN bytes in all. */
enum probe_wire_ack2 {
	PROBE_WIRE_OFF_DELAY = 24, /* u64  T4 - T3 in ns */
	PROBE_WIRE_OFF_T3 = 32, /* u64  T3 in ns of the responder's own clock, for people only */
	PROBE_WIRE_OFF_ERROR = 40, /* u32  error of DELAY in ns; 0xffffffff: so much or more */
	PROBE_WIRE_OFF_CLOCK = 44, /* u8   enum probe_clock: 0 software, 1 hardware */
	PROBE_WIRE_OFF_FLAGS = 45, /* u8   PROBE_WIRE_FLAG_…, or-ed; the others are reserved */
	PROBE_WIRE_OFF_STALL = 46, /* u16  length of the stall in ms, with PROBE_WIRE_FLAG_NOISE;
				      65535: so long or longer; otherwise 0 */
	PROBE_WIRE_OFF_SRC_PORT = 48, /* u16  UDP source port of the ACKs; 0: unknown */
};

/*
 * REFUSED: the responder has received the probe, but its limits do not allow an answer. The header,
 * then the reason, then zeros up to PROBE_WIRE_SIZE_MIN.
 */
#define PROBE_WIRE_OFF_WHY 24u /* u8  enum probe_wire_why; later versions may add values */

enum probe_wire_why {
	PROBE_WIRE_WHY_SOURCE = 1, /* the limit of probes/s from one source */
	PROBE_WIRE_WHY_TOTAL = 2,  /* the limit of probes/s from all sources */
};

/* CHALLENGE, ECHO: the header with SEQ of the probe, the token, zeros up to PROBE_WIRE_SIZE_MIN. */
#define PROBE_WIRE_OFF_TOKEN 24u /* u64  random, another for each session */

/*
 * The responder's host stalled at the time of this probe. T3 may be late, and other probes may have
 * been lost.
 */
#define PROBE_WIRE_FLAG_NOISE 1u

/*
 * SIDR request private data (rdma_cm's own header leaves at most 180 bytes).
 *   0  u32  PROBE_WIRE_MAGIC
 *   4  u8   lowest version of the prober
 *   5  u8   length of the host name, 0 to 64
 *   6  u8   highest version of the prober; 0: only the lowest
 *   7  u8   reserved
 *   8  u32  Q_Key of the prober's QPs, for the ACKs
 *  12  u32  reserved
 *  16  u64  incarnation of the prober: random at each start
 *           differs for each address that is asked
 *  24       host name, not terminated
 *           u64  NONCE: random for each request; 0: from before there were nonces
 *           u64  session number that the prober has; 0: none
 */
#define PROBE_WIRE_REQUEST_HEADER 24u
#define PROBE_WIRE_REQUEST_TAIL 16u
#define PROBE_WIRE_NAME_MAX 64u
#define PROBE_WIRE_REQUEST_MAX \
	(PROBE_WIRE_REQUEST_HEADER + PROBE_WIRE_NAME_MAX + PROBE_WIRE_REQUEST_TAIL)

/*
 * SIDR reply private data (at most 136 bytes).
 *   0  u32  PROBE_WIRE_MAGIC
 *   4  u8   version of the session; in a refusal: the request's lowest version
 *   5  u8   length of the host name, 0 to 48; a name that was too long ends in "~" and four
 *           hexadecimal digits of a hash of the whole name
 *   6  u8   length of the ToR name, 0 to 32
 *   7  u8   enum probe_wire_status
 *   8  u32  Q_Key of the responder's QP (the one that rdma_cm reports is a constant of the kernel)
 *  12  u32  QP number of the responder
 *  16  u64  incarnation of the responder: random at each start
 *  24  u64  session number, for each probe
 *  32  u16  longest message that fits into the responder's buffers, bytes
 *  34  u16  limit of answers/s to one source; 65535: so many or more; 0: unknown
 *  36  u8   lowest version of the responder
 *  37  u8   highest version of the responder; 0: only the version at 4
 *  38  u16  reserved
 *  40       host name, then ToR name, not terminated
 *           u64  NONCE of the request
 */
#define PROBE_WIRE_REPLY_HEADER 40u
#define PROBE_WIRE_REPLY_TAIL 8u
#define PROBE_WIRE_REPLY_HOST_MAX 48u
#define PROBE_WIRE_REPLY_TOR_MAX 32u
#define PROBE_WIRE_REPLY_MAX \
	(PROBE_WIRE_REPLY_HEADER + PROBE_WIRE_REPLY_HOST_MAX + PROBE_WIRE_REPLY_TOR_MAX + \
	 PROBE_WIRE_REPLY_TAIL)

/*
 * Why there is no session; then QPN, Q_Key and session are 0. An unknown value is a refusal for a
 * reason that a later version has added.
 */
enum probe_wire_status {
	PROBE_WIRE_ACCEPTED = 0,
	PROBE_WIRE_NOT_ALLOWED = 1, /* the prober's address is in none of the allowed networks */
	PROBE_WIRE_BUSY = 2,        /* no room for another session, or too many requests */
	PROBE_WIRE_NO_ROUTE = 3,    /* the responder cannot reach the prober's address */
	PROBE_WIRE_BAD_REQUEST = 4, /* no common version, or a malformed request */
};

#endif
