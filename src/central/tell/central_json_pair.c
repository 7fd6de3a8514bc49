/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ports as JSON: what their probes have met in both directions, by time and by 5-tuple, and the
 * paths of these. A port is HOST/DEVICE, as /api/1/mesh?from=TOR&to=TOR names it.
 */
#include "central/tell/central_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "central/intake/intake.h"
#include "central/mesh/mesh.h"
#include "central/picture/picture.h"
#include "central/registry/registry.h"
#include "central/roads/roads.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "core/clock.h"
#include "serve/query.h"

#define CENTRAL_PAIR_TUPLES 256u /* of a direction */
#define CENTRAL_PAIR_SLOTS 16u   /* at least INTAKE_SLOTS */

_Static_assert(CENTRAL_PAIR_SLOTS >= INTAKE_SLOTS, "all slots have room");

struct central_pair_port {
	char name[PICTURE_NAME];
	char host[PICTURE_NAME];
	const char *device;       /* within `name` */
};

struct central_pair {
	struct central_pair_port ports[2];
	uint64_t wall_ns;
	int next;                 /* the direction that comes next */
};

struct central_pair_slot {
	enum intake_window window;
	uint64_t begin_ns;        /* CLOCK_MONOTONIC */
	uint64_t sent, answered, lost, noise, slow, rtt_us;
};

/* One direction, while it is collected. */
struct central_pair_way {
	const struct central_pair_port *from;
	const struct registration_port *to;
	uint64_t now_ns;
	struct central_pair_slot slots[CENTRAL_PAIR_SLOTS];
	uint32_t n_slots;
	struct {
		const struct report_stream *stream;
		struct intake_counts counts;
		uint32_t usual_ns;
	} tuples[CENTRAL_PAIR_TUPLES];
	uint32_t n_tuples, left_out;
};

/* ---- the question ---- */

static int
central_pair_port(const char *query, const char *key, struct central_pair_port *port)
{
	int rc = query_text(query, key, port->name, sizeof(port->name));
	char *slash = rc == 0 ? strrchr(port->name, '/') : NULL;

	if (rc < 0 || !slash)
		return rc < 0 ? rc : -EINVAL;
	memcpy(port->host, port->name, (size_t)(slash - port->name));
	port->device = slash + 1;
	return 0;
}

/* The port as its host has registered it, or NULL. */
static const struct registration_port *
central_pair_find(const struct central_tell *t, const struct central_pair_port *port)
{
	const struct registry_host *host = registry_find(mesh_registry(t->mesh), port->host);
	struct registry_host_info info;

	if (!host)
		return NULL;
	registry_host_info(host, &info);
	for (size_t i = 0; i < info.registration->n_ports; i++)
		if (strcmp(info.registration->ports[i].device, port->device) == 0)
			return &info.registration->ports[i];
	return NULL;
}

static int
central_pair_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	struct central_pair *pair = calloc(1, sizeof(*pair));
	int rc = pair ? central_pair_port(asked->query, "from", &pair->ports[0]) : -ENOMEM;

	if (rc == 0)
		rc = central_pair_port(asked->query, "to", &pair->ports[1]);
	if (rc == 0 && (!central_pair_find(arg, &pair->ports[0]) ||
			!central_pair_find(arg, &pair->ports[1])))
		rc = -EINVAL;
	if (rc < 0) {
		free(pair);
		return rc;
	}
	pair->wall_ns = clock_wall_ns();
	*page = pair;
	*type = CENTRAL_JSON_TYPE;
	return 0;
}

/* ---- what its rows say ---- */

/* As in the mesh. */
static uint64_t
central_pair_lost(const struct intake_counts *c)
{
	return (uint64_t)c->lost + c->back_lost + c->unreachable;
}

