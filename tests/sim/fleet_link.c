/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of a session, in the place of bus/bus_link.h, and the wire in between. */
#include <stdio.h>
#include <string.h>

#include "bus/bus_link.h"
#include "bus/bus_queue.h"
#include "fleet_link.h"

struct fleet_weather fleet_weather;

char *
fleet_text(const char *text)
{
	return text ? strcpy(fleet_alloc(strlen(text) + 1), text) : NULL;
}

void *
fleet_bytes(const void *bytes, size_t size)
{
	return size ? memcpy(fleet_alloc(size), bytes, size) : NULL;
}

/* ---- pipes ---- */

void
fleet_pipe_drop(struct fleet_pipe *pipe)
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

void
fleet_pipe_push(struct fleet_pipe *pipe, const struct fleet_packet *what)
{
	struct fleet_packet *packet = fleet_alloc(sizeof(*packet));

	*packet = *what;
	packet->topic = fleet_text(what->topic);
	packet->payload = fleet_bytes(what->payload, what->size);
	packet->due_ns = fleet_time.now_ns +
			 (fleet_weather.delay_ns ? fleet_random(fleet_weather.delay_ns) : 0);
	if (packet->due_ns < pipe->last_ns)
		packet->due_ns = pipe->last_ns;
	pipe->last_ns = packet->due_ns;
	TAILQ_INSERT_TAIL(&pipe->packets, packet, next);
	if (TAILQ_FIRST(&pipe->packets) == packet)
		pipe_wait(pipe);
}

void
fleet_session_up(struct fleet_session *session, enum fleet_kind kind)
{
	fleet_pipe_push(&session->up, &(struct fleet_packet){.kind = kind});
}

void
fleet_session_down(struct fleet_session *session, enum fleet_kind kind, int mid)
{
	if (session->link)
		fleet_pipe_push(&session->down, &(struct fleet_packet){.kind = kind, .mid = mid});
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
		fleet_session_receive(session, packet);
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
	fleet_session_close(arg, true);
}

void
fleet_session_is_cut(struct fleet_session *session)
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
		.loop = loop, .link = link, .open = fleet_broker_is_up(),
		.client_id = fleet_text(config->client_id), .will = fleet_text(config->will),
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
	fleet_session_add(session);
	*link = (struct bus_link){.session = session, .ops = ops, .user = user};
	link->event = (struct fleet_event){.fn = link_time, .arg = link, .loop = loop};
	fleet_event_in(&link->event, config->connect_ns);
	if (loop->cut)
		session->open = false; /* nobody hears of it */
	else if (fleet_broker_is_up())
		fleet_session_up(session, FLEET_CONNECT);
	else
		fleet_session_down(session, FLEET_CLOSE, 0);
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
	fleet_pipe_drop(&session->down);
	if (!session->open)
		fleet_session_free(session);
	else if (!link->silent)
		fleet_session_up(session, FLEET_FIN);
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
	fleet_pipe_push(&link->session->up, &packet);
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
	fleet_pipe_push(&link->session->up, &packet);
	return packet.mid;
}

void
bus_link_leave(struct bus_link *link, unsigned int wait_ms)
{
	(void)wait_ms;
	if (!link->broken)
		fleet_session_up(link->session, FLEET_DISCONNECT);
	fleet_event_clear(&link->event);
	link->broken = link->silent = true;
}
