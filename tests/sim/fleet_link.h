/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections between processes and the virtual broker. A session has two ends: the link of the
 * client (fleet_link.c, in the place of bus/bus_link.h), and the broker's (fleet_broker.c). It is
 * freed when both are gone.
 *
 * Packets of one direction stay in order. While a process is cut off its packets wait, as those of
 * TCP do, and both ends give up after a while, each by itself.
 */
#ifndef RPINGMESH_TESTS_SIM_FLEET_LINK_H
#define RPINGMESH_TESTS_SIM_FLEET_LINK_H

#include "bus/bus_link.h"
#include "fleet.h"

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

TAILQ_HEAD(fleet_sessions, fleet_session);

/* ---- fleet_link.c ---- */

char *fleet_text(const char *text);
void *fleet_bytes(const void *bytes, size_t size);
void fleet_pipe_drop(struct fleet_pipe *pipe);
void fleet_pipe_push(struct fleet_pipe *pipe, const struct fleet_packet *what);
/* To the broker. */
void fleet_session_up(struct fleet_session *session, enum fleet_kind kind);
/* To the client, if there is one. */
void fleet_session_down(struct fleet_session *session, enum fleet_kind kind, int mid);
/* Either end hears nothing from the other one. */
void fleet_session_is_cut(struct fleet_session *session);

/* ---- fleet_broker.c ---- */

void fleet_session_add(struct fleet_session *session);
void fleet_session_free(struct fleet_session *session);
/* Closes the broker's end. */
void fleet_session_close(struct fleet_session *session, bool will);
/* A packet arrives at the broker. */
void fleet_session_receive(struct fleet_session *session, const struct fleet_packet *packet);

#endif
