/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/1/incident: what an operator says about an incident, as a form
 * (application/x-www-form-urlencoded). The guard has checked the token.
 */
#include "central/tell/central_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/incident/incidents.h"
#include "central/tell/central_incidents.h"
#include "central/tell/central_pages.h"
#include "central/tell/central_tell.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/utf8.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/query.h"

enum central_post_status { POST_OK = 200, POST_WRONG = 400, POST_NONE = 404, POST_NO_MEMORY = 503 };

static const struct central_post_word {
	const char *name;
	int (*fn)(struct incidents *s, const char *id, const struct incident_word *word);
	bool ends; /* it needs an end */
} central_post_words[] = {
	{"acknowledge", incidents_acknowledge, false},
	{"mute", incidents_mute, true},
	{"unmute", incidents_unmute, false},
};
#define CENTRAL_POST_WORDS (sizeof(central_post_words) / sizeof(central_post_words[0]))

/* What is wrong in a form goes to `out`. Returns the status. */
static int
central_post_wrong(struct buffer *out, int status, const char *text)
{
	if (buffer_reserve(out, strlen(text) + 1) == 0) {
		buffer_add(out, text, strlen(text));
		buffer_add(out, "\n", 1);
	}
	return status;
}

/* Reads a text that incident_unpack() takes, too. */
static bool
central_post_text(const char *form, const char *key, char *buf, size_t size)
{
	uint32_t code;

	if (query_text(form, key, buf, size) < 0 || !buf[0])
		return false;
	for (size_t n, len = strlen(buf); len > 0; buf += n, len -= n) {
		n = utf8_next(buf, len, &code);
		if (n == 0 || utf8_is_control(code))
			return false;
	}
	return true;
}

static const struct central_post_word *
central_post_word(const char *form)
{
	char text[16];

	if (query_text(form, "say", text, sizeof(text)) < 0)
		return NULL;
	for (size_t i = 0; i < CENTRAL_POST_WORDS; i++)
		if (strcmp(text, central_post_words[i].name) == 0)
			return &central_post_words[i];
	return NULL;
}

/* Reads "for_s": how long a mute lasts. */
static bool
central_post_end(const char *form, struct incident_word *word)
{
	char text[16], *end;
	unsigned long seconds;

	if (query_text(form, "for_s", text, sizeof(text)) < 0 || text[0] < '0' || text[0] > '9')
		return false;
	seconds = strtoul(text, &end, 10);
	if (*end || seconds == 0 || seconds > CENTRAL_MUTE_MAX_NS / NSEC_PER_SEC)
		return false;
	word->until_ns = word->time_ns + seconds * NSEC_PER_SEC;
	return true;
}

static int
central_post_answer(const struct central_tell *t, const char *id, struct buffer *out)
{
	const struct incident *i = incidents_find(t->incidents, id);
	struct central_json_piece piece;
	msgpack_sbuffer packed;
	msgpack_packer pk;

	if (!i || central_json_open(&piece) < 0)
		return POST_NO_MEMORY;
	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&pk, &packed, msgpack_sbuffer_write);
	incident_pack(&pk, i, central_incident_muted(t, i), true);
	central_json_record(piece.file, &packed);
	fputc('\n', piece.file);
	msgpack_sbuffer_destroy(&packed);
	return central_json_close(&piece, out) < 0 ? POST_NO_MEMORY : POST_OK;
}

static int
central_post(void *arg, const struct http_asked *asked, struct buffer *out, const char **type)
{
	const struct central_tell *t = arg;
	const struct central_post_word *say = central_post_word(asked->body);
	struct incident_word word = {.time_ns = clock_wall_ns()};
	char id[INCIDENT_ID];

	if (!say)
		return central_post_wrong(out, POST_WRONG, "say: acknowledge, mute or unmute");
	if (!central_post_text(asked->body, "by", word.by, sizeof(word.by)))
		return central_post_wrong(out, POST_WRONG, "by: your name, without line breaks");
	if (!central_post_text(asked->body, "reason", word.reason, sizeof(word.reason)))
		return central_post_wrong(out, POST_WRONG,
					  "reason: why, up to 200 bytes, without line breaks");
	if (say->ends && !central_post_end(asked->body, &word))
		return central_post_wrong(out, POST_WRONG, "for_s: seconds, at most 366 days");
	if (query_text(asked->body, "id", id, sizeof(id)) < 0 ||
	    say->fn(t->incidents, id, &word) < 0)
		return central_post_wrong(out, POST_NONE, "id: there is no such incident");
	log_info(CONTROL, "HTTP: incident %s: %s by %s: %s", id, say->name, word.by, word.reason);
	*type = CENTRAL_JSON_TYPE;
	return central_post_answer(t, id, out);
}

const struct http_source central_post_source = {.path = "/api/1/incident", .post = central_post};
