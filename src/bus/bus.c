/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the client of the broker
 *
 *     RESOLVING -> CONNECTING -> CONNECTED
 *         ^  \         |  ^         |
 *         |   v        v  | next    |
 *         '-- WAITING <-----address |
 *                ^------------------'
 *
 * bus_enter() alone changes the state. The bus owns the link, and the TLS context that the link
 * uses, from CONNECTING until `down`. It owns the queue, whose items outlive links. The timer runs
 * in WAITING, and after bus_reload().
 */
#include "bus/bus.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "bus/broker.h"
#include "bus/bus_backoff.h"
#include "bus/bus_link.h"
#include "bus/bus_queue.h"
#include "bus/bus_tls.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/names.h"
#include "core/secret.h"
#include "rpingmesh/log_subsystems.h"

/* An incoming packet ends the connection if it is so many payloads, or bytes, long. */
#define BUS_PACKETS 16
#define BUS_PACKET_MAX (16u << 20)
#define BUS_PASSWORD 1024
#define BUS_SHORT_NS (5 * NSEC_PER_SEC)
/* NATS refuses subscriptions while its servers elect a leader. */
#define BUS_REFUSED_NS (5 * NSEC_PER_SEC)
#define BUS_REFUSED \
	"the broker refuses the subscription to %.200s (its access list, or a cluster of " \
	"brokers that is not ready)"

struct bus_filter {
	struct bus_filter *next;
	int qos, mid;
	bool granted, refused; /* on this connection */
	char text[];
};

struct bus {
	struct loop *loop;
	struct names *names;
	const struct bus_ops *ops;
	void *user;
	struct bus_config config;
	struct broker broker;
	struct loop_timer *timer;
	struct names_lookup *lookup;
	struct addr addrs[NAMES_ADDRESSES];
	size_t addrs_n, addr_at;
	struct bus_tls *tls;
	struct bus_link *link;
	struct bus_queue *queue;
	struct bus_filter *filters; /* in the order of their subscription */
	bool pumping, reload;
	unsigned int failures;
	uint64_t files; /* a number that changes with the files that have been read */
	struct bus_status status;
};

const char *
bus_state_name(enum bus_state state)
{
	static const char *const names[] = BUS_STATE_NAMES;

	return (unsigned int)state < BUS_STATE_N ? names[state] : NULL;
}

static void
bus_enter(struct bus *bus, enum bus_state state)
{
	bus->status.state = state;
	bus->status.since_ns = clock_mono_ns();
	bus->status.next_ns = 0;
}

/* ---- the queue ---- */

/* Sends what the queue allows. */
static void
bus_pump(struct bus *bus)
{
	struct bus_item *item;

	if (bus->pumping) /* in a callback of bus_link_publish() */
		return;
	bus->pumping = true;
	while (bus->status.state == BUS_CONNECTED && (item = bus_queue_next(bus->queue)))
		bus_link_publish(bus->link, item);
	bus->pumping = false;
}

static void
bus_done(void *arg, int mid)
{
	struct bus *bus = arg;

	bus_queue_done(bus->queue, mid);
	bus_pump(bus);
	if (bus->ops->room)
		bus->ops->room(bus->user);
}

/* ---- the connection ---- */

static void
bus_end_link(struct bus *bus)
{
	bus_link_free(bus->link);
	bus_tls_free(bus->tls);
	bus->link = NULL;
	bus->tls = NULL;
	bus_queue_restart(bus->queue);
}

/* Waits for the next attempt, after a connection that lasted lasted_ns (0: there was none). */
static void
bus_wait(struct bus *bus, uint64_t lasted_ns, const char *reason)
{
	uint32_t random = 0;
	uint64_t delay_ns;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	bus->failures = bus_backoff_count(bus->failures, lasted_ns);
	delay_ns = bus_backoff_ns(bus->failures, random);
	snprintf(bus->status.reason, sizeof(bus->status.reason), "%s", reason);
	log_some(3, CLUSTER, WARNING, "no connection to %s: %s; next attempt in %.1f s",
		 bus->config.broker, reason, (double)delay_ns / NSEC_PER_SEC);
	bus_enter(bus, BUS_WAITING);
	bus->status.next_ns = bus->status.since_ns + delay_ns;
	loop_timer_set(bus->timer, delay_ns);
}

