/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the part of this host in the cluster
 *
 * The cluster owns the bus, the registration that was published last, the pinglist
 * (cluster_list.c), what central asks (cluster_ask.c) and the reports (cluster_report.c), which
 * begin after the first registration. cluster_look() arms a timer, and the timer compares: so a
 * port that comes with its addresses one by one is published once. The host also subscribes to its
 * own topic, because somebody else may change it: a second host of the same name, or the last will
 * of a connection that the broker noticed to be dead only after the next one had been made. Then
 * it publishes its registration again, after a second. If it does not hear itself, the broker's
 * access list is wrong: brokers drop such a message in silence.
 */
#include "agent/cluster/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/self.h"
#include "agent/cluster/cluster_ask.h"
#include "agent/cluster/cluster_host.h"
#include "agent/cluster/cluster_paths.h"
#include "agent/cluster/uplinks.h"
#include "agent/config/config.h"
#include "agent/road/road.h"
#include "bus/topic.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "record/drain.h"
#include "record/pinglist.h"
#include "record/registration.h"
#include "rpingmesh/log_subsystems.h"

#define CLUSTER_LOOK_NS (200 * NSEC_PER_MSEC)
#define CLUSTER_AGAIN_NS NSEC_PER_SEC

struct cluster {
	struct cluster_env env;
	const struct config *config; /* NULL: none yet */
	struct bus *bus;             /* NULL: no broker */
	struct loop_timer *timer;
	struct uplinks *uplinks;
	struct registration *last;   /* what was published; NULL: nothing */
	msgpack_sbuffer packed;      /* the same, as bytes */
	char fault[REGISTRATION_ERROR]; /* why central refuses it; "": it does not */
	char host[REGISTRATION_HOST]; /* that the bus was made for */
	char topic[TOPIC_SIZE], list_topic[TOPIC_SIZE], ask_topic[TOPIC_SIZE];
	struct cluster_list *list;
	struct cluster_ask *ask;
	struct cluster_paths *paths;
	char paths_topic[TOPIC_SIZE]; /* with the shard of the first port's switch */
	bool connected;
	struct cluster_report *report;
	bool again;                  /* publish even if nothing has changed */
	uint64_t unheard_ns;         /* when it was published, unless it has come back; or 0 */
	uint64_t changes, foreign;
};

static void
cluster_pack(struct cluster *cluster)
{
	msgpack_packer pk;

	msgpack_sbuffer_clear(&cluster->packed);
	msgpack_packer_init(&pk, &cluster->packed, msgpack_sbuffer_write);
	registration_pack(&pk, cluster->last);
}

/* Reads it as central does. A mistake in it would take the whole host out. */
static void
cluster_check(struct cluster *cluster)
{
	struct registration *read = NULL;

	cluster->fault[0] = '\0';
	registration_unpack(cluster->packed.data, cluster->packed.size, &read, cluster->fault);
	registration_free(read);
}

static void
cluster_publish(struct cluster *cluster)
{
	bus_set(cluster->bus, cluster->topic, cluster->packed.data, cluster->packed.size);
	cluster_report_to(cluster->report, cluster->bus, cluster->config->cluster.prefix,
			  cluster->last);
	cluster->unheard_ns = clock_mono_ns();
}

static void
cluster_begin_paths(struct cluster *cluster)
{
	const struct registration *r = cluster->last;
	const char *tor = r->n_ports && r->ports[0].n_tors ? r->ports[0].tors[0] : "";

	if (topic_make_shard(cluster->paths_topic, sizeof(cluster->paths_topic),
			     cluster->config->cluster.prefix, "path", tor, cluster->host) == 0)
		cluster_paths_connected(cluster->paths, cluster->bus, cluster->paths_topic);
}

/* Publishes the registration if it has changed. */
static void
cluster_register(struct cluster *cluster)
{
	struct registration *now = cluster_host(cluster->env.nics, cluster->env.self,
						cluster->uplinks, cluster->config);
	bool changed = now && (!cluster->last || !registration_equal(now, cluster->last));

	if (changed) {
		registration_free(cluster->last);
		cluster->last = now;
		cluster->changes++;
		cluster_pack(cluster);
		cluster_check(cluster);
		cluster_list_look(cluster->list);
	} else {
		registration_free(now);
	}
	if ((changed || cluster->again) && cluster->last)
		cluster_publish(cluster);
	if (changed && cluster->connected)
		cluster_begin_paths(cluster);
	cluster->again = false;
}

