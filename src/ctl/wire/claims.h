/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon says about the probes of one RDMA port (records "probe") beside what was captured
 * on the wire meanwhile. Pure: times and packets come in. Bounded: what does not fit is left out,
 * and the verdicts rest on the rest.
 */
#ifndef RPINGMESH_CTL_WIRE_CLAIMS_H
#define RPINGMESH_CTL_WIRE_CLAIMS_H

#include <msgpack.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/wire/capture.h"

enum claims_verdict {
	CLAIMS_HOLDS,
	CLAIMS_DIFFERS,
	CLAIMS_UNKNOWN,
	CLAIMS_VERDICTS
};

#define CLAIMS_TEXT 200
#define CLAIMS_MAX 256 /* 5-tuples said, and seen */

/* The words "holds", "differs", "cannot tell". */
const char *claims_verdict_name(enum claims_verdict verdict);

struct claims;

/* Returns NULL if there is no memory. */
struct claims *claims_new(void);
void claims_free(struct claims *claims);

/* The RNIC's clock begins anew after that time; 0: never. Before the first claims_said(). */
void claims_wraps(struct claims *claims, uint64_t wrap_ns);
/* A record "probe" of this port. Only what was posted after since_ns (wall clock) counts. */
void claims_said(struct claims *claims, const msgpack_object *probe, uint64_t since_ns);
/* A datagram that left by the interface. */
void claims_seen(struct claims *claims, const struct capture_packet *packet);

/*
 * Whether the probes left with the UDP source ports that the daemon says. Cannot tell: if it says
 * none, or no packet to these destinations was captured. Writes why.
 */
enum claims_verdict claims_ports(const struct claims *claims, char text[CLAIMS_TEXT]);

/*
 * Whether the RNIC's clock (T2 of the records with clock "hw") runs as fast as the host's (T1),
 * within CLAIMS_CLOCK_PPM. Cannot tell: fewer than CLAIMS_CLOCK_PROBES such probes, or within less
 * than CLAIMS_CLOCK_NS. Writes why, and whether the clock was seen to begin anew. A clock that does
 * so at another number than the daemon says runs too fast or too slow in that step.
 *
 * The bound: IEEE 802.3 allows the oscillators of NICs 100 ppm, those of hosts are no worse; up to
 * 5 ms between T1 and T2 is 1,000 ppm of 5 s.
 */
#define CLAIMS_CLOCK_PPM 1200
#define CLAIMS_CLOCK_PROBES 10
#define CLAIMS_CLOCK_NS 5000000000ULL
#define CLAIMS_WRAP_MIN_NS 100000000U /* what wraps sooner is not followed from probe to probe */
enum claims_verdict claims_clock(const struct claims *claims, char text[CLAIMS_TEXT]);

#endif
