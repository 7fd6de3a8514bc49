/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wire/claims.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/read.h"

struct claims_tuple {
	struct addr source, destination;
	uint16_t src_port; /* 0: not said */
};

struct claims {
	struct claims_tuple said[CLAIMS_MAX], seen[CLAIMS_MAX];
	size_t n_said, n_seen;
	uint64_t probes, timed;
	uint64_t first_host, last_host, last_nic;
	double nic_ns; /* by the RNIC's clock, from the first probe to the last */
	uint64_t wrap_ns, wrapped;
};

const char *
claims_verdict_name(enum claims_verdict verdict)
{
	static const char *const names[CLAIMS_VERDICTS] = {"holds", "differs", "cannot tell"};

	return names[verdict];
}

struct claims *
claims_new(void)
{
	return calloc(1, sizeof(struct claims));
}

void
claims_free(struct claims *claims)
{
	free(claims);
}

static bool
claims_same(const struct claims_tuple *a, const struct claims_tuple *b)
{
	return a->src_port == b->src_port && addr_equal(&a->destination, &b->destination) &&
	       addr_equal(&a->source, &b->source);
}

static bool
claims_has(const struct claims_tuple *tuples, size_t n, const struct claims_tuple *tuple)
{
	for (size_t i = 0; i < n; i++)
		if (claims_same(&tuples[i], tuple))
			return true;
	return false;
}

static void
claims_add(struct claims_tuple *tuples, size_t *n, const struct claims_tuple *tuple)
{
	if (*n < CLAIMS_MAX && !claims_has(tuples, *n, tuple))
		tuples[(*n)++] = *tuple;
}

static bool
claims_address(const msgpack_object *probe, const char *key, struct addr *out)
{
	const msgpack_object *o = read_find(probe, key);
	char text[ADDR_TEXT];

	if (!o || o->type != MSGPACK_OBJECT_STR || o->via.str.size >= sizeof(text))
		return false;
	memcpy(text, o->via.str.ptr, o->via.str.size);
	text[o->via.str.size] = '\0';
	return addr_parse(text, out) == 0;
}

/*
 * By the RNIC's clock from the last probe to one that host_ns later stamped nic: of all numbers of
 * wraps, the one that fits the host's clock best.
 */
static double
claims_nic_ns(struct claims *claims, uint64_t host_ns, uint64_t nic)
{
	double wrap = (double)claims->wrap_ns, ns = (double)(int64_t)(nic - claims->last_nic), n;

	if (claims->wrap_ns < CLAIMS_WRAP_MIN_NS)
		return ns;
	n = round(((double)host_ns - ns) / wrap);
	if (n > 0)
		claims->wrapped += (uint64_t)n;
	return ns + n * wrap;
}

/* Adds the time by the two clocks since the last probe. */
static void
claims_time(struct claims *claims, const msgpack_object *probe)
{
	uint64_t host, nic;

	if (!read_is(probe, "clock", "hw") || !read_u64(probe, "t1_ns", &host) ||
	    !read_u64(probe, "t2_ns", &nic))
		return;
	if (claims->timed++ == 0)
		claims->first_host = host;
	else if (host > claims->last_host)
		claims->nic_ns += claims_nic_ns(claims, host - claims->last_host, nic);
	else
		return; /* a record that came late */
	claims->last_host = host;
	claims->last_nic = nic;
}

void
claims_wraps(struct claims *claims, uint64_t wrap_ns)
{
	claims->wrap_ns = wrap_ns;
}

void
claims_said(struct claims *claims, const msgpack_object *probe, uint64_t since_ns)
{
	struct claims_tuple tuple = {0};
	uint64_t at, port;
	bool posted = false;

	read_bool(probe, "posted", &posted);
	if (!posted || !read_u64(probe, "time_ns", &at) || at < since_ns ||
	    !claims_address(probe, "source", &tuple.source) ||
	    !claims_address(probe, "destination", &tuple.destination))
		return;
	claims->probes++;
	if (read_u64(probe, "src_port", &port) && port > 0 && port <= UINT16_MAX)
		tuple.src_port = (uint16_t)port;
	claims_add(claims->said, &claims->n_said, &tuple);
	claims_time(claims, probe);
}

void
claims_seen(struct claims *claims, const struct capture_packet *packet)
{
	struct claims_tuple tuple = {.source = packet->source,
				     .destination = packet->destination,
				     .src_port = packet->src_port};

	claims_add(claims->seen, &claims->n_seen, &tuple);
}

