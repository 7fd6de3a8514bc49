/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker, and the connections to it in the place of bus/bus_link.h: MQTT 3.1.1 with clean
 * sessions, retained messages, wills, QoS 0 and 1. What it does is what the standard (OASIS, 2014)
 * allows a broker to do.
 *
 * A session has two ends: the link of the client, and the broker's. It is freed when both are gone.
 * Packets of one direction stay in order. While a process is cut off its packets wait, as those of
 * TCP do, and both ends give up after a while, each by itself.
 */
#include <stdio.h>
#include <string.h>

#include "bus/bus_link.h"
#include "bus/bus_queue.h"
#include "fleet.h"

#define HASH_FUNCTION(key, len, hash) HASH_OAT(key, len, hash)
#define uthash_malloc(size) fleet_alloc(size)
#define uthash_free(p, size) fleet_free(p)
#include <uthash.h>

enum fleet_kind {
	FLEET_CONNECT, FLEET_SUBSCRIBE, FLEET_PUBLISH, FLEET_DISCONNECT, FLEET_FIN,
	FLEET_CONNACK, FLEET_SUBACK, FLEET_PUBACK, FLEET_MESSAGE, FLEET_CLOSE,
};

struct fleet_packet {
	TAILQ_ENTRY(fleet_packet) next;
	enum fleet_kind kind;
	uint64_t due_ns;
	char *topic;
	void *payload;
	size_t size;
	bool retain;
	int mid, qos;
};

struct fleet_pipe {
	TAILQ_HEAD(fleet_packets, fleet_packet) packets;
	struct fleet_event event;
	uint64_t last_ns;        /* when the last packet arrives */
};

struct fleet_session {
	TAILQ_ENTRY(fleet_session) next;
	struct loop *loop;
	struct bus_link *link;   /* NULL: the client's end is gone */
	bool open;               /* the broker's end is there */
	bool accepted;           /* the broker has seen the name */
	char *client_id, *will;  /* will: may be NULL */
	char *filters[4];
	unsigned int n_filters;
	uint64_t keepalive_ns;
	struct fleet_pipe up, down;
	struct fleet_event client_gives_up, broker_gives_up;
};

struct bus_link {
	struct fleet_session *session;
	const struct bus_link_ops *ops;
	void *user;
	bool up, broken, silent; /* silent: the broker gets no word of the end */
	int mid;
	char reason[64];
	struct fleet_event event; /* the time limit of the connection, then `down` */
};

struct fleet_kept {
	UT_hash_handle hh;       /* by topic, in the order in which they came */
	char *topic;
	void *payload;
	size_t size;
};

static struct {
	bool up;
	TAILQ_HEAD(fleet_sessions, fleet_session) sessions;
	struct fleet_kept *kept;
	struct fleet_broker_stats stats;
} broker;
struct fleet_weather fleet_weather;

static char *
broker_text(const char *text)
{
	return text ? strcpy(fleet_alloc(strlen(text) + 1), text) : NULL;
}

static void *
broker_bytes(const void *bytes, size_t size)
{
	return size ? memcpy(fleet_alloc(size), bytes, size) : NULL;
}

/* ---- pipes ---- */

static void
pipe_drop(struct fleet_pipe *pipe)
{
	struct fleet_packet *packet;

	fleet_event_clear(&pipe->event);
	while ((packet = TAILQ_FIRST(&pipe->packets))) {
		TAILQ_REMOVE(&pipe->packets, packet, next);
		fleet_free(packet->topic);
		fleet_free(packet->payload);
		fleet_free(packet);
	}
}

static void
pipe_wait(struct fleet_pipe *pipe)
{
	const struct fleet_packet *first = TAILQ_FIRST(&pipe->packets);

	if (first)
		fleet_event_in(&pipe->event, first->due_ns > fleet_time.now_ns ?
						     first->due_ns - fleet_time.now_ns : 0);
}

static void
pipe_push(struct fleet_pipe *pipe, const struct fleet_packet *what)
{
	struct fleet_packet *packet = fleet_alloc(sizeof(*packet));

	*packet = *what;
	packet->topic = broker_text(what->topic);
	packet->payload = broker_bytes(what->payload, what->size);
	packet->due_ns = fleet_time.now_ns +
			 (fleet_weather.delay_ns ? fleet_random(fleet_weather.delay_ns) : 0);
	if (packet->due_ns < pipe->last_ns)
		packet->due_ns = pipe->last_ns;
	pipe->last_ns = packet->due_ns;
	TAILQ_INSERT_TAIL(&pipe->packets, packet, next);
	if (TAILQ_FIRST(&pipe->packets) == packet)
		pipe_wait(pipe);
}

/* To the broker. */
static void
session_up(struct fleet_session *session, enum fleet_kind kind)
{
	pipe_push(&session->up, &(struct fleet_packet){.kind = kind});
}

