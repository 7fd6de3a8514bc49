/* SPDX-License-Identifier: Apache-2.0 */
#include "record/record_window.h"

#include <assert.h>
#include <stddef.h>

#include "record/record.h"
#include "rpingmesh/control.h"

static const char *const record_window_by_names[] = {"target", "flow", "device"};
static_assert(sizeof(record_window_by_names) / sizeof(record_window_by_names[0]) ==
		      RECORD_WINDOW_BY_N,
	      "a name for each");

const char *
record_window_by_name(enum record_window_by by)
{
	return (unsigned int)by < RECORD_WINDOW_BY_N ? record_window_by_names[by] : "?";
}

static void
record_window_identity(struct record *r, const struct record_window_context *context,
		       const struct window_way *way)
{
	record_origin(r, context->origin);
	record_str(r, "by", record_window_by_name(context->by));
	record_str(r, "device", context->device);
	record_u64(r, "port", context->port);
	if (context->by == RECORD_WINDOW_DEVICE)
		return;
	record_addr(r, "source", addr_is_zero(&way->source) ? context->source : &way->source);
	record_addr(r, "destination", context->destination);
	record_str(r, "peer", context->peer);
	record_str(r, "hostname", context->hostname);
	record_str(r, "peer_tor", context->peer_tor);
	if (context->by == RECORD_WINDOW_FLOW)
		record_u64_if(r, "flow", context->flow, context->flow != 0);
	record_str(r, "kind", probe_kind_name(context->kind));
	record_u64(r, "interval_ns", context->interval_ns);
	record_u64(r, "flow_label", context->flow_label);
	record_u64(r, "traffic_class", context->traffic_class);
	record_u64(r, "service_level", context->service_level);
	record_u64_if(r, "src_port", way->src_port, way->src_port != PROBE_PORT_UNKNOWN);
	record_str(r, "path", probe_path_name(way->path));
}

static void
record_window_time(struct record *r, const struct window *w)
{
	record_u64(r, "start_ns", w->start_ns);
	record_u64(r, "end_ns", w->end_ns);
	record_u64(r, "start_mono_ns", w->start_mono_ns);
	record_u64(r, "windows", 1);
	record_bool(r, "clock_stepped", w->cut & WINDOW_CUT_CLOCK);
	record_bool(r, "length_changed", w->cut & WINDOW_CUT_LENGTH);
	record_bool(r, "path_changed", w->cut & WINDOW_CUT_WAY);
	record_bool(r, "ended", w->cut & WINDOW_CUT_GONE);
}

/* If nothing was answered or lost, loss_ratio is nil and the interval is 0 to 1. */
static void
record_window_loss(struct record *r, uint64_t judged, const struct interval *loss)
{
	record_double_if(r, "loss_ratio", loss->ratio, judged > 0);
	record_double(r, "loss_low", loss->low);
	record_double(r, "loss_high", loss->high);
}

static void
record_window_counts(struct record *r, const struct window *w)
{
	struct interval loss;

	window_loss(w, INTERVAL_LEVEL, &loss);
	record_u64(r, "due", w->due);
	record_u64(r, "posted", w->posted);
	for (int c = 0; c < PROBE_CLASS_N; c++)
		record_u64(r, probe_class_name((enum probe_class)c), w->by_class[c]);
	record_u64(r, "loss_lost", w->lost);
	record_u64(r, "loss_of", w->answered + w->lost);
	record_window_loss(r, w->answered + w->lost, &loss);
	record_double(r, "loss_level", INTERVAL_LEVEL);
	record_u64(r, "lost_noise", w->lost_noise);
	record_u64(r, "answered_noise", w->answered_noise);
}

static void
record_window_noise(struct record *r, const struct window *w)
{
	struct record map;

	record_begin(&map, RECORD_NOISE);
	for (int n = PROBE_NOISE_PROBER; n < PROBE_NOISE_N; n++)
		record_u64(&map, probe_noise_name((enum probe_noise)n), w->noise[n]);
	record_u64(&map, "rtt_count", w->noise_rtt_n);
	record_u64_if(&map, "rtt_mean_ns",
		      w->noise_rtt_n ? w->noise_rtt_sum_ns / w->noise_rtt_n : 0,
		      w->noise_rtt_n != 0);
	record_u64_if(&map, "rtt_max_ns", w->noise_rtt_max_ns, w->noise_rtt_n != 0);
	record_end(&map, record_key(r, "noise"));
}