static void
bus_up(void *arg)
{
	struct bus *bus = arg;

	bus_enter(bus, BUS_CONNECTED);
	bus->status.connects++;
	bus->status.reason[0] = '\0';
	log_some(3, CLUSTER, INFO, "connected to %s (%s)", bus->config.broker,
		 bus->status.address);
	for (struct bus_filter *filter = bus->filters; filter; filter = filter->next) {
		filter->granted = filter->refused = false;
		filter->mid = bus_link_subscribe(bus->link, filter->text, filter->qos);
	}
	if (bus->ops->changed)
		bus->ops->changed(bus->user, true);
	bus_pump(bus);
}

static void
bus_message(void *arg, const char *topic, const void *payload, size_t size, bool retained)
{
	struct bus *bus = arg;

	bus->status.received++;
	if (size <= bus->config.payload_max) {
		bus->ops->message(bus->user, topic, payload, size, retained);
		return;
	}
	bus->status.refused++;
	log_some(3, CLUSTER, WARNING, "a message of %zu bytes on %s is too long; it is ignored",
		 size, topic);
	if (bus->ops->too_long)
		bus->ops->too_long(bus->user, topic);
}

/* Says which subscription is refused, the first if there are several. */
static void
bus_tell_refused(struct bus *bus)
{
	const struct bus_filter *filter = bus->filters;

	while (filter && !filter->refused)
		filter = filter->next;
	bus->status.reason[0] = '\0';
	if (filter)
		snprintf(bus->status.reason, sizeof(bus->status.reason), BUS_REFUSED,
			 filter->text);
}

static void
bus_granted(void *arg, int mid, bool granted)
{
	struct bus *bus = arg;
	struct bus_filter *filter = bus->filters;

	while (filter && filter->mid != mid)
		filter = filter->next;
	if (!filter || filter->granted)
		return;
	filter->granted = granted;
	filter->refused = !granted;
	bus_tell_refused(bus);
	if (granted && bus->ops->granted)
		bus->ops->granted(bus->user, filter->text);
	if (granted)
		return;
	log_some(3, CLUSTER, WARNING, "%s: " BUS_REFUSED, bus->config.broker, filter->text);
	if (!bus->reload)
		loop_timer_set(bus->timer, BUS_REFUSED_NS);
}

static void
bus_subscribe_refused(struct bus *bus)
{
	for (struct bus_filter *filter = bus->filters; filter; filter = filter->next)
		if (filter->refused)
			filter->mid = bus_link_subscribe(bus->link, filter->text, filter->qos);
}

static void bus_connect(struct bus *bus);

static void
bus_down(void *arg, const char *why)
{
	struct bus *bus = arg;
	bool was_up = bus->status.state == BUS_CONNECTED;
	uint64_t lasted_ns = was_up ? clock_mono_ns() - bus->status.since_ns : 0;
	char reason[BUS_REASON];

	snprintf(reason, sizeof(reason), "%s port %u: %.500s%s", bus->status.address,
		 bus->broker.port, why,
		 was_up && lasted_ns < BUS_SHORT_NS ?
			 "; is there another client of the same name?" : "");
	bus_end_link(bus);
	if (was_up) {
		bus->status.lost++;
		bus_wait(bus, lasted_ns, reason);
		if (bus->ops->changed)
			bus->ops->changed(bus->user, false);
	} else if (++bus->addr_at < bus->addrs_n) {
		bus_connect(bus);
	} else {
		bus_wait(bus, 0, reason);
	}
}

static const struct bus_link_ops bus_link_ops = {
	.up = bus_up,
	.down = bus_down,
	.message = bus_message,
	.done = bus_done,
	.granted = bus_granted,
};

/* Changes whenever a file that a connection needs changes. */
static uint64_t
bus_files(const struct bus *bus)
{
	const char *const files[] = {bus->config.ca, bus->config.certificate, bus->config.key,
				     bus->config.password_file};
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a, by words */
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!files[i] || stat(files[i], &st) < 0)
			memset(&st, 0, sizeof(st));
		hash = (hash ^ (uint64_t)st.st_ino) * 1099511628211ULL;
		hash = (hash ^ (uint64_t)st.st_size) * 1099511628211ULL;
		hash = (hash ^ (uint64_t)st.st_mtim.tv_sec) * 1099511628211ULL;
		hash = (hash ^ (uint64_t)st.st_mtim.tv_nsec) * 1099511628211ULL;
	}
	return hash;
}

/* Returns whether there is no password to read, or it has been read. */
static bool
bus_password(const struct bus *bus, char password[BUS_PASSWORD], char error[BUS_TLS_ERROR])
{
	char why[SECRET_ERROR];

	password[0] = '\0';
	if (!bus->config.password_file)
		return true;
	if (secret_read(bus->config.password_file, password, BUS_PASSWORD, why) == 0) {
		password[strcspn(password, "\r\n")] = '\0';
		return true;
	}
	snprintf(error, BUS_TLS_ERROR, "cannot read %s: %s", bus->config.password_file, why);
	return false;
}

