/* SPDX-License-Identifier: Apache-2.0 */
#include "record/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/read.h"
#include "record/record.h"
#include "record/strict.h"
#include "rpingmesh/control.h"

/* ---- writing ---- */

static void
ask_pack_tuple(struct record *r, const struct ask_tuple *t)
{
	record_addr(r, "source", &t->source);
	record_addr(r, "destination", &t->destination);
	record_u64(r, "src_port", t->src_port);
	record_u64(r, "traffic_class", t->traffic_class);
	record_u64_if(r, "flow_label", t->flow_label, t->flow_label != 0);
}

static void
ask_pack_traces(msgpack_packer *pk, const struct ask *ask)
{
	struct record r;

	msgpack_pack_array(pk, ask->n_traces);
	for (size_t i = 0; i < ask->n_traces; i++) {
		record_begin(&r, RECORD_ASK_TRACE);
		ask_pack_tuple(&r, &ask->traces[i]);
		record_end(&r, pk);
	}
}

static void
ask_pack_probes(msgpack_packer *pk, const struct ask *ask)
{
	struct record r;

	msgpack_pack_array(pk, ask->n_probes);
	for (size_t i = 0; i < ask->n_probes; i++) {
		record_begin(&r, RECORD_ASK_PROBE);
		ask_pack_tuple(&r, &ask->probes[i].tuple);
		record_u64(&r, "interval_ns", ask->probes[i].interval_ns);
		record_end(&r, pk);
	}
}

void
ask_pack(msgpack_packer *out, const struct ask *ask)
{
	struct record r;

	record_begin(&r, RECORD_ASK);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "host", ask->host);
	record_str(&r, "about", ask->about[0] ? ask->about : NULL);
	record_u64(&r, "made_ns", ask->made_ns);
	record_u64(&r, "until_ns", ask->until_ns);
	ask_pack_traces(record_key(&r, "trace"), ask);
	ask_pack_probes(record_key(&r, "probe"), ask);
	record_end(&r, out);
}

/* ---- reading ---- */

/* A number from min to max, both above 0; 0 after a mistake. */
static uint64_t
ask_number(struct strict *in, const msgpack_object *map, const char *key, uint64_t min,
	   uint64_t max)
{
	uint64_t n = 0;

	strict_number(in, map, key, min, max, &n);
	if (!n)
		strict_fail(in, -EINVAL, "no %s", key);
	return n;
}

static void
ask_addr(struct strict *in, const msgpack_object *map, const char *key, struct addr *out)
{
	const msgpack_object *o = read_find(map, key);

	if (!o || !strict_addr(o, out))
		strict_fail(in, -EINVAL, "%s is no address", key);
}

static void
ask_tuple(struct strict *in, const msgpack_object *map, struct ask_tuple *t)
{
	uint64_t class = 256, label = 0;

	ask_addr(in, map, "source", &t->source);
	ask_addr(in, map, "destination", &t->destination);
	if (addr_is_v4(&t->source) != addr_is_v4(&t->destination))
		strict_fail(in, -EINVAL, "source and destination are of two families");
	t->src_port = (uint16_t)ask_number(in, map, "src_port", 1, UINT16_MAX);
	strict_number(in, map, "traffic_class", 0, UINT8_MAX, &class);
	if (class > UINT8_MAX)
		strict_fail(in, -EINVAL, "no traffic_class");
	t->traffic_class = (uint8_t)class;
	strict_number(in, map, "flow_label", 0, 0xfffff, &label);
	t->flow_label = addr_is_v4(&t->source) ? 0 : (uint32_t)label;
}

static void
ask_traces(struct strict *in, const msgpack_object *map, struct ask *ask)
{
	const msgpack_object_array *list = strict_list(in, map, "trace", ASK_TRACES_MAX);

	for (uint32_t i = 0; list && in->rc == 0 && i < list->size; i++) {
		snprintf(in->at, sizeof(in->at), "trace[%" PRIu32 "]: ", i);
		ask_tuple(in, &list->ptr[i], &ask->traces[ask->n_traces++]);
		in->at[0] = '\0';
	}
}

static void
ask_probes(struct strict *in, const msgpack_object *map, struct ask *ask)
{
	const msgpack_object_array *list = strict_list(in, map, "probe", ASK_PROBES_MAX);

	for (uint32_t i = 0; list && in->rc == 0 && i < list->size; i++) {
		struct ask_probe *probe = &ask->probes[ask->n_probes++];

		snprintf(in->at, sizeof(in->at), "probe[%" PRIu32 "]: ", i);
		ask_tuple(in, &list->ptr[i], &probe->tuple);
		probe->interval_ns = ask_number(in, &list->ptr[i], "interval_ns",
						ASK_INTERVAL_MIN_NS, ASK_INTERVAL_MAX_NS);
		in->at[0] = '\0';
	}
}

static void
ask_read(struct strict *in, const msgpack_object *map, struct ask *ask)
{
	strict_text(in, map, "host", ask->host, sizeof(ask->host));
	if (read_find(map, "about"))
		strict_text(in, map, "about", ask->about, sizeof(ask->about));
	ask->made_ns = ask_number(in, map, "made_ns", 1, INT64_MAX);
	ask->until_ns = ask_number(in, map, "until_ns", 1, INT64_MAX);
	if (ask->until_ns <= ask->made_ns || ask->until_ns - ask->made_ns > ASK_LONGEST_NS)
		strict_fail(in, -EINVAL, "until_ns is not within 60 s after made_ns");
	ask_traces(in, map, ask);
	ask_probes(in, map, ask);
}

int
ask_unpack(const void *data, size_t len, struct ask **out, char error[ASK_ERROR])
{
	struct strict in = {.error = error, .size = ASK_ERROR};
	struct ask *ask;
	msgpack_unpacked msg;

	if (strict_open(&in, data, len, ASK_BYTES_MAX, "ask", &msg) < 0)
		return in.rc;
	ask = calloc(1, sizeof(*ask));
	if (ask)
		ask_read(&in, &msg.data, ask);
	else
		strict_fail(&in, -ENOMEM, "no memory");
	msgpack_unpacked_destroy(&msg);
	if (in.rc == 0)
		*out = ask;
	else
		free(ask);
	return in.rc;
}