static void
record_window_clock(struct record *r, const struct window *w)
{
	struct record map;

	record_begin(&map, RECORD_CLOCK);
	for (int c = 0; c < PROBE_CLOCK_N; c++)
		record_u64(&map, probe_clock_name((enum probe_clock)c), w->clock[c]);
	record_end(&map, record_key(r, "clock"));
}

static void
record_window_quantile(struct record *map, const char *key, const struct histogram *h,
		       uint32_t per_million)
{
	record_u64_if(map, key, histogram_quantile(h, per_million), h->count > 0);
}

/* Packs the buckets that are not empty: number, count, number, count, … */
static void
record_window_buckets(struct record *map, const struct histogram *h)
{
	msgpack_packer *pk = record_key(map, "buckets");

	msgpack_pack_array(pk, 2 * (size_t)h->n_bins);
	for (uint32_t i = 0; i < h->n_bins; i++) {
		msgpack_pack_uint32(pk, h->bins[i].bucket);
		msgpack_pack_uint64(pk, h->bins[i].count);
	}
}

static void
record_window_histogram(struct record *r, const char *key, const struct histogram *h)
{
	struct record map;

	record_begin(&map, RECORD_HISTOGRAM);
	record_u64(&map, "count", h->count);
	record_u64(&map, "sum_ns", h->sum_ns);
	record_u64_if(&map, "min_ns", h->min_ns, h->count > 0);
	record_window_quantile(&map, "p50_ns", h, 500000);
	record_window_quantile(&map, "p90_ns", h, 900000);
	record_window_quantile(&map, "p99_ns", h, 990000);
	record_window_quantile(&map, "p999_ns", h, 999000);
	record_u64_if(&map, "max_ns", h->max_ns, h->count > 0);
	record_window_buckets(&map, h);
	record_end(&map, record_key(r, key));
}

static void
record_window_size(msgpack_packer *pk, const struct window_size *size)
{
	struct interval loss;
	struct record map;

	window_size_loss(size, INTERVAL_LEVEL, &loss);
	record_begin(&map, RECORD_SIZE);
	record_u64_if(&map, "size", size->size, size->size != 0);
	record_u64(&map, "due", size->due);
	record_u64(&map, "answered", size->answered);
	record_u64(&map, "answered_noise", size->answered_noise);
	record_u64(&map, "lost", size->lost);
	record_u64(&map, "lost_noise", size->lost_noise);
	record_window_loss(&map, size->answered + size->lost, &loss);
	record_u64_if(&map, "rtt_min_ns", size->rtt.min_ns, size->rtt.count > 0);
	record_window_quantile(&map, "rtt_p50_ns", &size->rtt, 500000);
	record_window_quantile(&map, "rtt_p99_ns", &size->rtt, 990000);
	record_end(&map, pk);
}

static void
record_window_sizes(struct record *r, const struct window *w)
{
	msgpack_packer *pk = record_key(r, "sizes");

	msgpack_pack_array(pk, w->n_sizes);
	for (uint32_t i = 0; i < w->n_sizes; i++)
		record_window_size(pk, &w->size[i]);
}

/* The RTT of all sizes. If there is no memory for the whole histogram, it is nil. */
static void
record_window_rtt(struct record *r, const struct window *w)
{
	struct histogram rtt = {0};

	if (window_rtt(w, &rtt) == 0)
		record_window_histogram(r, "rtt", &rtt);
	else
		record_str(r, "rtt", NULL);
	histogram_clear(&rtt);
}

void
record_window(msgpack_packer *out, const struct record_window_context *context,
	      const struct window *w)
{
	struct record r;

	record_begin(&r, RECORD_WINDOW);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_window_identity(&r, context, &w->way);
	record_window_time(&r, w);
	record_window_counts(&r, w);
	record_window_noise(&r, w);
	record_window_clock(&r, w);
	record_window_sizes(&r, w);
	record_window_rtt(&r, w);
	record_window_histogram(&r, "prober_delay", &w->prober_delay);
	record_window_histogram(&r, "responder_delay", &w->responder_delay);
	record_u64(&r, "unbinned", w->unbinned);
	record_end(&r, out);
}
