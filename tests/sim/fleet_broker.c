/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker: MQTT 3.1.1 with clean sessions, retained messages, wills, QoS 0 and 1. What it does is
 * what the standard (OASIS, 2014) allows a broker to do.
 */
#include <stdio.h>
#include <string.h>

#include "fleet_link.h"

#define HASH_FUNCTION(key, len, hash) HASH_OAT(key, len, hash)
#define uthash_malloc(size) fleet_alloc(size)
#define uthash_free(p, size) fleet_free(p)
#include <uthash.h>

struct fleet_kept {
	UT_hash_handle hh;       /* by topic, in the order in which they came */
	char *topic;
	void *payload;
	size_t size;
};

static struct {
	bool up;
	struct fleet_sessions sessions;
	struct fleet_kept *kept;
	struct fleet_broker_stats stats;
} broker;
/* ---- the broker's end ---- */

void
fleet_session_add(struct fleet_session *session)
{
	TAILQ_INSERT_TAIL(&broker.sessions, session, next);
}

void
fleet_session_free(struct fleet_session *session)
{
	TAILQ_REMOVE(&broker.sessions, session, next);
	fleet_pipe_drop(&session->up);
	fleet_pipe_drop(&session->down);
	fleet_event_clear(&session->client_gives_up);
	fleet_event_clear(&session->broker_gives_up);
	for (unsigned int i = 0; i < session->n_filters; i++)
		fleet_free(session->filters[i]);
	fleet_free(session->client_id);
	fleet_free(session->will);
	fleet_free(session);
}

static bool
session_wants(const struct fleet_session *session, const char *topic)
{
	for (unsigned int i = 0; i < session->n_filters; i++) {
		const char *filter = session->filters[i];
		size_t n = strlen(filter);

		if (strcmp(filter, topic) == 0)
			return true;
		/* PREFIX/+ */
		if (n && filter[n - 1] == '+' && strncmp(filter, topic, n - 1) == 0 &&
		    !strchr(topic + n - 1, '/'))
			return true;
	}
	return false;
}

static void
session_deliver(struct fleet_session *session, const struct fleet_packet *message, bool retain)
{
	struct fleet_packet copy = *message;

	if (!session->link)
		return;
	copy.kind = FLEET_MESSAGE;
	copy.retain = retain;
	fleet_pipe_push(&session->down, &copy);
	broker.stats.delivered++;
	if (message->qos && fleet_weather.twice && fleet_chance(fleet_weather.twice))
		fleet_pipe_push(&session->down, &copy);
}

static void
broker_keep(const struct fleet_packet *message)
{
	struct fleet_kept *kept;

	HASH_FIND_STR(broker.kept, message->topic, kept);
	if (kept) {
		broker.stats.retained_bytes -= kept->size;
		fleet_free(kept->payload);
	}
	if (kept && !message->size) {
		HASH_DEL(broker.kept, kept);
		fleet_free(kept->topic);
		fleet_free(kept);
	}
	if (!message->size)
		return;
	if (!kept) {
		kept = fleet_alloc(sizeof(*kept));
		kept->topic = fleet_text(message->topic);
		HASH_ADD_KEYPTR(hh, broker.kept, kept->topic, strlen(kept->topic), kept);
	}
	kept->payload = fleet_bytes(message->payload, message->size);
	kept->size = message->size;
	broker.stats.retained_bytes += kept->size;
}

static void
broker_publish(const struct fleet_packet *message)
{
	struct fleet_session *session;

	broker.stats.published++;
	broker.stats.bytes += message->size;
	if (message->retain)
		broker_keep(message);
	TAILQ_FOREACH(session, &broker.sessions, next)
		if (session->open && session_wants(session, message->topic))
			session_deliver(session, message, false);
}

void
fleet_session_close(struct fleet_session *session, bool will)
{
	struct fleet_packet last = {.topic = session->will, .retain = true, .qos = 1};

	if (!session->open)
		return;
	session->open = false;
	fleet_pipe_drop(&session->up);
	fleet_event_clear(&session->broker_gives_up);
	if (will && session->will && session->accepted) {
		fleet_say("will on %s", session->will);
		broker_publish(&last);
	}
	if (session->link)
		fleet_session_down(session, FLEET_CLOSE, 0);
	else
		fleet_session_free(session);
}

static void
session_connect(struct fleet_session *session)
{
	struct fleet_session *other, *next;

	for (other = TAILQ_FIRST(&broker.sessions); other; other = next) {
		next = TAILQ_NEXT(other, next);
		if (other != session && other->accepted &&
		    strcmp(other->client_id, session->client_id) == 0)
			fleet_session_close(other, true);
	}
	session->accepted = true;
	fleet_session_down(session, FLEET_CONNACK, 0);
}

