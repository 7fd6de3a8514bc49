/* SPDX-License-Identifier: Apache-2.0 */
/* The RTTs of the streams of a report. */
#include <errno.h>
#include <inttypes.h>

#include "record/record.h"
#include "record/report_impl.h"
#include "stat/histogram.h"

#define REPORT_FINE 8u /* buckets of a histogram in one of ours */

static_assert(REPORT_TIME_BUCKETS * REPORT_FINE == HISTOGRAM_BUCKETS, "all of them");

uint16_t
report_time_bucket(uint64_t rtt_ns)
{
	return (uint16_t)(histogram_bucket(rtt_ns) / REPORT_FINE);
}

uint64_t
report_time_ns(uint16_t bucket)
{
	return histogram_low_ns(bucket * REPORT_FINE + REPORT_FINE / 2);
}

void
report_pack_times(struct record *r, const struct report *report)
{
	msgpack_packer *pk = record_key(r, "times");

	msgpack_pack_array(pk, report->n_streams);
	for (size_t i = 0; i < report->n_streams; i++) {
		const struct report_times *t = &report->times[i];

		msgpack_pack_array(pk, 2 * (size_t)t->n);
		for (uint32_t k = 0; k < t->n; k++) {
			msgpack_pack_uint16(pk, t->buckets[k].bucket);
			msgpack_pack_uint32(pk, t->buckets[k].n);
		}
	}
}

static void
report_buckets(struct report_reader *r, const msgpack_object_array *list, uint32_t place)
{
	struct report_times *times = &r->report->times[place];
	const msgpack_object *o = list->ptr[place].via.array.ptr;
	const uint32_t n = list->ptr[place].via.array.size / 2;

	for (uint32_t i = 0; i < n; i++, o += 2) {
		if (o[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
		    o[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
		    o[0].via.u64 >= REPORT_TIME_BUCKETS || !o[1].via.u64 ||
		    o[1].via.u64 > UINT32_MAX ||
		    (i && o[0].via.u64 <= times->buckets[i - 1].bucket)) {
			strict_fail(&r->in, -EINVAL,
				    "times[%" PRIu32 "] is no list of ascending buckets", place);
			return;
		}
		times->buckets[i] = (struct report_bucket){(uint16_t)o[0].via.u64,
							   (uint32_t)o[1].via.u64};
		times->n++;
	}
}

/* The number of all buckets. */
static size_t
report_times_size(struct report_reader *r, const msgpack_object_array *list)
{
	size_t n = 0;

	for (uint32_t i = 0; i < list->size; i++) {
		const msgpack_object *o = &list->ptr[i];

		if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size % 2 ||
		    o->via.array.size > 2 * REPORT_TIMES_MAX) {
			strict_fail(&r->in, -EINVAL,
				    "times[%" PRIu32 "] is no list of up to %u pairs", i,
				    REPORT_TIMES_MAX);
			return 0;
		}
		n += o->via.array.size / 2;
	}
	return n;
}

void
report_times_read(struct report_reader *r, const msgpack_object *map)
{
	const msgpack_object_array *list;
	struct report *report = r->report;
	struct report_bucket *buckets;
	size_t n;

	list = strict_list(&r->in, map, "times", REPORT_STREAMS_MAX);
	if (!list || list->size != report->n_streams) {
		strict_fail(&r->in, -EINVAL, "times are not as many as sent");
		return;
	}
	n = report_times_size(r, list);
	report->times = report_memory(r, list->size, sizeof(*report->times));
	buckets = report_memory(r, n, sizeof(*buckets));
	for (uint32_t i = 0; r->in.rc == 0 && i < list->size; i++) {
		report->times[i].buckets = buckets;
		report_buckets(r, list, i);
		buckets += report->times[i].n;
	}
}