/* A registration tells the time at which it was sent, so a new connection gets a new one. */
static void
cluster_connected(void *user, bool connected)
{
	struct cluster *cluster = user;

	cluster->connected = connected;
	if (!connected)
		cluster_paths_connected(cluster->paths, NULL, NULL);
	if (!connected || !cluster->last)
		return;
	cluster->last->time_ns = clock_wall_ns();
	cluster_pack(cluster);
	cluster_publish(cluster);
	cluster_begin_paths(cluster);
}

/* ---- the bus ---- */

/* Our topic has a content that is not ours. */
static void
cluster_foreign(struct cluster *cluster, bool cleared)
{
	cluster->foreign++;
	cluster->again = true;
	if (!cleared)
		log_some(1, CLUSTER, WARNING,
			 "%s was published by somebody else: is there another host named %s?",
			 cluster->topic, cluster->host);
	loop_timer_set(cluster->timer, CLUSTER_AGAIN_NS);
}

/* Somebody has published on our topic; we ourselves, as a rule. */
static void
cluster_registered(struct cluster *cluster, const void *payload, size_t size)
{
	if (!cluster->last)
		return;
	if (size == cluster->packed.size && memcmp(payload, cluster->packed.data, size) == 0)
		cluster->unheard_ns = 0;
	else
		cluster_foreign(cluster, size == 0);
}

static void
cluster_too_long(void *arg, const char *topic)
{
	struct cluster *cluster = arg;

	if (cluster->last && strcmp(topic, cluster->topic) == 0)
		cluster_foreign(cluster, false);
	else if (strcmp(topic, cluster->list_topic) == 0)
		cluster_list_too_long(cluster->list);
	else if (strcmp(topic, cluster->ask_topic) == 0)
		cluster_ask_too_long(cluster->ask);
}

/* A sign of life of central. That which the broker has kept is none, but its rules hold. */
static void
cluster_beat(struct cluster *cluster, const void *payload, size_t size, bool retained)
{
	char error[DRAIN_ERROR];
	struct central_beat beat;

	if (!retained)
		cluster_list_beat(cluster->list, payload, size);
	if (cluster->env.roads && central_beat_unpack(payload, size, &beat, error) == 0 &&
	    beat.claims)
		roads_share(cluster->env.roads, beat.trace_interval_ns);
}

static void
cluster_message(void *arg, const char *topic, const void *payload, size_t size, bool retained)
{
	struct cluster *cluster = arg;
	char central[REGISTRATION_HOST];

	if (strcmp(topic, cluster->topic) == 0)
		cluster_registered(cluster, payload, size);
	else if (strcmp(topic, cluster->list_topic) == 0)
		cluster_list_heard(cluster->list, payload, size, retained);
	else if (strcmp(topic, cluster->ask_topic) == 0)
		cluster_ask_heard(cluster->ask, payload, size, retained);
	else if (topic_name(topic, cluster->config->cluster.prefix, "central", central,
			    sizeof(central)) == 0)
		cluster_beat(cluster, payload, size, retained);
}

static const char *
cluster_text(const char *text)
{
	return text[0] ? text : NULL;
}

static int
cluster_subscribe(struct cluster *cluster)
{
	const char *prefix = cluster->config->cluster.prefix;
	char beats[TOPIC_SIZE];
	int rc = topic_make(cluster->list_topic, sizeof(cluster->list_topic), prefix, "pinglist",
			    cluster->host);

	if (rc == 0)
		rc = topic_make(cluster->ask_topic, sizeof(cluster->ask_topic), prefix, "ask",
				cluster->host);
	if (rc == 0)
		rc = topic_make(beats, sizeof(beats), prefix, "central", NULL);
	if (rc == 0)
		rc = bus_subscribe(cluster->bus, cluster->topic, 1);
	if (rc == 0)
		rc = bus_subscribe(cluster->bus, cluster->list_topic, 1);
	if (rc == 0)
		rc = bus_subscribe(cluster->bus, cluster->ask_topic, 1);
	return rc < 0 ? rc : bus_subscribe(cluster->bus, beats, 0);
}

