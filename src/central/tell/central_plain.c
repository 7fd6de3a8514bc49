/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /plain: the incidents and the worst pairs of switches as tables in HTML, for browsers without
 * JavaScript. Names come from hosts, and become text.
 */
#include "central/tell/central_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "central/incident/incidents.h"
#include "central/picture/picture.h"
#include "central/tell/central_incidents.h"
#include "central/tell/central_live.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "core/clock.h"

#define PLAIN_PAIRS 100u     /* the worst */
#define PLAIN_INCIDENTS 100u

struct central_plain {
	struct picture_view *view;
	struct picture_info info;
	uint32_t next;           /* the cell to be looked at */
	const struct picture_cell *worst[PLAIN_PAIRS]; /* the worst first; borrowed from view */
	uint32_t n;
};

static int
central_plain_begin(void *arg, const struct http_asked *asked, void **page, const char **type)
{
	const struct central_tell *t = arg;
	struct central_plain *plain = calloc(1, sizeof(*plain));

	(void)asked;
	if (!plain)
		return -ENOMEM;
	plain->view = picture_hold(central_live_picture(t->live));
	picture_info(plain->view, &plain->info);
	*page = plain;
	*type = "text/html; charset=utf-8";
	return 0;
}

static void
central_plain_text(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else
			fputc(*text, out);
}

static void
central_plain_incident(FILE *out, const struct central_tell *t, const struct incident *i)
{
	fprintf(out, "<tr><td>%s<td>%s<td>", incident_priority_names[i->priority],
		incident_kind_names[i->kind]);
	central_plain_text(out, i->culprits[0].name);
	fprintf(out, "<td>%s<td>%.3f<td>%" PRIu64 "<td>%s\n", incident_effect_names[i->effect],
		i->loss_ratio, (uint64_t)(i->since_ns / NSEC_PER_SEC),
		central_incident_muted(t, i) ? "muted" : "");
}

static void
central_plain_incidents(FILE *out, const struct central_tell *t)
{
	const struct incident *i;
	uint64_t number = 0;
	uint32_t n = 0;

	fputs("<h1>rpingmesh</h1>\n<h2>Open incidents</h2>\n<table>\n<tr><th>priority<th>kind"
	      "<th>culprit<th>harm<th>loss ratio<th>since (Unix time)<th>muted\n", out);
	while (n < PLAIN_INCIDENTS && (i = incidents_next(t->incidents, number, &number))) {
		if (i->state != INCIDENT_OPEN)
			continue;
		central_plain_incident(out, t, i);
		n++;
	}
	fputs(n ? "</table>\n" : "</table>\n<p>Nothing is wrong, as far as the hosts that report "
				 "can tell.\n", out);
}

static double
central_plain_loss(const struct picture_cell *cell)
{
	uint64_t judged = cell->answered + cell->lost;

	return judged ? (double)cell->lost / (double)judged : 0;
}

/* Keeps the worst, in their order. */
static void
central_plain_look(struct central_plain *plain, const struct picture_cell *cell)
{
	uint32_t i;

	if (!cell->lost)
		return;
	for (i = plain->n; i > 0; i--) {
		if (central_plain_loss(plain->worst[i - 1]) >= central_plain_loss(cell))
			break;
		if (i < PLAIN_PAIRS)
			plain->worst[i] = plain->worst[i - 1];
	}
	if (i < PLAIN_PAIRS)
		plain->worst[i] = cell;
	if (plain->n < PLAIN_PAIRS)
		plain->n++;
}

static void
central_plain_pairs(FILE *out, const struct central_plain *plain)
{
	fprintf(out,
		"<h2>Pairs of switches that lose most, of the last 20 s</h2>\n<p>%" PRIu32
		" switches, %" PRIu32 " pairs\n<table>\n<tr><th>from<th>to<th>sent<th>lost<th>loss "
		"ratio\n", plain->info.names, plain->info.cells);
	for (uint32_t i = 0; i < plain->n; i++) {
		const struct picture_cell *cell = plain->worst[i];

		fputs("<tr><td>", out);
		central_plain_text(out, picture_name(plain->view, cell->from));
		fputs("<td>", out);
		central_plain_text(out, picture_name(plain->view, cell->to));
		fprintf(out, "<td>%" PRIu64 "<td>%" PRIu64 "<td>%.3f\n", cell->sent, cell->lost,
			central_plain_loss(cell));
	}
	fputs("</table>\n<p>All of it: <a href=\"/api/1/incidents\">incidents</a>, <a "
	      "href=\"/api/1/mesh\">mesh</a>, <a href=\"/api/1/hosts\">hosts</a>, <a "
	      "href=\"/api/1/status\">status</a> as JSON.\n</html>\n", out);
}

static int
central_plain_more(void *arg, void *page, struct buffer *out)
{
	enum { CELLS = 20000 }; /* in one step */
	struct central_plain *plain = page;
	struct central_json_piece piece;

	for (uint32_t i = 0; plain->next < plain->info.cells && i < CELLS; i++)
		central_plain_look(plain, picture_cell(plain->view, plain->next++));
	if (plain->next < plain->info.cells)
		return 1;
	if (central_json_open(&piece) < 0)
		return -ENOMEM;
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>rpingmesh"
	      "</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n", piece.file);
	central_plain_incidents(piece.file, arg);
	central_plain_pairs(piece.file, plain);
	return central_json_close(&piece, out);
}

static void
central_plain_end(void *arg, void *page)
{
	struct central_plain *plain = page;

	(void)arg;
	picture_release(plain->view);
	free(plain);
}

const struct http_source central_plain_source = {.path = "/plain",
						 .begin = central_plain_begin,
						 .more = central_plain_more,
						 .end = central_plain_end};
