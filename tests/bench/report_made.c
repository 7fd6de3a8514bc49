/* SPDX-License-Identifier: Apache-2.0 */
#include "report_made.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"

#define PORTS 8u
#define PORT_STREAMS 50u
#define TOR_STREAMS 20u
#define STREAMS REPORT_MADE_STREAMS
#define TIMES 4u /* buckets of the times of a stream */
#define POD 64u
#define SPINES 64u
#define RANDOM_LOSS 1000u /* one row in so many has lost a probe */
#define BROKEN_SPINE 5u /* of the first rail */

bool report_made_broken;

/* ---- who probes whom ---- */

static uint32_t
pod_size(uint32_t host, uint32_t n_hosts)
{
	uint32_t first = host / POD * POD;

	return n_hosts - first < POD ? n_hosts - first : POD;
}

/* The other end of stream i of the host (sign 1), or the host whose stream i ends here (-1). */
static uint32_t
other(const struct report_made_host *h, uint32_t i, int sign)
{
	uint32_t k = i % PORT_STREAMS, first = 0, n = h->n_hosts, by;

	if (k < TOR_STREAMS && pod_size(h->number, n) > 1) {
		first = h->number / POD * POD;
		n = pod_size(h->number, h->n_hosts);
	}
	by = 1 + (k < TOR_STREAMS ? k : k * 397u) % (n - 1);
	return first + (h->number - first + (sign > 0 ? by : n - by)) % n;
}

static struct addr
v4(uint32_t a, uint32_t b, uint32_t cd)
{
	struct addr out = {.raw = {[10] = 0xff, [11] = 0xff, [12] = (uint8_t)a, [13] = (uint8_t)b,
				   [14] = (uint8_t)(cd >> 8), [15] = (uint8_t)cd}};

	return out;
}

static struct addr
port_addr(uint32_t host, uint32_t rail)
{
	return v4(10, rail, host);
}

static uint32_t
spine_of(uint32_t from, uint32_t to, uint32_t src_port)
{
	uint32_t mixed = from * 2654435761u + to * 2246822519u + src_port * 3266489917u;

	return mixed >> 13 & (SPINES - 1);
}

static bool
crosses(uint32_t from, uint32_t to, uint32_t src_port)
{
	return from / POD != to / POD && spine_of(from, to, src_port) == BROKEN_SPINE;
}

static uint16_t
there_port(uint32_t i)
{
	return (uint16_t)(49152 + i);
}

static uint16_t
back_port(uint32_t i)
{
	return (uint16_t)(50000 + i);
}

/* ---- registrations and paths ---- */

static void
set_name(struct report_made_host *h)
{
	snprintf(h->name, sizeof(h->name), "gpu-%05u", (unsigned int)h->number);
}

void
report_made_registration(struct report_made_host *h, struct registration *out)
{
	static struct registration_port ports[PORTS];

	set_name(h);
	memset(ports, 0, sizeof(ports));
	for (unsigned int i = 0; i < PORTS; i++) {
		struct registration_port *p = &ports[i];

		snprintf(p->device, sizeof(p->device), "mlx5_%u", i);
		p->port = 1;
		p->addrs[p->n_addrs++] = port_addr(h->number, i);
		snprintf(p->tors[p->n_tors++], REGISTRATION_NAME, "pod%u-rail%u",
			 (unsigned int)(h->number / POD), i);
		p->tor_by = REGISTRATION_TOR_LLDP;
		snprintf(p->rail, sizeof(p->rail), "rail%u", i);
		p->speed_mbps = 400000;
		p->mtu = 4096;
		p->hw_clock = true;
		p->out_per_s = 2000;
		p->in_per_s = 10000;
	}
	*out = (struct registration){.incarnation = h->number + 1, .time_ns = h->wall_ns,
				     .version = "bench", .ports = ports, .n_ports = PORTS};
	snprintf(out->host, sizeof(out->host), "%s", h->name);
}

static void
make_path(struct paths_path *p, uint32_t rail, uint32_t from, uint32_t to)
{
	uint32_t spine = spine_of(from, to, p->src_port);

	p->source = port_addr(from, rail);
	p->destination = port_addr(to, rail);
	p->reached = p->stable = true;
	p->n_hops = 0;
	p->hops[p->n_hops++] = v4(20 + rail, 0, from / POD);
	if (from / POD == to / POD)
		return;
	p->hops[p->n_hops++] = v4(30 + rail, spine, from / POD);
	p->hops[p->n_hops++] = v4(50 + rail, spine, to / POD);
}

