/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe protocol, version 1, between two rpingmeshd, which need not be of the same release.
 *
 * Probes and ACKs are UD SENDs over RoCE v2 (InfiniBand Architecture volume 1, Annex A17). What is
 * described here is the payload behind the 40 bytes of GRH that a UD receive buffer starts with.
 * Every integer is big-endian; there is no padding between fields. The exchange is that of
 * R-Pingmesh (SIGCOMM 2024), section 4.2:
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
 * Who may talk is settled first over rdma_cm's SIDR (RDMA_PS_UDP), whose private data is below.
 * The session number that the responder hands out there proves to it that the prober can be
 * reached at the address that it claims; a probe without it is not answered.
 *
 * How versions meet:
 *
 * - The request names the range of versions that the prober speaks. The responder takes the highest
 *   one that both speak; its reply names it, and its own range. The session's messages are of that
 *   version. If there is none in common, the reply is PROBE_WIRE_BAD_REQUEST with the range.
 * - Builds from before there were ranges speak version 1, look at one version number of a request
 *   or reply, and leave the bytes of the ranges zero. So a range of zeroes stands for that one
 *   number; a request has the lowest version there, and a refusal repeats the request's.
 * - Fields of requests and replies keep their places in all versions. What a version adds to them
 *   comes behind the names.
 * - Reserved bytes are sent as zero and not looked at. So version 1 may still put a field there if
 *   zero can mean "not known": that is how the ACK2 came to its SRC_PORT. A prober says in TAKES
 *   which types of messages it knows besides ACK1 and ACK2, so version 1 may have new ones, too.
 * - Whoever receives a message, request or reply that is longer than it knows ignores the rest. An
 *   ACK has at most PROBE_WIRE_ACK_MAX bytes, and no more than the probe.
 */
#ifndef RPINGMESH_INCLUDE_PROBE_WIRE_H
#define RPINGMESH_INCLUDE_PROBE_WIRE_H

#define PROBE_WIRE_MAGIC 0x52504d48u /* "RPMH" */
#define PROBE_WIRE_VERSION 1u /* of messages; the only one so far */

/* The range of versions that this build speaks. */
#define PROBE_WIRE_LOWEST 1u
#define PROBE_WIRE_HIGHEST 1u

/* Default rdma_cm service port (RDMA_PS_UDP name space: no UDP socket has it). */
#define PROBE_WIRE_PORT 21072u

#define PROBE_WIRE_GRH 40u     /* bytes in front of each received payload */
#define PROBE_WIRE_SIZE_MIN 50u /* of each message; the paper's probe size */
#define PROBE_WIRE_ACK_MAX 128u /* that a prober's buffers take */

enum probe_wire_type {
	PROBE_WIRE_PROBE = 1,
	PROBE_WIRE_ACK1 = 2,
	PROBE_WIRE_ACK2 = 3,
	PROBE_WIRE_REFUSED = 4, /* instead of both ACKs; only to who takes it */
};

/* Header of each message: offset of each field, its width in the name's comment. */
enum probe_wire_header {
	PROBE_WIRE_OFF_MAGIC = 0,   /* u32  PROBE_WIRE_MAGIC */
	PROBE_WIRE_OFF_VERSION = 4, /* u8   PROBE_WIRE_VERSION */
	PROBE_WIRE_OFF_TYPE = 5,    /* u8   enum probe_wire_type */
	PROBE_WIRE_OFF_LENGTH =
		6, /* u16  of the whole message with padding; equals what was received */
	PROBE_WIRE_OFF_SEQ =
		8, /* u64  random epoch of the prober in the high half, counter in the low */
	PROBE_WIRE_OFF_SESSION = 16, /* u64  from the SIDR reply; echoed in both ACKs */
	PROBE_WIRE_HEADER = 24,
};

/* PROBE: how the ACKs shall come back, then zeroes up to LENGTH (50 to the path MTU). */
enum probe_wire_probe {
	PROBE_WIRE_OFF_ACK_FLOW_LABEL = 24,    /* u32  flow label of the ACKs, 20 bits */
	PROBE_WIRE_OFF_ACK_TRAFFIC_CLASS = 28, /* u8 */
	PROBE_WIRE_OFF_ACK_SERVICE_LEVEL = 29, /* u8   0 to 15 */
	PROBE_WIRE_OFF_TAKES = 30, /* u8   PROBE_WIRE_TAKES_…, or-ed; the others are reserved */
};

/* The prober knows PROBE_WIRE_REFUSED. */
#define PROBE_WIRE_TAKES_REFUSED 1u

/* ACK1: the header, zeroes up to PROBE_WIRE_SIZE_MIN. */

