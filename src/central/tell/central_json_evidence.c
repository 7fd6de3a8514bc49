/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence of an incident as JSON: a page collects it (central_evidence.h), then writes it. */
#include "central/tell/central_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "central/incident/incidents.h"
#include "central/tell/central_evidence.h"
#include "central/tell/central_live.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "central/tell/central_trend.h"
#include "core/clock.h"
#include "serve/query.h"

struct central_proof {
	char id[INCIDENT_ID];
	struct central_evidence *evidence;
};

static int
central_proof_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	const struct central_tell *t = arg;
	struct central_proof *proof = calloc(1, sizeof(*proof));
	const struct incident *i = NULL;
	int rc = -ENOMEM;

	if (proof)
		rc = query_text(asked->query, "id", proof->id, sizeof(proof->id));
	if (rc == 0)
		i = incidents_find(t->incidents, proof->id);
	if (rc == 0)
		rc = i ? central_evidence_new(t->intake, t->roads, i, &proof->evidence) : -EINVAL;
	if (rc < 0) {
		free(proof);
		return rc;
	}
	*page = proof;
	*type = CENTRAL_JSON_TYPE;
	return 0;
}

/* An address with its switch or port. */
static void
central_proof_end_of(FILE *out, const struct roads *roads, const struct addr *a, uint32_t id,
		     const char *host)
{
	struct roads_switch sw;
	char text[ADDR_TEXT];

	fprintf(out, "{\"address\":\"%s\",\"host\":", addr_text(a, text));
	if (host)
		central_json_text(out, host);
	else
		fputs("null", out);
	fputs(",\"switch\":", out);
	if (roads_switch(roads, id, &sw))
		central_json_text(out, sw.name);
	else
		fputs("null", out);
	fputc('}', out);
}

static void
central_proof_link(FILE *out, const struct roads *roads, const struct central_evidence_link *l)
{
	struct roads_link link;

	/* Its id may be that of another link by now. */
	if (!roads_link(roads, l->id, &link) || !addr_equal(&link.from, &l->from) ||
	    !addr_equal(&link.to, &l->to))
		link = (struct roads_link){.from_switch = 0};
	fputs("{\"from\":", out);
	central_proof_end_of(out, roads, &l->from, link.from_switch, link.from_host);
	fputs(",\"to\":", out);
	central_proof_end_of(out, roads, &l->to, link.to_switch, link.to_host);
	fprintf(out,
		",\"candidate\":%s,\"tuples\":%" PRIu32 ",\"losing\":%" PRIu32 ",\"sent\":%" PRIu64
		",\"bad\":%" PRIu64 "}",
		l->culprit ? "true" : "false", l->tuples, l->losing, l->sent, l->bad);
}

static void
central_proof_tuple(FILE *out, const struct central_evidence_tuple *t)
{
	char source[ADDR_TEXT], destination[ADDR_TEXT];

	fprintf(out,
		"{\"source\":\"%s\",\"destination\":\"%s\",\"src_port\":%u,\"traffic_class\":%u,"
		"\"back_port\":%u,\"sent\":%" PRIu64 ",\"bad\":%" PRIu64 "}",
		addr_text(&t->there.source, source), addr_text(&t->there.destination, destination),
		t->there.src_port, t->there.traffic_class, t->back_port, t->sent, t->bad);
}

static void
central_proof_write(FILE *out, const struct central_tell *t, const struct central_proof *proof)
{
	const struct roads *roads = t->roads;
	struct central_evidence_info info;

	central_evidence_info(proof->evidence, &info);
	fprintf(out,
		"{\"type\":\"evidence\",\"incident\":\"%s\",\"window_s\":%" PRIu64
		",\"sent\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"losing\":%" PRIu32
		",\"clean\":%" PRIu32 ",\"untraced\":%" PRIu32 ",\"links_full\":%s,\"links\":[",
		proof->id,
		(uint64_t)(intake_window_ns(CENTRAL_EVIDENCE_WINDOW) / NSEC_PER_SEC), info.sent,
		info.bad, info.losing, info.clean, info.untraced,
		info.links_full ? "true" : "false");
	for (uint32_t i = 0; i < info.n_links; i++) {
		fputs(i ? ",\n" : "\n", out);
		central_proof_link(out, roads, central_evidence_link(proof->evidence, i));
	}
	fputs("],\n\"tuples\":[", out);
	for (uint32_t i = 0; i < info.n_tuples; i++) {
		fputs(i ? ",\n" : "\n", out);
		central_proof_tuple(out, central_evidence_tuple(proof->evidence, i));
	}
	fputs("],\n\"timeline\":", out);
	central_trend_write(central_live_trend(t->live), proof->id, out);
	fputs("}\n", out);
}

static int
central_proof_more(void *arg, void *page, struct buffer *out)
{
	const struct central_tell *t = arg;
	const struct central_proof *proof = page;
	struct central_json_piece piece;

	if (central_evidence_step(proof->evidence, clock_mono_ns()))
		return 1;
	if (central_json_open(&piece) < 0)
		return -ENOMEM;
	central_proof_write(piece.file, t, proof);
	return central_json_close(&piece, out);
}

static void
central_proof_end(void *arg, void *page)
{
	struct central_proof *proof = page;

	(void)arg;
	central_evidence_free(proof->evidence);
	free(proof);
}

const struct http_source central_json_evidence_source = {.path = "/api/1/evidence",
							 .begin = central_proof_begin,
							 .more = central_proof_more,
							 .end = central_proof_end};