/* To the client, if there is one. */
static void
session_down(struct fleet_session *session, enum fleet_kind kind, int mid)
{
	if (session->link)
		pipe_push(&session->down, &(struct fleet_packet){.kind = kind, .mid = mid});
}

/* ---- the broker's end ---- */

static void
session_free(struct fleet_session *session)
{
	TAILQ_REMOVE(&broker.sessions, session, next);
	pipe_drop(&session->up);
	pipe_drop(&session->down);
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
	pipe_push(&session->down, &copy);
	broker.stats.delivered++;
	if (message->qos && fleet_weather.twice && fleet_chance(fleet_weather.twice))
		pipe_push(&session->down, &copy);
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
		kept->topic = broker_text(message->topic);
		HASH_ADD_KEYPTR(hh, broker.kept, kept->topic, strlen(kept->topic), kept);
	}
	kept->payload = broker_bytes(message->payload, message->size);
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

/* Closes the broker's end. */
static void
session_close(struct fleet_session *session, bool will)
{
	struct fleet_packet last = {.topic = session->will, .retain = true, .qos = 1};

	if (!session->open)
		return;
	session->open = false;
	pipe_drop(&session->up);
	fleet_event_clear(&session->broker_gives_up);
	if (will && session->will && session->accepted) {
		fleet_say("will on %s", session->will);
		broker_publish(&last);
	}
	if (session->link)
		session_down(session, FLEET_CLOSE, 0);
	else
		session_free(session);
}

static void
session_connect(struct fleet_session *session)
{
	struct fleet_session *other, *next;

	for (other = TAILQ_FIRST(&broker.sessions); other; other = next) {
		next = TAILQ_NEXT(other, next);
		if (other != session && other->accepted &&
		    strcmp(other->client_id, session->client_id) == 0)
			session_close(other, true);
	}
	session->accepted = true;
	session_down(session, FLEET_CONNACK, 0);
}

static void
session_subscribe(struct fleet_session *session, const struct fleet_packet *packet)
{
	const struct fleet_kept *kept, *next;
	struct fleet_session only = {.filters = {packet->topic}, .n_filters = 1};

	if (session->n_filters == 4)
		abort();
	session->filters[session->n_filters++] = broker_text(packet->topic);
	session_down(session, FLEET_SUBACK, packet->mid);
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
		session_down(session, FLEET_PUBACK, packet->mid);
}

static void
broker_kick(void)
{
	struct fleet_session *session;

	TAILQ_FOREACH(session, &broker.sessions, next)
		if (session->open && fleet_chance(8)) {
			fleet_say("the broker ends the connection of %s", session->client_id);
			session_close(session, true);
			return;
		}
}

/* A packet arrives at the broker. */
static void
session_receive(struct fleet_session *session, const struct fleet_packet *packet)
{
	if (packet->kind == FLEET_CONNECT)
		session_connect(session);
	else if (packet->kind == FLEET_SUBSCRIBE)
		session_subscribe(session, packet);
	else if (packet->kind == FLEET_PUBLISH)
		session_published(session, packet);
	else
		session_close(session, packet->kind == FLEET_FIN);
	if (fleet_weather.kicks && fleet_chance(fleet_weather.kicks))
		broker_kick();
}

/* ---- the client's end ---- */

static void
link_break(struct bus_link *link, const char *reason)
{
	if (link->broken)
		return;
	link->broken = true;
	link->up = false;
	snprintf(link->reason, sizeof(link->reason), "%s", reason);
	fleet_event_in(&link->event, 0);
}

static void
link_accepted(struct bus_link *link)
{
	fleet_event_clear(&link->event);
	link->up = true;
	link->ops->up(link->user);
}

/* A packet arrives at the client. */
static void
link_receive(struct bus_link *link, const struct fleet_packet *packet)
{
	if (packet->kind == FLEET_CONNACK)
		link_accepted(link);
	else if (packet->kind == FLEET_SUBACK)
		link->ops->granted(link->user, packet->mid, true);
	else if (packet->kind == FLEET_PUBACK)
		link->ops->done(link->user, packet->mid);
	else if (packet->kind == FLEET_MESSAGE)
		link->ops->message(link->user, packet->topic, packet->payload, packet->size,
				   packet->retain);
	else
		link_break(link, "the broker has closed the connection");
}

static void
session_pop(void *arg, struct fleet_pipe *pipe, bool up)
{
	struct fleet_session *session = arg;
	struct fleet_packet *packet = TAILQ_FIRST(&pipe->packets);

	if (session->loop->cut) {
		fleet_event_in(&pipe->event, SEC);
		return;
	}
	TAILQ_REMOVE(&pipe->packets, packet, next);
	pipe_wait(pipe);
	/* From here on the session may end. */
	if (up)
		session_receive(session, packet);
	else if (!session->link->broken)
		link_receive(session->link, packet);
	fleet_free(packet->topic);
	fleet_free(packet->payload);
	fleet_free(packet);
}

