/* SPDX-License-Identifier: Apache-2.0 */
/* How long probes took inside the host of a report. */
#include <errno.h>

#include "record/read.h"
#include "record/record.h"
#include "record/report_impl.h"

void
report_delays_pack(msgpack_packer *out, const struct report_delays *delays)
{
	struct record map;

	record_begin(&map, RECORD_REPORT_DELAYS);
	record_u64(&map, "prober_p50_ns", delays->prober_p50_ns);
	record_u64(&map, "prober_p99_ns", delays->prober_p99_ns);
	record_u64(&map, "responder_p50_ns", delays->responder_p50_ns);
	record_u64(&map, "responder_p99_ns", delays->responder_p99_ns);
	record_end(&map, out);
}

void
report_delays_read(struct report_reader *r, const msgpack_object *map)
{
	const msgpack_object *from = read_map(map, "delays");
	struct report_delays *delays = &r->report->delays;

	if (!from) {
		strict_fail(&r->in, -EINVAL, "delays is no map");
		return;
	}
	delays->prober_p50_ns = strict_u32(&r->in, from, "prober_p50_ns", 0);
	delays->prober_p99_ns = strict_u32(&r->in, from, "prober_p99_ns", 0);
	delays->responder_p50_ns = strict_u32(&r->in, from, "responder_p50_ns", 0);
	delays->responder_p99_ns = strict_u32(&r->in, from, "responder_p99_ns", 0);
	r->report->has_delays = true;
}