void
report_made_paths(struct report_made_host *h, uint32_t part, struct paths *out)
{
	static struct paths_path paths[STREAMS];

	set_name(h);
	for (uint32_t i = 0; i < STREAMS; i++) {
		paths[i] = (struct paths_path){.src_port = part ? back_port(i) : there_port(i),
					       .time_ns = h->wall_ns};
		make_path(&paths[i], i / PORT_STREAMS, h->number, other(h, i, part ? -1 : 1));
	}
	*out = (struct paths){.incarnation = h->number + 1, .sequence = part + 1,
			      .time_ns = h->wall_ns, .whole = true, .part = part,
			      .parts = REPORT_MADE_PARTS, .paths = paths, .n_paths = STREAMS};
	snprintf(out->host, sizeof(out->host), "%s", h->name);
}

/* ---- reports ---- */

static struct report_port ports[PORTS];
static struct report_stream streams[STREAMS];
static struct report_heard heard[STREAMS];
static uint32_t sent[STREAMS], rtt_ns[STREAMS];
static struct report_bucket buckets[STREAMS][TIMES];
static struct report_times times[STREAMS];
static struct report_row rows[STREAMS];
static char devices[PORTS][16];

static void
make(void)
{
	for (uint32_t i = 0; i < PORTS; i++) {
		snprintf(devices[i], sizeof(devices[i]), "mlx5_%u", i);
		ports[i] = (struct report_port){.device = devices[i], .port = 1, .up = true};
	}
	for (uint32_t i = 0; i < STREAMS; i++) {
		sent[i] = 50;
		rtt_ns[i] = 5000 + i;
		for (uint16_t k = 0; k < TIMES; k++)
			buckets[i][k] = (struct report_bucket){
				(uint16_t)(report_time_bucket(rtt_ns[i]) + k), 60};
		times[i] = (struct report_times){buckets[i], TIMES};
	}
}

static void
make_streams(const struct report_made_host *h)
{
	for (uint32_t i = 0; i < STREAMS; i++) {
		uint32_t rail = i / PORT_STREAMS;

		streams[i] = (struct report_stream){
			.device = devices[rail], .port = 1, .size = 50, .job = "",
			.kind = i % PORT_STREAMS < TOR_STREAMS ? REPORT_TOR : REPORT_FABRIC,
			.src_port = there_port(i), .back_port = back_port(i),
			.source = port_addr(h->number, rail),
			.destination = port_addr(other(h, i, 1), rail)};
		heard[i] = (struct report_heard){
			.source = port_addr(other(h, i, -1), rail),
			.destination = port_addr(h->number, rail), .src_port = there_port(i),
			.received = 250};
	}
}

static bool
breaks(const struct report_made_host *h, uint32_t i)
{
	uint32_t to = other(h, i, 1);

	return report_made_broken && i < PORT_STREAMS && (crosses(h->number, to, there_port(i)) ||
							  crosses(to, h->number, back_port(i)));
}

/* splitmix64 */
static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static size_t
make_rows(const struct report_made_host *h, uint64_t sequence)
{
	size_t n = 0;

	for (uint32_t i = 0; i < STREAMS; i++) {
		uint64_t random = mix(sequence << 32 | (uint64_t)h->number << 12 | i);

		if (random % RANDOM_LOSS == 0 || breaks(h, i))
			rows[n++] = (struct report_row){.place = i,
							.classes = {[PROBE_LOST] = 1}};
	}
	return n;
}

void
report_made(struct report_made_host *h, uint64_t sequence, struct report *out)
{
	const uint64_t named = (sequence - 1) / 5 * 5 + 1;
	const bool whole = named == sequence;

	if (!ports[0].up)
		make();
	if (whole)
		make_streams(h);
	set_name(h);
	*out = (struct report){.host = h->name, .incarnation = h->number + 1,
			       .sequence = sequence,
			       .begin_ns = h->wall_ns - REPORT_MADE_S * NSEC_PER_SEC,
			       .end_ns = h->wall_ns, .streams_of = named, .whole = whole,
			       .ports = ports, .n_ports = PORTS, .streams = streams,
			       .n_streams = STREAMS, .sent = sent, .rtt_ns = rtt_ns,
			       .times = whole ? times : NULL, .rows = rows,
			       .n_rows = make_rows(h, sequence), .heard = whole ? heard : NULL,
			       .n_heard = whole ? STREAMS : 0};
}
