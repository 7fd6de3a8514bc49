/* SPDX-License-Identifier: Apache-2.0 */
#include "report_made.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"

#define PORTS 8u
#define STREAMS REPORT_MADE_STREAMS
#define TIMES 4u /* buckets of the times of a stream */

static struct report_port ports[PORTS];
static struct report_stream streams[STREAMS];
static uint32_t sent[STREAMS], rtt_ns[STREAMS];
static struct report_bucket buckets[STREAMS][TIMES];
static struct report_times times[STREAMS];
static struct report_row rows[STREAMS / 20];
static char devices[PORTS][16];

static void
make(void)
{
	for (uint32_t i = 0; i < PORTS; i++) {
		snprintf(devices[i], sizeof(devices[i]), "mlx5_%u", i);
		ports[i] = (struct report_port){.device = devices[i], .port = 1, .up = true};
	}
	for (uint32_t i = 0; i < STREAMS; i++) {
		struct report_stream *s = &streams[i];

		*s = (struct report_stream){.device = devices[i / 50], .port = 1, .size = 50,
					    .kind = i % 50 < 20 ? REPORT_TOR : REPORT_FABRIC,
					    .src_port = (uint16_t)(49152 + i), .back_port = 50000,
					    .job = ""};
		addr_parse("10.0.0.1", &s->source);
		addr_parse("10.200.100.1", &s->destination);
		memcpy(&s->destination.raw[13], &i, 2);
		sent[i] = 50;
		rtt_ns[i] = 5000 + i;
		for (uint16_t k = 0; k < TIMES; k++)
			buckets[i][k] = (struct report_bucket){
				(uint16_t)(report_time_bucket(rtt_ns[i]) + k), 60};
		times[i] = (struct report_times){buckets[i], TIMES};
	}
	for (uint32_t i = 0; i < STREAMS / 20; i++)
		rows[i] = (struct report_row){.place = i * 20, .classes = {[PROBE_LOST] = 1}};
}

void
report_made(uint64_t host, uint64_t sequence, uint64_t wall_ns, char name[REPORT_MADE_NAME],
	    struct report *out)
{
	const uint64_t whole = (sequence - 1) / 5 * 5 + 1;

	if (!ports[0].up)
		make();
	snprintf(name, REPORT_MADE_NAME, "gpu-%05u", (unsigned int)host);
	*out = (struct report){.host = name, .incarnation = host, .sequence = sequence,
			       .begin_ns = wall_ns - REPORT_MADE_S * NSEC_PER_SEC,
			       .end_ns = wall_ns, .streams_of = whole, .whole = whole == sequence,
			       .ports = ports, .n_ports = PORTS, .streams = streams,
			       .n_streams = STREAMS, .sent = sent, .rtt_ns = rtt_ns,
			       .times = times, .rows = rows, .n_rows = STREAMS / 20};
}
