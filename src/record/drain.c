/* SPDX-License-Identifier: Apache-2.0 */
#include "record/drain.h"

#include <errno.h>
#include <stdint.h>

#include "record/read.h"
#include "record/record.h"
#include "record/strict.h"
#include "rpingmesh/control.h"

void
drain_pack(msgpack_packer *out, const struct drain *drain)
{
	struct record r;

	record_begin(&r, RECORD_DRAIN);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "host", drain->host);
	record_str(&r, "reason", drain->reason);
	record_str(&r, "by", drain->by);
	record_u64(&r, "time_ns", drain->time_ns);
	record_u64(&r, "until_ns", drain->until_ns);
	record_end(&r, out);
}

int
drain_unpack(const void *data, size_t len, struct drain *out, char error[DRAIN_ERROR])
{
	struct strict in = {.error = error, .size = DRAIN_ERROR};
	msgpack_unpacked msg;

	*out = (struct drain){.time_ns = 0};
	if (strict_open(&in, data, len, DRAIN_BYTES_MAX, "drain", &msg) < 0)
		return in.rc;
	strict_text(&in, &msg.data, "host", out->host, sizeof(out->host));
	strict_text(&in, &msg.data, "reason", out->reason, sizeof(out->reason));
	strict_text(&in, &msg.data, "by", out->by, sizeof(out->by));
	strict_number(&in, &msg.data, "time_ns", 0, INT64_MAX, &out->time_ns);
	strict_number(&in, &msg.data, "until_ns", 1, INT64_MAX, &out->until_ns);
	if (!out->until_ns)
		strict_fail(&in, -EINVAL, "no until_ns");
	msgpack_unpacked_destroy(&msg);
	return in.rc;
}

void
central_beat_pack(msgpack_packer *out, const struct central_beat *beat)
{
	struct record r;

	record_begin(&r, RECORD_CENTRAL);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "host", beat->host);
	record_str(&r, "version", beat->version);
	record_u64(&r, "incarnation", beat->incarnation);
	record_u64(&r, "time_ns", beat->time_ns);
	if (beat->claims)
		record_u64(&r, "hosts", beat->hosts);
	if (beat->trace_interval_ns)
		record_u64(&r, "trace_interval_ns", beat->trace_interval_ns);
	record_end(&r, out);
}

int
central_beat_unpack(const void *data, size_t len, struct central_beat *out,
		    char error[DRAIN_ERROR])
{
	struct strict in = {.error = error, .size = DRAIN_ERROR};
	msgpack_unpacked msg;

	*out = (struct central_beat){.hosts = UINT64_MAX};
	if (strict_open(&in, data, len, DRAIN_BYTES_MAX, "central", &msg) < 0)
		return in.rc;
	strict_text(&in, &msg.data, "host", out->host, sizeof(out->host));
	strict_text(&in, &msg.data, "version", out->version, sizeof(out->version));
	if (!read_u64(&msg.data, "incarnation", &out->incarnation))
		strict_fail(&in, -EINVAL, "incarnation is no number");
	strict_number(&in, &msg.data, "hosts", 0, UINT32_MAX, &out->hosts);
	out->claims = out->hosts != UINT64_MAX;
	out->hosts = out->claims ? out->hosts : 0;
	strict_number(&in, &msg.data, "trace_interval_ns", 0, CENTRAL_TRACE_INTERVAL_MAX_NS,
		      &out->trace_interval_ns);
	strict_number(&in, &msg.data, "time_ns", 0, INT64_MAX, &out->time_ns);
	msgpack_unpacked_destroy(&msg);
	return in.rc;
}
