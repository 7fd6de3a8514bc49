/* SPDX-License-Identifier: Apache-2.0 */
#include "record/incident.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/read.h"
#include "record/record.h"
#include "record/strict.h"
#include "rpingmesh/control.h"

const char *const incident_kind_names[] = {"nic",  "link",   "switch",
					   "host", "tuples", "unknown", NULL};
const char *const incident_state_names[] = {"open", "closed", NULL};
const char *const incident_direction_names[] = {"both", "one_way", NULL};
const char *const incident_effect_names[] = {"loss", "delay", "size", NULL};
const char *const incident_priority_names[] = {"P0", "P1", "P2", NULL};
const char *const incident_what_names[] = {"opened", "reopened", "narrowed", "changed", "priority",
					   "acknowledged", "muted", "unmuted", "closed", "asked",
					   "answered", NULL};

bool
incident_is_muted(const struct incident *i, uint64_t wall_ns)
{
	return i->mute.time_ns && wall_ns < i->mute.until_ns;
}

/* ---- writing ---- */

static const char *
incident_or_nil(const char *text)
{
	return text[0] ? text : NULL;
}

static void
incident_pack_culprit(msgpack_packer *out, const struct incident_culprit *c)
{
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_CULPRIT);
	record_str(&r, "kind", incident_kind_names[c->kind]);
	record_str(&r, "name", c->name);
	record_str(&r, "host", incident_or_nil(c->host));
	record_str(&r, "device", incident_or_nil(c->device));
	record_str(&r, "from", incident_or_nil(c->from));
	record_str(&r, "to", incident_or_nil(c->to));
	pk = record_key(&r, "addresses");
	msgpack_pack_array(pk, c->n_addresses);
	for (size_t i = 0; i < c->n_addresses; i++)
		record_pack_str(pk, c->addresses[i]);
	record_end(&r, out);
}

static void
incident_pack_culprits(struct record *r, const struct incident *i)
{
	msgpack_packer *pk = record_key(r, "culprits");

	msgpack_pack_array(pk, i->n_culprits);
	for (size_t k = 0; k < i->n_culprits; k++)
		incident_pack_culprit(pk, &i->culprits[k]);
}

static void
incident_pack_jobs(struct record *r, const char *key, const struct incident_job *jobs, size_t n)
{
	msgpack_packer *pk = record_key(r, key);

	msgpack_pack_array(pk, n);
	for (size_t k = 0; k < n; k++)
		record_pack_str(pk, jobs[k].name);
}

static void
incident_pack_word(struct record *r, const char *key, const struct incident_word *word)
{
	struct record map;

	if (!word->time_ns) {
		record_str(r, key, NULL);
		return;
	}
	record_begin(&map, RECORD_INCIDENT_WORD);
	record_str(&map, "by", word->by);
	record_str(&map, "reason", word->reason);
	record_u64(&map, "time_ns", word->time_ns);
	record_u64_if(&map, "until_ns", word->until_ns, word->until_ns != 0);
	record_end(&map, record_key(r, key));
}

static void
incident_pack_events(struct record *r, const struct incident *i)
{
	msgpack_packer *pk = record_key(r, "events");
	struct record map;

	msgpack_pack_array(pk, i->n_events);
	for (size_t k = 0; k < i->n_events; k++) {
		record_begin(&map, RECORD_INCIDENT_EVENT);
		record_u64(&map, "time_ns", i->events[k].time_ns);
		record_str(&map, "what", incident_what_names[i->events[k].what]);
		record_str(&map, "text", i->events[k].text);
		record_end(&map, pk);
	}
}

void
incident_pack(msgpack_packer *out, const struct incident *i, bool muted, bool story)
{
	struct record r;

	record_begin(&r, RECORD_INCIDENT);
	record_u64(&r, "schema", CONTROL_SCHEMA);
	record_str(&r, "id", i->id);
	record_str(&r, "state", incident_state_names[i->state]);
	record_str(&r, "kind", incident_kind_names[i->kind]);
	incident_pack_culprits(&r, i);
	record_str(&r, "direction", incident_direction_names[i->direction]);
	record_str(&r, "effect", incident_effect_names[i->effect]);
	record_double(&r, "loss_ratio", i->loss_ratio);
	record_u64(&r, "delay_ns", i->delay_ns);
	record_double(&r, "confidence", i->confidence);
	record_u64(&r, "since_ns", i->since_ns);
	record_u64_if(&r, "closed_ns", i->closed_ns, i->closed_ns != 0);
	record_u64(&r, "first_ns", i->first_ns);
	record_u64(&r, "updated_ns", i->updated_ns);
	record_u64(&r, "opens", i->opens);
	record_str(&r, "priority", incident_priority_names[i->priority]);
	incident_pack_jobs(&r, "hurts", i->hurts, i->n_hurts);
	incident_pack_jobs(&r, "crosses", i->crosses, i->n_crosses);
	incident_pack_word(&r, "acknowledged", &i->acknowledged);
	record_bool(&r, "muted", muted);
	incident_pack_word(&r, "mute", &i->mute);
	incident_pack_word(&r, "unmuted", &i->unmuted);
	if (i->incarnation)
		record_u64(&r, "incarnation", i->incarnation);
	if (story)
		incident_pack_events(&r, i);
	record_end(&r, out);
}