static int
cluster_connect(struct cluster *cluster)
{
	static const struct bus_ops ops = {.message = cluster_message,
					   .too_long = cluster_too_long,
					   .changed = cluster_connected};
	const struct config_cluster *config = &cluster->config->cluster;
	char client_id[REGISTRATION_HOST + 16];
	const struct bus_config bus = {
		BUS_CONFIG_WITH(PINGLIST_BYTES_MAX),
		.broker = config->broker,
		.client_id = client_id,
		.will = cluster->topic,
		.ca = cluster_text(config->ca),
		.certificate = cluster_text(config->certificate),
		.key = cluster_text(config->key),
		.user = cluster_text(config->user),
		.password_file = cluster_text(config->password_file),
	};
	int rc;

	snprintf(cluster->host, sizeof(cluster->host), "%s", cluster->env.self->hostname);
	/* The same after a restart, so that the broker ends what is left of the one before. */
	snprintf(client_id, sizeof(client_id), "rpingmesh-%s", cluster->host);
	rc = topic_make(cluster->topic, sizeof(cluster->topic), config->prefix, "host",
			cluster->host);
	if (rc == 0)
		rc = bus_new(cluster->env.loop, cluster->env.names, &bus, &ops, cluster,
			     &cluster->bus);
	if (rc == 0)
		rc = cluster_subscribe(cluster);
	if (rc < 0)
		log_some(1, CLUSTER, ERROR, "no connection to %s: %s", config->broker,
			 strerror(-rc));
	return rc;
}

/* If `leave` is false, the last will clears the topic, and this does not block. */
static void
cluster_disconnect(struct cluster *cluster, bool leave)
{
	cluster_paths_connected(cluster->paths, NULL, NULL);
	cluster_report_to(cluster->report, NULL, "", NULL);
	cluster_ask_forget(cluster->ask);
	bus_free(cluster->bus, leave);
	if (cluster->env.roads)
		roads_share(cluster->env.roads, 0);
	cluster->bus = NULL;
	cluster->connected = false;
	registration_free(cluster->last);
	cluster->last = NULL;
}

/* ---- the timer ---- */

static void
cluster_time(void *arg)
{
	struct cluster *cluster = arg;

	if (cluster->bus && strcmp(cluster->host, cluster->env.self->hostname) != 0) {
		cluster_disconnect(cluster, false);
		cluster_list_drop(cluster->list);
		cluster_list_configure(cluster->list, cluster->config);
	}
	if (!cluster->bus)
		cluster_connect(cluster);
	/* Without its ToR switches, a port would be planned twice. */
	if (cluster->bus && uplinks_look(cluster->uplinks, cluster->env.nics,
					 cluster->config->cluster.lldp_file))
		cluster_register(cluster);
}

static void
cluster_answered(void *arg)
{
	cluster_look(arg);
}

void
cluster_routes_changed(struct cluster *cluster)
{
	uplinks_changed(cluster->uplinks);
}

const struct uplinks *
cluster_uplinks(const struct cluster *cluster)
{
	return cluster->bus ? cluster->uplinks : NULL;
}

int
cluster_new(const struct cluster_env *env, struct cluster **out)
{
	const struct cluster_list_env list = {
		.loop = env->loop, .nics = env->nics, .peers = env->peers, .self = env->self};
	const struct cluster_report_env report = {.loop = env->loop,
						  .nics = env->nics,
						  .self = env->self,
						  .responder = env->responder,
						  .state = env->state,
						  .job = env->job,
						  .arg = env->arg};
	const struct cluster_ask_env ask = {.loop = env->loop, .nics = env->nics,
					    .peers = env->peers, .roads = env->roads,
					    .self = env->self};
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	const struct uplinks_env uplinks = {
		.loop = env->loop, .answered = cluster_answered, .arg = cluster};
	const struct cluster_paths_env paths = {
		.loop = env->loop, .roads = env->roads, .self = env->self};
	int rc;

	if (!cluster)
		return -ENOMEM;
	cluster->env = *env;
	msgpack_sbuffer_init(&cluster->packed);
	rc = loop_timer_new(env->loop, "cluster", cluster_time, cluster, &cluster->timer);
	if (rc == 0)
		rc = cluster_paths_new(&paths, &cluster->paths);
	if (rc == 0)
		rc = cluster_list_new(&list, &cluster->list);
	if (rc == 0)
		rc = cluster_ask_new(&ask, &cluster->ask);
	if (rc == 0)
		rc = cluster_report_new(&report, &cluster->report);
	if (rc == 0)
		rc = uplinks_new(&uplinks, &cluster->uplinks);
	if (rc < 0)
		cluster_free(cluster);
	else
		*out = cluster;
	return rc;
}

