/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists on their way to the broker. Nothing is kept: a list is packed when the bus has room for
 * it, so a list that changes twice meanwhile is published once.
 */
#include <errno.h>
#include <msgpack.h>

#include "bus/bus.h"
#include "bus/topic.h"
#include "central/config/central_config.h"
#include "central/mesh/mesh_impl.h"
#include "central/mesh/mesh_list.h"
#include "core/clock.h"
#include "core/loop.h"
#include "record/pinglist.h"

#define MESH_SEND_NS (10 * NSEC_PER_MSEC) /* how long the loop may be away */
#define MESH_SEND_MESSAGES 100            /* that wait at the bus */
#define MESH_SEND_BYTES (1 << 20)
/* The queue of the bus takes no message that is longer than this with its topic. */
#define MESH_SEND_LIST (PINGLIST_BYTES_MAX - TOPIC_SIZE)

static bool
mesh_send_has_room(const struct mesh *m)
{
	struct bus_status bus;

	bus_status(m->bus, &bus);
	return bus.queued < MESH_SEND_MESSAGES && bus.queued_bytes < MESH_SEND_BYTES;
}

/* A list that is too long is replaced by one without ports. */
static int
mesh_send_packed(struct mesh *m, const char *host, msgpack_sbuffer *body)
{
	char topic[TOPIC_SIZE];
	msgpack_packer pk;
	int rc = 0;

	if (topic_make(topic, sizeof(topic), m->config->prefix, "pinglist", host) < 0)
		return 0;
	msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
	if (mesh_has(m, host))
		rc = mesh_list_pack(m->plan, host, &pk);
	if (rc > 0 || body->size > MESH_SEND_LIST) {
		mesh_wrong_set(&m->wrong, MESH_WRONG_LIST, host, "too long");
		msgpack_sbuffer_clear(body);
		pinglist_pack(&pk, &(struct pinglist){.host = host});
	} else {
		mesh_wrong_end(&m->wrong, MESH_WRONG_LIST, host);
	}
	return rc < 0 ? rc : bus_retain(m->bus, topic, body->data, body->size);
}

/* Publishes the list of a host, or clears its topic. A drained host gets an empty list. */
static int
mesh_send_list(struct mesh *m, const char *host)
{
	msgpack_sbuffer body;
	int rc;

	msgpack_sbuffer_init(&body);
	rc = mesh_send_packed(m, host, &body);
	msgpack_sbuffer_destroy(&body);
	if (rc == 0)
		m->stats.lists++;
	return rc;
}

void
mesh_send(void *arg)
{
	struct mesh *m = arg;
	uint64_t until_ns = clock_mono_ns() + MESH_SEND_NS;
	const char *host;
	int rc = 0;

	if (!m->synced || !mesh_send_drains(m) || !m->caught_up)
		return;
	while (rc == 0 && (host = mesh_names_first(&m->waiting)) && mesh_send_has_room(m)) {
		rc = mesh_send_list(m, host);
		if (rc == 0)
			mesh_names_drop_first(&m->waiting);
		if (rc == 0 && clock_mono_ns() >= until_ns) {
			mesh_send_soon(m);
			return;
		}
	}
	if (rc == -ENOMEM)
		mesh_no_memory(m);
}

int
mesh_set(struct mesh *m, const char *kind, const char *name, const void *payload, size_t size)
{
	char topic[TOPIC_SIZE];
	int rc = topic_make(topic, sizeof(topic), m->config->prefix, kind, name);

	return rc < 0 ? rc : bus_set(m->bus, topic, payload, size);
}

int
mesh_tell(struct mesh *m, const char *kind, const char *name, const void *payload, size_t size)
{
	char topic[TOPIC_SIZE];
	int rc = topic_make(topic, sizeof(topic), m->config->prefix, kind, name);

	return rc < 0 ? rc : bus_publish(m->bus, topic, payload, size, 1);
}

void
mesh_send_soon(struct mesh *m)
{
	if (m->drains_due || mesh_names_first(&m->waiting))
		loop_timer_set(m->send_timer, 0);
}