/* ACK2: what the responder measured and knows; PROBE_WIRE_SIZE_MIN bytes in all. */
enum probe_wire_ack2 {
	PROBE_WIRE_OFF_DELAY = 24, /* u64  T4 - T3 in ns */
	PROBE_WIRE_OFF_T3 = 32, /* u64  T3 in ns of the responder's own clock, for people to read */
	PROBE_WIRE_OFF_ERROR = 40, /* u32  how far DELAY may be off, ns; 0xffffffff: that or more */
	PROBE_WIRE_OFF_CLOCK = 44, /* u8   enum probe_clock: 0 software, 1 hardware */
	PROBE_WIRE_OFF_FLAGS = 45, /* u8   PROBE_WIRE_FLAG_…, or-ed; the others are reserved */
	PROBE_WIRE_OFF_STALL = 46, /* u16  with PROBE_WIRE_FLAG_NOISE: for how many ms, 65535: that
				      or more; else 0 */
	PROBE_WIRE_OFF_SRC_PORT = 48, /* u16  UDP source port of the ACKs; 0: not known */
};

/*
 * REFUSED: the responder has received the probe, and its limits do not let it answer. The header,
 * then why, zeroes up to PROBE_WIRE_SIZE_MIN.
 */
#define PROBE_WIRE_OFF_WHY 24u /* u8  enum probe_wire_why; others: known to later versions only */

enum probe_wire_why {
	PROBE_WIRE_WHY_SOURCE = 1, /* its limit of probes/s from one source */
	PROBE_WIRE_WHY_TOTAL = 2,  /* its limit of probes/s in all */
};

/*
 * The responder's host did not run for a while around this probe: T3 may be late, and others may
 * have been lost.
 */
#define PROBE_WIRE_FLAG_NOISE 1u

/*
 * SIDR request private data (at most 180 bytes are left by rdma_cm's own header).
 *   0  u32  PROBE_WIRE_MAGIC
 *   4  u8   lowest version that the prober speaks
 *   5  u8   length of the host name, 0 to 64
 *   6  u8   highest version that the prober speaks; 0: no other than the lowest
 *   7  u8   reserved
 *   8  u32  Q_Key of the prober's QPs: the ACKs carry it
 *  12  u32  reserved
 *  16  u64  incarnation of the prober: random at each start
 *  24       host name, not terminated
 */
#define PROBE_WIRE_REQUEST_HEADER 24u
#define PROBE_WIRE_NAME_MAX 64u
#define PROBE_WIRE_REQUEST_MAX (PROBE_WIRE_REQUEST_HEADER + PROBE_WIRE_NAME_MAX)

/*
 * SIDR reply private data (at most 136 bytes).
 *   0  u32  PROBE_WIRE_MAGIC
 *   4  u8   version of the session; in a refusal: the request's lowest version
 *   5  u8   length of the host name, 0 to 48
 *   6  u8   length of the ToR name, 0 to 32
 *   7  u8   enum probe_wire_status
 *   8  u32  Q_Key of the responder's QP (the one that rdma_cm reports is a constant of the kernel)
 *  12  u32  QP number of the responder
 *  16  u64  incarnation of the responder: random at each start
 *  24  u64  session: goes into each probe
 *  32  u16  longest message that the responder's buffers take, bytes
 *  34  u16  probes/s that the responder answers to one source, 65535: that or more; 0: not known
 *  36  u8   lowest version that the responder speaks
 *  37  u8   highest version that the responder speaks; 0: no other than that at 4
 *  38  u16  reserved
 *  40       host name, then ToR name, not terminated
 */
#define PROBE_WIRE_REPLY_HEADER 40u
#define PROBE_WIRE_REPLY_HOST_MAX 48u
#define PROBE_WIRE_REPLY_TOR_MAX 32u
#define PROBE_WIRE_REPLY_MAX \
	(PROBE_WIRE_REPLY_HEADER + PROBE_WIRE_REPLY_HOST_MAX + PROBE_WIRE_REPLY_TOR_MAX)

/*
 * Why there is no session; QPN, Q_Key and session are 0 then. A value that is not here is a refusal
 * for a reason that only later versions know.
 */
enum probe_wire_status {
	PROBE_WIRE_ACCEPTED = 0,
	PROBE_WIRE_NOT_ALLOWED = 1, /* the prober's address is in none of the allowed networks */
	PROBE_WIRE_BUSY = 2,        /* no room for another session, or asked too often */
	PROBE_WIRE_NO_ROUTE = 3,    /* the responder cannot reach the prober's address */
	PROBE_WIRE_BAD_REQUEST = 4, /* no version in common, or a malformed request */
};

#endif
