/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_incidents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "central/incident/incidents.h"
#include "central/mesh/mesh.h"
#include "central/tell/central_tell.h"
#include "core/clock.h"
#include "core/log.h"
#include "record/record.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/control.h"
#include "serve/param.h"

/* Closed incidents are recent for so long. */
#define CENTRAL_RECENT_NS (3600 * NSEC_PER_SEC)

bool
central_incident_muted(const struct central_tell *t, const struct incident *i)
{
	return incident_is_muted(i, clock_wall_ns()) ||
	       (i->culprits[0].host[0] && mesh_drained(t->mesh, i->culprits[0].host));
}

/* ---- the list ---- */

/* Which incidents a client wants: those that were closed after this. */
static int
central_param_state(const struct control_call *call, uint64_t *after_ns)
{
	const msgpack_object_map *map;
	char state[16];
	int rc = param_map(call->params, &map, call->error);

	if (rc == 0)
		rc = param_text(map, "state", state, sizeof(state), call->error);
	if (rc < 0)
		return rc;
	if (strcmp(state, "all") == 0)
		*after_ns = 0;
	else if (strcmp(state, "recent") == 0)
		*after_ns = clock_wall_ns() - CENTRAL_RECENT_NS;
	else if (!state[0] || strcmp(state, "open") == 0)
		*after_ns = UINT64_MAX;
	else
		return param_bad(call->error, "state", "open, recent or all");
	return 0;
}

int
central_incidents_method(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	const struct incident *i, *at[PARAM_PAGE_MAX];
	uint64_t number, after_ns = 0, next = 0;
	struct param_page page;
	struct record r;
	uint32_t n = 0;
	int rc = param_page(call->params, &page, call->error);

	if (rc == 0)
		rc = central_param_state(call, &after_ns);
	if (rc < 0)
		return rc;
	number = page.after;
	while (!next && (i = incidents_next(t->incidents, number, &number))) {
		if (i->state == INCIDENT_CLOSED && i->closed_ns <= after_ns)
			continue;
		at[n++] = i;
		next = n == page.limit ? number : 0;
	}
	record_begin(&r, RECORD_INCIDENTS);
	msgpack_pack_array(record_key(&r, "incidents"), n);
	for (uint32_t k = 0; k < n; k++)
		incident_pack(&r.pk, at[k], central_incident_muted(t, at[k]), false);
	record_u64_if(&r, "next", next, next != 0);
	record_end(&r, call->result);
	return 0;
}

/* ---- one incident ---- */

static int
central_no_incident(const struct control_call *call, int rc, const char *id, const char *what)
{
	call->error->code = -rc;
	snprintf(call->error->message, sizeof(call->error->message), "%s \"%s\"", what, id);
	return rc;
}

/* Finds the one incident whose id begins with the key "id". */
static int
central_param_incident(const struct control_call *call, const msgpack_object_map **map,
		       const struct incident **out)
{
	const struct central_tell *t = call->arg;
	const struct incident *i;
	char id[INCIDENT_ID];
	uint64_t number = 0;
	int rc = param_map(call->params, map, call->error);

	*out = NULL;
	if (rc == 0)
		rc = param_text(*map, "id", id, sizeof(id), call->error);
	if (rc == 0 && !id[0])
		rc = param_bad(call->error, "id", "the id of an incident");
	while (rc == 0 && (i = incidents_next(t->incidents, number, &number))) {
		if (strncmp(i->id, id, strlen(id)) != 0)
			continue;
		if (*out)
			return central_no_incident(call, -EINVAL, id, "more than one incident");
		*out = i;
	}
	return rc == 0 && !*out ? central_no_incident(call, -ENOENT, id, "no incident") : rc;
}

int
central_incident_method(const struct control_call *call)
{
	const struct central_tell *t = call->arg;
	const msgpack_object_map *map;
	const struct incident *i;
	int rc = central_param_incident(call, &map, &i);

	if (rc == 0)
		incident_pack(call->result, i, central_incident_muted(t, i), true);
	return rc;
}

/* ---- what operators say ---- */

struct central_say {
	int (*fn)(struct incidents *s, const char *id, const struct incident_word *word);
	const char *done;
	bool until;
};

/* A text that incident_unpack() takes, too. */
static int
central_param_text(const struct control_call *call, const msgpack_object_map *map,
		   const char *key, char *buf, size_t size)
{
	int rc = param_text(map, key, buf, size, call->error);

	for (const char *c = buf; rc == 0 && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return param_bad(call->error, key, "text without control characters");
	return rc == 0 && !buf[0] ? param_bad(call->error, key, "words") : rc;
}

static int
central_param_word(const struct control_call *call, const msgpack_object_map *map, bool has_until,
		   struct incident_word *word)
{
	const struct param_range until = {"until_ns", 0, 1, INT64_MAX, "a time by the wall clock"};
	int rc;

	*word = (struct incident_word){.time_ns = clock_wall_ns()};
	rc = central_param_text(call, map, "reason", word->reason, sizeof(word->reason));
	if (rc == 0)
		rc = central_param_text(call, map, "by", word->by, sizeof(word->by));
	if (rc == 0 && has_until)
		rc = param_number(map, &until, &word->until_ns, call->error);
	if (rc < 0 || !has_until)
		return rc;
	if (word->until_ns <= word->time_ns ||
	    word->until_ns - word->time_ns > CENTRAL_MUTE_MAX_NS)
		return param_bad(call->error, "until_ns", "a time within the next 366 days");
	return 0;
}

static int
central_say(const struct control_call *call, const struct central_say *say)
{
	const struct central_tell *t = call->arg;
	const msgpack_object_map *map;
	const struct incident *i;
	struct incident_word word;
	int rc = central_param_incident(call, &map, &i);

	if (rc == 0)
		rc = central_param_word(call, map, say->until, &word);
	if (rc < 0)
		return rc;
	say->fn(t->incidents, i->id, &word);
	log_info(CONTROL, "client %llu: incident %s is %s by %s: %s",
		 (unsigned long long)control_client_id(call->client), i->id, say->done, word.by,
		 word.reason);
	incident_pack(call->result, i, central_incident_muted(t, i), true);
	return 0;
}

int
central_incident_acknowledge(const struct control_call *call)
{
	static const struct central_say say = {incidents_acknowledge, "acknowledged", false};

	return central_say(call, &say);
}

int
central_incident_mute(const struct control_call *call)
{
	static const struct central_say say = {incidents_mute, "muted", true};

	return central_say(call, &say);
}

int
central_incident_unmute(const struct control_call *call)
{
	static const struct central_say say = {incidents_unmute, "unmuted", false};

	return central_say(call, &say);
}