static int
bus_open_tls(struct bus *bus, char error[BUS_TLS_ERROR])
{
	const struct bus_tls_files files = {
		.ca = bus->config.ca,
		.certificate = bus->config.certificate,
		.key = bus->config.key,
	};

	return bus->broker.tls ? bus_tls_new(&files, bus->broker.host, &bus->tls, error) : 0;
}

static int
bus_open(struct bus *bus, const char *password)
{
	const struct bus_link_config config = {
		.addr = bus->addrs[bus->addr_at],
		.port = bus->broker.port,
		.tls = bus->tls,
		.client_id = bus->config.client_id,
		.user = bus->config.user,
		.password = bus->config.password_file ? password : NULL,
		.will = bus->config.will,
		.keepalive_s = bus->config.keepalive_s,
		.connect_ns = bus->config.connect_ms * NSEC_PER_MSEC,
		.turns = bus->config.turns,
		.packet_max = bus->config.payload_max < BUS_PACKET_MAX / BUS_PACKETS ?
				      bus->config.payload_max * BUS_PACKETS : BUS_PACKET_MAX,
	};

	return bus_link_new(bus->loop, &config, &bus_link_ops, bus, &bus->link);
}

/* Tries the next address of the broker. */
static void
bus_connect(struct bus *bus)
{
	char password[BUS_PASSWORD], error[BUS_TLS_ERROR] = "";
	int rc = -EINVAL;

	bus_enter(bus, BUS_CONNECTING);
	addr_text(&bus->addrs[bus->addr_at], bus->status.address);
	bus->files = bus_files(bus);
	if (bus_password(bus, password, error) && bus_open_tls(bus, error) == 0)
		rc = bus_open(bus, password);
	explicit_bzero(password, sizeof(password));
	if (rc == 0)
		return;
	bus_end_link(bus);
	bus_wait(bus, 0, error[0] ? error : strerror(-rc));
}

static void
bus_found(void *arg, const struct addr *addrs, size_t n, const char *why)
{
	struct bus *bus = arg;
	char reason[BUS_REASON];

	bus->lookup = NULL;
	if (n) {
		memcpy(bus->addrs, addrs, n * sizeof(*addrs));
		bus->addrs_n = n;
		bus->addr_at = 0;
		bus_connect(bus);
		return;
	}
	snprintf(reason, sizeof(reason), "the name %s was not found: %s", bus->broker.host, why);
	bus_wait(bus, 0, reason);
}

/* Begins an attempt. */
static void
bus_resolve(struct bus *bus)
{
	int rc;

	bus_enter(bus, BUS_RESOLVING);
	bus->status.address[0] = '\0';
	rc = names_find_all(bus->names, bus->broker.host, bus_found, bus, &bus->lookup);
	if (rc < 0)
		bus_wait(bus, 0, strerror(-rc));
}

/* Ends the connection if it was made with other files. */
static void
bus_reload_now(struct bus *bus)
{
	bus->reload = false;
	if (bus->status.state != BUS_CONNECTED || bus_files(bus) == bus->files)
		return;
	bus_link_leave(bus->link, 0);
	bus_end_link(bus);
	bus->status.lost++;
	bus_enter(bus, BUS_RESOLVING);
	if (bus->ops->changed)
		bus->ops->changed(bus->user, false);
}

static void
bus_time(void *arg)
{
	struct bus *bus = arg;

	if (bus->reload)
		bus_reload_now(bus);
	if (bus->status.state == BUS_CONNECTED)
		bus_subscribe_refused(bus);
	if (bus->status.state == BUS_WAITING ||
	    (bus->status.state == BUS_RESOLVING && !bus->lookup))
		bus_resolve(bus);
}

/* ---- begin and end ---- */

static const size_t bus_strings[] = {
	offsetof(struct bus_config, broker),	  offsetof(struct bus_config, client_id),
	offsetof(struct bus_config, will),	  offsetof(struct bus_config, ca),
	offsetof(struct bus_config, certificate), offsetof(struct bus_config, key),
	offsetof(struct bus_config, user),	  offsetof(struct bus_config, password_file),
};
#define BUS_STRINGS (sizeof(bus_strings) / sizeof(bus_strings[0]))