static void
central_pair_count(struct central_pair_way *way, const struct intake_row *row)
{
	uint32_t n = 0;

	for (int w = INTAKE_WINDOWS - 1; w >= 0; w--) {
		uint32_t slots = (uint32_t)(intake_window_ns((enum intake_window)w) /
					    intake_slot_ns((enum intake_window)w));

		for (uint32_t age = slots; age-- > 0;) {
			struct intake_slot which = {(enum intake_window)w, age};
			struct central_pair_slot *slot = &way->slots[n];
			struct intake_counts c;

			if (!intake_stored_slot(row->stored, which, way->now_ns, &c,
						&slot->begin_ns))
				continue;
			slot->window = which.window;
			slot->sent += c.sent;
			slot->answered += c.answered;
			slot->lost += central_pair_lost(&c);
			slot->noise += c.noise;
			slot->slow += c.slow;
			slot->rtt_us += c.rtt_us;
			n++;
		}
	}
	way->n_slots = n;
}

static bool
central_pair_is_to(const struct registration_port *port, const struct addr *a)
{
	for (size_t i = 0; i < port->n_addrs; i++)
		if (addr_equal(&port->addrs[i], a))
			return true;
	return false;
}

static void
central_pair_row(void *arg, const struct intake_host *host, const struct intake_row *row)
{
	struct central_pair_way *way = arg;

	(void)host;
	if (strcmp(row->stream->device, way->from->device) != 0 ||
	    !central_pair_is_to(way->to, &row->stream->destination))
		return;
	central_pair_count(way, row);
	if (way->n_tuples == CENTRAL_PAIR_TUPLES) {
		way->left_out++;
		return;
	}
	way->tuples[way->n_tuples].stream = row->stream;
	intake_stored_sum(row->stored, INTAKE_MIDDLE, way->now_ns,
			  &way->tuples[way->n_tuples].counts);
	way->tuples[way->n_tuples++].usual_ns = intake_stored_usual_ns(row->stored, way->now_ns);
}

/* ---- as JSON ---- */

static void
central_pair_slots(FILE *out, const struct central_pair_way *way, uint64_t wall_ns)
{
	fputs("\"slots\":[", out);
	for (uint32_t i = 0; i < way->n_slots; i++) {
		const struct central_pair_slot *s = &way->slots[i];

		fprintf(out,
			"%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
			",%" PRIu64, i ? "," : "",
			(uint64_t)((wall_ns - (way->now_ns - s->begin_ns)) / NSEC_PER_SEC),
			(uint64_t)(intake_slot_ns(s->window) / NSEC_PER_SEC), s->sent, s->answered,
			s->lost, s->noise, s->slow);
		if (s->answered)
			fprintf(out, ",%" PRIu64 "]",
				(uint64_t)(s->rtt_us * NSEC_PER_USEC / s->answered));
		else
			fputs(",null]", out);
	}
	fputs("]", out);
}

static void
central_pair_router(FILE *out, const struct roads *roads, const struct addr *a, uint32_t id)
{
	struct roads_switch sw;
	char text[ADDR_TEXT];

	if (addr_is_zero(a)) {
		fputs("{\"address\":null,\"name\":null}", out);
		return;
	}
	fprintf(out, "{\"address\":\"%s\",\"name\":", addr_text(a, text));
	if (roads_switch(roads, id, &sw))
		central_json_text(out, sw.name);
	else
		fputs("null", out);
	fputs("}", out);
}

static void
central_pair_path(FILE *out, const struct roads *roads, const struct roads_tuple *tuple)
{
	struct roads_path path;

	if (!roads_find(roads, tuple, &path)) {
		fputs("null", out);
		return;
	}
	fprintf(out, "{\"traced_ns\":%" PRIu64 ",\"stable\":%s,\"reached\":%s,\"routers\":[",
		path.traced_ns, path.stable ? "true" : "false", path.reached ? "true" : "false");
	for (uint8_t i = 0; i < path.n_hops; i++) {
		fputs(i ? "," : "", out);
		central_pair_router(out, roads, &path.hops[i], path.switches[i]);
	}
	fputs("]}", out);
}