/* One port that left for the destination of a probe, or 0. */
static uint16_t
claims_port_seen(const struct claims *claims, const struct claims_tuple *said)
{
	for (size_t i = 0; i < claims->n_seen; i++)
		if (addr_equal(&claims->seen[i].source, &said->source) &&
		    addr_equal(&claims->seen[i].destination, &said->destination))
			return claims->seen[i].src_port;
	return 0;
}

struct claims_sums {
	size_t right, wrong, silent; /* 5-tuples with a port */
	uint16_t seen; /* for a probe without a port */
	const struct claims_tuple *bad;
};

static void
claims_sum(const struct claims *claims, struct claims_sums *s)
{
	for (size_t i = 0; i < claims->n_said; i++) {
		const struct claims_tuple *said = &claims->said[i];
		uint16_t seen = claims_port_seen(claims, said);

		if (said->src_port == 0) {
			s->silent++;
			s->seen = seen ? seen : s->seen;
		} else if (claims_has(claims->seen, claims->n_seen, said)) {
			s->right++;
		} else if (seen && claims->n_seen < CLAIMS_MAX) {
			s->wrong++;
			s->bad = said;
		}
	}
}

enum claims_verdict
claims_ports(const struct claims *claims, char text[CLAIMS_TEXT])
{
	struct claims_sums s = {0};
	char address[ADDR_TEXT];

	claims_sum(claims, &s);
	if (s.wrong) {
		snprintf(text, CLAIMS_TEXT, "said %u to %s; on the wire %u (%zu of %zu 5-tuples)",
			 s.bad->src_port, addr_text(&s.bad->destination, address),
			 claims_port_seen(claims, s.bad), s.wrong, s.wrong + s.right);
		return CLAIMS_DIFFERS;
	}
	if (s.right) {
		snprintf(text, CLAIMS_TEXT, "%zu 5-tuples of probes were captured as said",
			 s.right);
		return CLAIMS_HOLDS;
	}
	if (claims->probes == 0)
		snprintf(text, CLAIMS_TEXT, "no probe was sent meanwhile");
	else if (s.silent == claims->n_said && s.seen)
		snprintf(text, CLAIMS_TEXT,
			 "the rule of the driver is not known; on the wire: port %u", s.seen);
	else if (s.silent == claims->n_said)
		snprintf(text, CLAIMS_TEXT, "the rule of the driver is not known");
	else
		snprintf(text, CLAIMS_TEXT, "the RNIC sends past the kernel: nothing to capture; "
					    "compare with a mirror port of the switch");
	return CLAIMS_UNKNOWN;
}

enum claims_verdict
claims_clock(const struct claims *claims, char text[CLAIMS_TEXT])
{
	uint64_t host = claims->last_host - claims->first_host;
	double ppm;
	size_t n;

	if (claims->timed == 0) {
		snprintf(text, CLAIMS_TEXT, "no probe was timed by the RNIC");
		return CLAIMS_UNKNOWN;
	}
	if (claims->wrap_ns && claims->wrap_ns < CLAIMS_WRAP_MIN_NS) {
		snprintf(text, CLAIMS_TEXT, "it begins anew too often to be followed");
		return CLAIMS_UNKNOWN;
	}
	if (claims->timed < CLAIMS_CLOCK_PROBES || host < CLAIMS_CLOCK_NS) {
		snprintf(text, CLAIMS_TEXT, "only %" PRIu64 " probes within %.1f s were timed",
			 claims->timed, (double)host / 1e9);
		return CLAIMS_UNKNOWN;
	}
	ppm = (claims->nic_ns / (double)host - 1) * 1e6;
	n = (size_t)snprintf(text, CLAIMS_TEXT,
			     "in %.1f s of the host's clock it ran %+.0f ppm faster",
			     (double)host / 1e9, ppm);
	if (claims->wrapped)
		snprintf(text + n, CLAIMS_TEXT - n, ", and began anew %" PRIu64 " times",
			 claims->wrapped);
	else if (claims->wrap_ns)
		snprintf(text + n, CLAIMS_TEXT - n,
			 "; that it begins anew every %.0f s was not seen",
			 (double)claims->wrap_ns / 1e9);
	return ppm < CLAIMS_CLOCK_PPM && ppm > -CLAIMS_CLOCK_PPM ? CLAIMS_HOLDS : CLAIMS_DIFFERS;
}