static void
session_subscribe(struct fleet_session *session, const struct fleet_packet *packet)
{
	const struct fleet_kept *kept, *next;
	struct fleet_session only = {.filters = {packet->topic}, .n_filters = 1};

	if (session->n_filters == 4)
		abort();
	session->filters[session->n_filters++] = fleet_text(packet->topic);
	fleet_session_down(session, FLEET_SUBACK, packet->mid);
	HASH_ITER(hh, broker.kept, kept, next)
		if (session_wants(&only, kept->topic))
			session_deliver(session, &(struct fleet_packet){
				.topic = kept->topic, .payload = kept->payload,
				.size = kept->size, .qos = 1}, true);
}

/* FNV-1a, to tell payloads apart. */
static unsigned int
broker_sum(const struct fleet_packet *packet)
{
	const unsigned char *bytes = packet->payload;
	unsigned int sum = 2166136261u;

	for (size_t i = 0; i < packet->size; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

static void
session_published(struct fleet_session *session, const struct fleet_packet *packet)
{
	if (fleet_trace)
		fleet_say("%s: %s, %zu bytes, %08x", session->client_id, packet->topic,
			  packet->size, broker_sum(packet));
	broker_publish(packet);
	if (packet->qos)
		fleet_session_down(session, FLEET_PUBACK, packet->mid);
}

static void
broker_kick(void)
{
	struct fleet_session *session;

	TAILQ_FOREACH(session, &broker.sessions, next)
		if (session->open && fleet_chance(8)) {
			fleet_say("the broker ends the connection of %s", session->client_id);
			fleet_session_close(session, true);
			return;
		}
}

void
fleet_session_receive(struct fleet_session *session, const struct fleet_packet *packet)
{
	if (packet->kind == FLEET_CONNECT)
		session_connect(session);
	else if (packet->kind == FLEET_SUBSCRIBE)
		session_subscribe(session, packet);
	else if (packet->kind == FLEET_PUBLISH)
		session_published(session, packet);
	else
		fleet_session_close(session, packet->kind == FLEET_FIN);
	if (fleet_weather.kicks && fleet_chance(fleet_weather.kicks))
		broker_kick();
}

/* ---- what happens to the broker ---- */

void
fleet_broker_begin(void)
{
	memset(&broker, 0, sizeof(broker));
	TAILQ_INIT(&broker.sessions);
	broker.up = true;
}

static void
broker_forget(void)
{
	struct fleet_kept *kept, *next;

	HASH_ITER(hh, broker.kept, kept, next) {
		HASH_DEL(broker.kept, kept);
		fleet_free(kept->topic);
		fleet_free(kept->payload);
		fleet_free(kept);
	}
	broker.stats.retained_bytes = 0;
}

void
fleet_broker_end(void)
{
	while (!TAILQ_EMPTY(&broker.sessions))
		fleet_session_free(TAILQ_FIRST(&broker.sessions));
	broker_forget();
}

void
fleet_broker_stop(bool wills)
{
	struct fleet_session *session, *next;

	broker.up = false;
	for (session = TAILQ_FIRST(&broker.sessions); session; session = next) {
		next = TAILQ_NEXT(session, next);
		fleet_session_close(session, wills);
	}
}

void
fleet_broker_start(enum fleet_memory memory)
{
	broker.up = true;
	if (memory == FLEET_FORGETS)
		broker_forget();
}

bool
fleet_broker_is_up(void)
{
	return broker.up;
}

void
fleet_broker_forge(const char *topic, const void *payload, size_t size)
{
	const struct fleet_packet packet = {.topic = (char *)(uintptr_t)topic,
					    .payload = (void *)(uintptr_t)payload,
					    .size = size, .retain = true, .qos = 1};

	broker_publish(&packet);
}

void
fleet_broker_cut(struct loop *loop, bool cut)
{
	struct fleet_session *session;

	loop->cut = cut;
	TAILQ_FOREACH(session, &broker.sessions, next) {
		if (session->loop != loop)
			continue;
		fleet_event_clear(&session->client_gives_up);
		/* A client that is gone sends no sign of life. */
		if (!cut && session->link)
			fleet_event_clear(&session->broker_gives_up);
		if (cut)
			fleet_session_is_cut(session);
	}
}

void
fleet_broker_died(struct loop *loop, bool reset)
{
	struct fleet_session *session;

	TAILQ_FOREACH(session, &broker.sessions, next) {
		if (session->loop != loop || reset || !session->link)
			continue;
		session->link->silent = true;
		fleet_pipe_drop(&session->up);
		fleet_session_is_cut(session);
	}
}

const void *
fleet_broker_retained(const char *topic, size_t *size)
{
	const struct fleet_kept *kept;

	HASH_FIND_STR(broker.kept, topic, kept);
	*size = kept ? kept->size : 0;
	return kept ? kept->payload : NULL;
}

void
fleet_broker_each(void (*each)(void *arg, const char *topic, const void *payload, size_t size),
		  void *arg)
{
	const struct fleet_kept *kept, *next;

	HASH_ITER(hh, broker.kept, kept, next)
		each(arg, kept->topic, kept->payload, kept->size);
}

void
fleet_broker_stats(struct fleet_broker_stats *out)
{
	*out = broker.stats;
}