static void
session_pop_up(void *arg)
{
	session_pop(arg, &((struct fleet_session *)arg)->up, true);
}

static void
session_pop_down(void *arg)
{
	session_pop(arg, &((struct fleet_session *)arg)->down, false);
}

static void
session_client_gives_up(void *arg)
{
	struct fleet_session *session = arg;

	if (session->link && session->loop->cut)
		link_break(session->link, "no answer of the broker");
}

static void
session_broker_gives_up(void *arg)
{
	session_close(arg, true);
}

/* Either end hears nothing from the other one. */
static void
session_is_cut(struct fleet_session *session)
{
	uint64_t t = session->keepalive_ns;

	if (session->link)
		fleet_event_in(&session->client_gives_up, t + fleet_random(t));
	if (session->open)
		fleet_event_in(&session->broker_gives_up, t + t / 2);
}

static void
link_time(void *arg)
{
	struct bus_link *link = arg;

	if (link->broken)
		link->ops->down(link->user, link->reason);
	else
		link_break(link, "no answer");
}

int
bus_link_new(struct loop *loop, const struct bus_link_config *config,
	     const struct bus_link_ops *ops, void *user, struct bus_link **out)
{
	struct bus_link *link = fleet_alloc(sizeof(*link));
	struct fleet_session *session = fleet_alloc(sizeof(*session));

	*session = (struct fleet_session){
		.loop = loop, .link = link, .open = broker.up,
		.client_id = broker_text(config->client_id), .will = broker_text(config->will),
		.keepalive_ns = config->keepalive_s * SEC};
	TAILQ_INIT(&session->up.packets);
	TAILQ_INIT(&session->down.packets);
	session->up.event = (struct fleet_event){.fn = session_pop_up, .arg = session};
	session->down.event =
		(struct fleet_event){.fn = session_pop_down, .arg = session, .loop = loop};
	session->client_gives_up = (struct fleet_event){
		.fn = session_client_gives_up, .arg = session, .loop = loop};
	session->broker_gives_up =
		(struct fleet_event){.fn = session_broker_gives_up, .arg = session};
	TAILQ_INSERT_TAIL(&broker.sessions, session, next);
	*link = (struct bus_link){.session = session, .ops = ops, .user = user};
	link->event = (struct fleet_event){.fn = link_time, .arg = link, .loop = loop};
	fleet_event_in(&link->event, config->connect_ns);
	if (loop->cut)
		session->open = false; /* nobody hears of it */
	else if (broker.up)
		session_up(session, FLEET_CONNECT);
	else
		session_down(session, FLEET_CLOSE, 0);
	*out = link;
	return 0;
}

void
bus_link_free(struct bus_link *link)
{
	struct fleet_session *session = link ? link->session : NULL;

	if (!link)
		return;
	fleet_event_clear(&link->event);
	session->link = NULL;
	pipe_drop(&session->down);
	if (!session->open)
		session_free(session);
	else if (!link->silent)
		session_up(session, FLEET_FIN);
	fleet_free(link);
}

void
bus_link_publish(struct bus_link *link, struct bus_item *item)
{
	int mid = ++link->mid;
	const struct fleet_packet packet = {
		.kind = FLEET_PUBLISH, .topic = (char *)(uintptr_t)item->topic,
		.payload = (void *)(uintptr_t)item->payload, .size = item->size,
		.retain = item->retain, .mid = mid, .qos = item->qos};

	item->mid = mid;
	if (link->broken)
		return;
	pipe_push(&link->session->up, &packet);
	if (item->qos == 0)
		link->ops->done(link->user, mid);
}

int
bus_link_subscribe(struct bus_link *link, const char *filter, int qos)
{
	const struct fleet_packet packet = {.kind = FLEET_SUBSCRIBE, .qos = qos,
					    .topic = (char *)(uintptr_t)filter,
					    .mid = ++link->mid};

	if (link->broken)
		return -1;
	pipe_push(&link->session->up, &packet);
	return packet.mid;
}

void
bus_link_leave(struct bus_link *link, unsigned int wait_ms)
{
	(void)wait_ms;
	if (!link->broken)
		session_up(link->session, FLEET_DISCONNECT);
	fleet_event_clear(&link->event);
	link->broken = link->silent = true;
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
		session_free(TAILQ_FIRST(&broker.sessions));
	broker_forget();
}

void
fleet_broker_stop(bool wills)
{
	struct fleet_session *session, *next;

	broker.up = false;
	for (session = TAILQ_FIRST(&broker.sessions); session; session = next) {
		next = TAILQ_NEXT(session, next);
		session_close(session, wills);
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
			session_is_cut(session);
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
		pipe_drop(&session->up);
		session_is_cut(session);
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