void
cluster_free(struct cluster *cluster)
{
	if (!cluster)
		return;
	/* Others see that this host goes on purpose, before the topic is cleared. */
	if (cluster->last) {
		cluster->last->leaving = true;
		cluster_pack(cluster);
		bus_publish(cluster->bus, cluster->topic, cluster->packed.data,
			    cluster->packed.size, 0);
	}
	if (cluster->report)
		cluster_disconnect(cluster, true);
	cluster_report_free(cluster->report);
	cluster_ask_free(cluster->ask);
	cluster_paths_free(cluster->paths);
	cluster_list_free(cluster->list);
	uplinks_free(cluster->uplinks);
	loop_timer_free(cluster->timer);
	msgpack_sbuffer_destroy(&cluster->packed);
	free(cluster);
}

/* Lists of another broker, or of another prefix, are those of another cluster. */
static bool
cluster_is_same(const struct config_cluster *a, const struct config_cluster *b)
{
	return strcmp(a->broker, b->broker) == 0 && strcmp(a->prefix, b->prefix) == 0;
}

int
cluster_configure(struct cluster *cluster, const struct config *config)
{
	const struct config *old = cluster->config;
	int rc = 0;

	cluster->config = config;
	cluster_report_configure(cluster->report, config);
	cluster_ask_configure(cluster->ask, config);
	uplinks_changed(cluster->uplinks);
	if (old && !config_cluster_same_broker(&old->cluster, &config->cluster))
		cluster_disconnect(cluster, false);
	if (old && !cluster_is_same(&old->cluster, &config->cluster))
		cluster_list_forget(cluster->list);
	if (cluster->bus)
		bus_reload(cluster->bus);
	else if (config->cluster.broker[0])
		rc = cluster_connect(cluster);
	if (config->cluster.broker[0])
		cluster_list_configure(cluster->list, config);
	cluster_look(cluster);
	return rc;
}

void
cluster_look(struct cluster *cluster)
{
	if (cluster->config && cluster->config->cluster.broker[0])
		loop_timer_set(cluster->timer, CLUSTER_LOOK_NS);
}

void
cluster_peer_event(struct cluster *cluster, const struct peer *peer, enum peer_event event)
{
	struct peer_info info;

	cluster_ask_peer_event(cluster->ask, peer, event);
	peer_info(peer, &info);
	if (event == PEER_REBOUND && info.configured)
		cluster_list_look(cluster->list);
}

void
cluster_nic_event(struct cluster *cluster, const struct nic *nic, enum nic_event event)
{
	cluster_ask_nic_event(cluster->ask, nic, event);
	if (event != NIC_PORT_FREE)
		cluster_look(cluster);
}

void
cluster_road_changed(struct cluster *cluster, const struct road *road)
{
	struct road_info info;

	road_info(road, &info);
	cluster_paths_look(cluster->paths, info.tuple);
}

bool
cluster_status(const struct cluster *cluster, struct cluster_status *out)
{
	if (!cluster->bus)
		return false;
	*out = (struct cluster_status){
		.topic = cluster->topic,
		.ports = cluster->last ? cluster->last->n_ports : 0,
		.changes = cluster->changes,
		.foreign = cluster->foreign,
		.unheard_ns = cluster->unheard_ns,
		.fault = cluster->last && cluster->fault[0] ? cluster->fault : NULL,
	};
	bus_status(cluster->bus, &out->bus);
	cluster_list_status(cluster->list, &out->list);
	cluster_ask_status(cluster->ask, &out->ask);
	cluster_report_status(cluster->report, &out->report);
	return true;
}

void
cluster_result(struct cluster *cluster, const struct peer_stream *stream,
	       const struct probe_result *r)
{
	cluster_report_result(cluster->report, stream, r);
}

void
cluster_corrected(struct cluster *cluster, const struct peer_stream *stream,
		  const struct probe_result *r)
{
	cluster_report_correct(cluster->report, stream, r);
}