static void
central_pair_tuple(FILE *out, const struct roads *roads, const struct central_pair_way *way,
		   uint32_t i)
{
	const struct report_stream *s = way->tuples[i].stream;
	const struct intake_counts *c = &way->tuples[i].counts;
	const struct roads_tuple there = {s->source, s->destination, s->src_port,
					  s->traffic_class};
	const struct roads_tuple back = {s->destination, s->source, s->back_port,
					 s->traffic_class};
	char source[ADDR_TEXT], destination[ADDR_TEXT];

	fprintf(out,
		"%s\n{\"source\":\"%s\",\"destination\":\"%s\",\"src_port\":%u,\"back_port\":%u,"
		"\"traffic_class\":%u,\"size\":%" PRIu32 ",\"kind\":\"%s\",\"job\":",
		i ? "," : "", addr_text(&s->source, source),
		addr_text(&s->destination, destination), s->src_port, s->back_port,
		s->traffic_class, s->size, report_kind_names[s->kind]);
	if (s->job[0])
		central_json_text(out, s->job);
	else
		fputs("null", out);
	fprintf(out,
		",\"sent\":%" PRIu32 ",\"answered\":%" PRIu32 ",\"lost\":%" PRIu64
		",\"back_lost\":%" PRIu32 ",\"unreachable\":%" PRIu32 ",\"noise\":%" PRIu32
		",\"slow\":%" PRIu32, c->sent, c->answered, central_pair_lost(c), c->back_lost,
		c->unreachable, c->noise, c->slow);
	if (c->answered)
		fprintf(out, ",\"rtt_ns\":%" PRIu64,
			(uint64_t)(c->rtt_us * NSEC_PER_USEC / c->answered));
	else
		fputs(",\"rtt_ns\":null", out);
	if (way->tuples[i].usual_ns)
		fprintf(out, ",\"usual_ns\":%" PRIu32, way->tuples[i].usual_ns);
	else
		fputs(",\"usual_ns\":null", out);
	fputs(",\"there\":", out);
	central_pair_path(out, roads, &there);
	fputs(",\"back\":", out);
	central_pair_path(out, roads, &back);
	fputs("}", out);
}

/* Writes one direction. A port that has gone meanwhile has nothing. */
static void
central_pair_way(FILE *out, const struct central_tell *t, const struct central_pair *pair,
		 struct central_pair_way *way)
{
	const struct central_pair_port *from = &pair->ports[pair->next];
	const struct central_pair_port *to = &pair->ports[!pair->next];
	const struct intake_host *host = intake_find(t->intake, from->host);

	way->from = from;
	way->to = central_pair_find(t, to);
	way->now_ns = clock_mono_ns();
	if (host && way->to)
		intake_rows(host, INTAKE_LONG, way->now_ns, central_pair_row, way);
	fputs("{\"from\":", out);
	central_json_text(out, from->name);
	fputs(",\"to\":", out);
	central_json_text(out, to->name);
	fprintf(out, ",\"reports\":%s,\n", host ? "true" : "false");
	central_pair_slots(out, way, pair->wall_ns);
	fprintf(out, ",\n\"left_out\":%" PRIu32 ",\"tuples\":[", way->left_out);
	for (uint32_t i = 0; i < way->n_tuples; i++)
		central_pair_tuple(out, t->roads, way, i);
	fputs("]}", out);
}

static int
central_pair_more(void *arg, void *page, struct buffer *out)
{
	struct central_pair *pair = page;
	struct central_pair_way *way = calloc(1, sizeof(*way));
	struct central_json_piece piece;
	bool last = pair->next == 1 || strcmp(pair->ports[0].name, pair->ports[1].name) == 0;
	int rc;

	if (!way || central_json_open(&piece) < 0) {
		free(way);
		return -ENOMEM;
	}
	if (pair->next == 0)
		fprintf(piece.file,
			"{\"type\":\"pair\",\"time_ns\":%" PRIu64 ",\"window_s\":%" PRIu64
			",\"ways\":[", pair->wall_ns,
			(uint64_t)(intake_window_ns(INTAKE_MIDDLE) / NSEC_PER_SEC));
	else
		fputs(",\n", piece.file);
	central_pair_way(piece.file, arg, pair, way);
	if (last)
		fputs("]}\n", piece.file);
	free(way);
	pair->next++;
	rc = central_json_close(&piece, out);
	return rc < 0 ? rc : !last;
}

static void
central_pair_end(void *arg, void *page)
{
	(void)arg;
	free(page);
}

const struct http_source central_json_pair_source = {.path = "/api/1/pair",
						     .begin = central_pair_begin,
						     .more = central_pair_more,
						     .end = central_pair_end};