/* ---- reading ---- */

/* A word of a table. One that is unknown may come from a newer central. */
static unsigned int
incident_word_of(struct strict *in, const msgpack_object *map, const char *key,
		 const char *const *words, unsigned int n)
{
	unsigned int at = read_word(map, key, words, n);

	if (at < n)
		return at;
	strict_fail(in, -EINVAL, "%s is no word of those that are known", key);
	return 0;
}

/* A text that may be missing. */
static void
incident_text_if(struct strict *in, const msgpack_object *map, const char *key, char *out,
		 size_t size)
{
	if (read_find(map, key))
		strict_text(in, map, key, out, size);
}

static void
incident_read_culprit(struct strict *in, const msgpack_object *map, struct incident_culprit *c)
{
	const msgpack_object_array *list;

	if (map->type != MSGPACK_OBJECT_MAP) {
		strict_fail(in, -EINVAL, "no map");
		return;
	}
	c->kind = incident_word_of(in, map, "kind", incident_kind_names, INCIDENT_KIND_N);
	strict_text(in, map, "name", c->name, sizeof(c->name));
	incident_text_if(in, map, "host", c->host, sizeof(c->host));
	incident_text_if(in, map, "device", c->device, sizeof(c->device));
	incident_text_if(in, map, "from", c->from, sizeof(c->from));
	incident_text_if(in, map, "to", c->to, sizeof(c->to));
	list = strict_list(in, map, "addresses", INCIDENT_ADDRS_MAX);
	for (uint32_t i = 0; list && i < list->size; i++)
		if (strict_copy(&list->ptr[i], c->addresses[i], ADDR_TEXT))
			c->n_addresses++;
		else
			strict_fail(in, -EINVAL, "addresses[%" PRIu32 "] is no text", i);
}

/* Gets a list and makes room for its elements; NULL if it is empty or wrong. */
static const msgpack_object_array *
incident_list(struct strict *in, const msgpack_object *map, const char *key, uint32_t max,
	      size_t size, void **room)
{
	const msgpack_object_array *list = strict_list(in, map, key, max);

	if (!list || !list->size)
		return NULL;
	*room = calloc(list->size, size);
	if (*room)
		return list;
	strict_fail(in, -ENOMEM, "no memory");
	return NULL;
}

static void
incident_read_culprits(struct strict *in, const msgpack_object *map, struct incident *out)
{
	void *room = NULL;
	const msgpack_object_array *list =
		incident_list(in, map, "culprits", INCIDENT_CULPRITS_MAX,
			      sizeof(*out->culprits), &room);

	out->culprits = room;
	for (uint32_t i = 0; list && in->rc == 0 && i < list->size; i++) {
		snprintf(in->at, sizeof(in->at), "culprits[%" PRIu32 "]: ", i);
		incident_read_culprit(in, &list->ptr[i], &out->culprits[i]);
		out->n_culprits++;
	}
	in->at[0] = '\0';
	if (!out->n_culprits)
		strict_fail(in, -EINVAL, "no culprits");
}

static size_t
incident_read_jobs(struct strict *in, const msgpack_object *map, const char *key,
		   struct incident_job **out)
{
	void *room = NULL;
	const msgpack_object_array *list =
		incident_list(in, map, key, INCIDENT_JOBS_MAX, sizeof(**out), &room);

	*out = room;
	for (uint32_t i = 0; list && i < list->size; i++)
		if (!strict_copy(&list->ptr[i], (*out)[i].name, INCIDENT_JOB))
			strict_fail(in, -EINVAL, "%s[%" PRIu32 "] is no name", key, i);
	return list ? list->size : 0;
}

static void
incident_read_word(struct strict *in, const msgpack_object *map, const char *key,
		   struct incident_word *out)
{
	const msgpack_object *word = read_map(map, key);

	if (!word)
		return;
	strict_text(in, word, "by", out->by, sizeof(out->by));
	strict_text(in, word, "reason", out->reason, sizeof(out->reason));
	strict_number(in, word, "time_ns", 1, INT64_MAX, &out->time_ns);
	strict_number(in, word, "until_ns", 1, INT64_MAX, &out->until_ns);
}