/* One of the strings of a configuration that bus_copy() has made. */
static char **
bus_string(struct bus_config *config, size_t i)
{
	return (char **)(void *)((char *)config + bus_strings[i]);
}

/* Gives the bus its own strings. Returns false if there is no memory; then some are NULL. */
static bool
bus_copy(struct bus *bus, const struct bus_config *config)
{
	bool copied = true;

	bus->config = *config;
	for (size_t i = 0; i < BUS_STRINGS; i++) {
		char **string = bus_string(&bus->config, i);

		if (!*string)
			continue;
		*string = strdup(*string);
		copied = copied && *string;
	}
	return copied;
}

int
bus_new(struct loop *loop, struct names *names, const struct bus_config *config,
	const struct bus_ops *ops, void *user, struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int rc;

	if (!bus)
		return -ENOMEM;
	bus->loop = loop;
	bus->names = names;
	bus->ops = ops;
	bus->user = user;
	rc = mosquitto_lib_init() == MOSQ_ERR_SUCCESS && bus_copy(bus, config) ? 0 : -ENOMEM;
	if (rc == 0 && broker_parse(config->broker, &bus->broker))
		rc = -EINVAL;
	if (rc == 0)
		rc = bus_queue_new(config->queue_messages, config->queue_bytes, &bus->queue);
	if (rc == 0)
		rc = loop_timer_new(loop, "bus", bus_time, bus, &bus->timer);
	if (rc < 0) {
		bus_free(bus, false);
		return rc;
	}
	bus->status.broker = bus->config.broker;
	bus_enter(bus, BUS_RESOLVING);
	loop_timer_set(bus->timer, 0);
	*out = bus;
	return 0;
}

/* Says goodbye. */
static void
bus_leave(struct bus *bus)
{
	if (bus->status.state != BUS_CONNECTED)
		return;
	bus_queue_clear_states(bus->queue);
	bus_pump(bus);
	bus_link_leave(bus->link, BUS_LEAVE_MS);
}

void
bus_free(struct bus *bus, bool leave)
{
	struct bus_filter *filter;

	if (!bus)
		return;
	if (leave)
		bus_leave(bus);
	names_cancel(bus->lookup);
	loop_timer_free(bus->timer);
	bus_link_free(bus->link);
	bus_tls_free(bus->tls);
	bus_queue_free(bus->queue);
	while ((filter = bus->filters)) {
		bus->filters = filter->next;
		free(filter);
	}
	for (size_t i = 0; i < BUS_STRINGS; i++)
		free(*bus_string(&bus->config, i));
	free(bus);
	mosquitto_lib_cleanup();
}

void
bus_reload(struct bus *bus)
{
	bus->reload = true;
	loop_timer_set(bus->timer, 0);
}

int
bus_subscribe(struct bus *bus, const char *text, int qos)
{
	struct bus_filter *filter = calloc(1, sizeof(*filter) + strlen(text) + 1);
	struct bus_filter **end = &bus->filters;

	if (!filter)
		return -ENOMEM;
	filter->qos = qos;
	strcpy(filter->text, text);
	while (*end)
		end = &(*end)->next;
	*end = filter;
	if (bus->status.state == BUS_CONNECTED)
		filter->mid = bus_link_subscribe(bus->link, filter->text, filter->qos);
	return 0;
}

int
bus_publish(struct bus *bus, const char *topic, const void *payload, size_t size, int qos)
{
	const struct bus_item item = {
		.topic = topic, .payload = payload, .size = size, .qos = qos};
	int rc = bus_queue_add(bus->queue, &item);

	bus_pump(bus);
	return rc;
}

int
bus_set(struct bus *bus, const char *topic, const void *payload, size_t size)
{
	int rc = bus_queue_set(bus->queue, topic, payload, size);

	bus_pump(bus);
	return rc;
}

int
bus_retain(struct bus *bus, const char *topic, const void *payload, size_t size)
{
	const struct bus_item item = {
		.topic = topic, .payload = payload, .size = size, .qos = 1, .retain = true};
	int rc = -ENOTCONN;

	if (bus->status.state == BUS_CONNECTED)
		rc = bus_queue_add(bus->queue, &item);
	bus_pump(bus);
	return rc;
}

void
bus_status(const struct bus *bus, struct bus_status *out)
{
	struct bus_queue_stats queue;

	bus_queue_stats(bus->queue, &queue);
	*out = bus->status;
	out->published = queue.done;
	out->dropped = queue.dropped;
	out->queued = queue.messages;
	out->queued_bytes = queue.bytes;
}