static void
incident_read_events(struct strict *in, const msgpack_object *map, struct incident *out)
{
	void *room = NULL;
	const msgpack_object_array *list;

	if (!read_find(map, "events"))
		return;
	list = incident_list(in, map, "events", INCIDENT_EVENTS_MAX, sizeof(*out->events), &room);
	out->events = room;
	for (uint32_t i = 0; list && in->rc == 0 && i < list->size; i++) {
		struct incident_event *e = &out->events[out->n_events++];

		snprintf(in->at, sizeof(in->at), "events[%" PRIu32 "]: ", i);
		e->what = incident_word_of(in, &list->ptr[i], "what", incident_what_names,
					   INCIDENT_WHAT_N);
		strict_text(in, &list->ptr[i], "text", e->text, sizeof(e->text));
		strict_number(in, &list->ptr[i], "time_ns", 0, INT64_MAX, &e->time_ns);
	}
	in->at[0] = '\0';
}

/* The id is part of a topic and of a key of the database. */
static void
incident_read_id(struct strict *in, const msgpack_object *map, struct incident *out)
{
	strict_text(in, map, "id", out->id, sizeof(out->id));
	if (strspn(out->id, "0123456789abcdef") != INCIDENT_ID - 1)
		strict_fail(in, -EINVAL, "id is no 16 hexadecimal digits");
}

static void
incident_read_figures(struct strict *in, const msgpack_object *map, struct incident *out)
{
	if (!read_double(map, "loss_ratio", &out->loss_ratio) ||
	    !(out->loss_ratio >= 0 && out->loss_ratio <= 1))
		strict_fail(in, -EINVAL, "loss_ratio is no number from 0 to 1");
	if (!read_double(map, "confidence", &out->confidence) ||
	    !(out->confidence >= 0 && out->confidence <= 1))
		strict_fail(in, -EINVAL, "confidence is no number from 0 to 1");
	strict_number(in, map, "delay_ns", 0, INT64_MAX, &out->delay_ns);
	strict_number(in, map, "since_ns", 1, INT64_MAX, &out->since_ns);
	strict_number(in, map, "closed_ns", 0, INT64_MAX, &out->closed_ns);
	strict_number(in, map, "first_ns", 0, INT64_MAX, &out->first_ns);
	strict_number(in, map, "updated_ns", 0, INT64_MAX, &out->updated_ns);
	strict_number(in, map, "opens", 1, INT64_MAX, &out->opens);
}

static void
incident_read(struct strict *in, const msgpack_object *map, struct incident *out)
{
	incident_read_id(in, map, out);
	out->state = incident_word_of(in, map, "state", incident_state_names, INCIDENT_STATE_N);
	out->kind = incident_word_of(in, map, "kind", incident_kind_names, INCIDENT_KIND_N);
	out->direction = incident_word_of(in, map, "direction", incident_direction_names,
					  INCIDENT_DIRECTION_N);
	out->effect = incident_word_of(in, map, "effect", incident_effect_names,
				       INCIDENT_EFFECT_N);
	out->priority = incident_word_of(in, map, "priority", incident_priority_names,
					 INCIDENT_PRIORITY_N);
	incident_read_figures(in, map, out);
	incident_read_culprits(in, map, out);
	out->n_hurts = incident_read_jobs(in, map, "hurts", &out->hurts);
	out->n_crosses = incident_read_jobs(in, map, "crosses", &out->crosses);
	incident_read_word(in, map, "acknowledged", &out->acknowledged);
	incident_read_word(in, map, "mute", &out->mute);
	incident_read_word(in, map, "unmuted", &out->unmuted);
	read_u64(map, "incarnation", &out->incarnation);
	incident_read_events(in, map, out);
}

int
incident_unpack(const void *data, size_t len, struct incident **out, char error[INCIDENT_ERROR])
{
	struct strict in = {.error = error, .size = INCIDENT_ERROR};
	msgpack_unpacked msg;
	struct incident *i;

	if (strict_open(&in, data, len, INCIDENT_BYTES_MAX, "incident", &msg) < 0)
		return in.rc;
	i = calloc(1, sizeof(*i));
	if (i)
		incident_read(&in, &msg.data, i);
	else
		strict_fail(&in, -ENOMEM, "no memory");
	msgpack_unpacked_destroy(&msg);
	if (in.rc == 0)
		*out = i;
	else
		incident_free(i);
	return in.rc;
}

void
incident_free(struct incident *i)
{
	if (!i)
		return;
	free(i->culprits);
	free(i->hurts);
	free(i->crosses);
	free(i->events);
	free(i);
}
