/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of all keys of rpingmeshd. tests/doc/config_doc.sh compares rpingmeshd.conf(5) and
 * etc/rpingmeshd.conf with them.
 */
#include "agent/config/config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config_check.h"
#include "agent/config/config_default.h"
#include "core/conf_check.h"
#include "core/conf_parse.h"
#include "rpingmesh/control.h"
#include "rpingmesh/log_subsystems.h"
#include "rpingmesh/probe_wire.h"

#define CONFIG_PEERS_MAX 65536
#define CONFIG_SOCKET_MAX 107 /* unix(7): sun_path with its '\0' has 108 */

/*
 * Networks from which no Internet host can ask: RFC 1918, RFC 6598, RFC 3927, RFC 4193, and RFC
 * 4291 section 2.5.6.
 */
static const char *const config_default_allow[] = {
	"10.0.0.0/8",	  "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
	"169.254.0.0/16", "fc00::/7",	   "fe80::/10",
};
#define CONFIG_N_ALLOW (sizeof(config_default_allow) / sizeof(config_default_allow[0]))

#define FIELD(f) CONF_FIELD(struct config, f)
#define LOG_FIELD(sub) FIELD(log_levels[LOG_SUB_##sub]), .words = log_level_names
#define LIST(within, f) CONF_LIST_FIELD(struct config, within f, within n_##f)
#define RANGE(lo, hi) CONF_RANGE(lo, hi)


static bool
config_selects(const struct config *config, const char *device)
{
	/* For a device that is NULL, there is already a mistake in the list. */
	for (size_t i = 0; i < config->n_devices; i++)
		if (!config->devices[i] || fnmatch(config->devices[i], device, 0) == 0)
			return true;
	return config->n_devices == 0;
}

/* Reads the entries of peers. Each starts from the values of the keys outside peers. */
static int
config_set_peers(struct conf_reader *r, const struct conf_key *key, const struct conf_node *list,
		 void *into)
{
	struct conf_reader without = {r->tree, NULL};
	struct config *config = into;
	int rc = 0, one;

	(void)key;
	if (list->type != CONF_LIST || list->in.n > CONFIG_PEERS_MAX)
		return conf_fail(r, list, "a list ( ) of at most %d addresses or groups",
				 CONFIG_PEERS_MAX);
	config->peers = calloc(list->in.n + 1, sizeof(*config->peers));
	if (!config->peers)
		return conf_tree_no_memory(r->tree);
	for (const struct conf_node *in = list->in.first; in; in = in->next) {
		struct config_peer *peer = &config->peers[config->n_peers];

		if (config_peer_copy(&config->base, peer) < 0)
			return conf_tree_no_memory(r->tree);
		config->n_peers++;
		one = config_peer_read(&without, in, peer);
		if (one == 0 && peer->device && !config_selects(config, peer->device))
			one = conf_fail(r, conf_tree_member(in, "device"),
					"a device that `devices` selects");
		rc = rc ? rc : one;
	}
	return rc < 0 ? rc : config_peer_check_list(r, list, config->peers);
}

static const struct conf_kind config_peers = {config_set_peers, NULL};

/* Reads the file at once, because a configuration without its keys is not valid. */
static int
config_set_key_file(struct conf_reader *r, const struct conf_key *key,
		    const struct conf_node *node, void *into)
{
	int rc = conf_string.set(r, key, node, into);
	struct config *config = into;
	char error[KEYS_ERROR];

	config->keys = (struct keys){.n = 0};
	if (rc == 0 && config->key_file[0] && keys_load(config->key_file, &config->keys, error) < 0)
		rc = conf_fail(r, node, "a file of keys (%s)", error);
	return rc;
}

static void
config_show_key_file(struct conf_shown *shown, const struct conf_key *key, const char *into)
{
	conf_string.show(shown, key, into);
}

static const struct conf_kind config_key_file = {config_set_key_file, config_show_key_file};

static const char *const config_clocks[] = {"auto", "software", NULL};
static const char *const config_log_targets[] = {"stderr", "syslog", NULL};
static const char *const config_metrics_by[] = {"peer", "tor", NULL};

static const struct conf_key config_responder_keys[] = {
	{"allow", &conf_networks, LIST(, allow),
	 .expect = "a network such as \"10.0.0.0/8\" or \"fd00::/8\""},
	{"per_source", &conf_integer, FIELD(responder_per_source), RANGE(1, 10000000)},
	{"total", &conf_integer, FIELD(responder_total), RANGE(1, 10000000)},
	CONF_END
};

static const struct conf_key config_limits_keys[] = {
	{"cpu_percent", &conf_integer, FIELD(limit_cpu_percent), RANGE(0, 100)},
	{"memory_mb", &conf_integer, FIELD(limit_memory_mb), RANGE(0, 1048576)},
	CONF_END
};

static const struct conf_key config_log_keys[] = {
	{"target", &conf_word, FIELD(log_target), .words = config_log_targets},
	{"level", &conf_word, FIELD(log_level), .words = log_level_names},
	{"main", &conf_word, LOG_FIELD(MAIN)},
	{"config", &conf_word, LOG_FIELD(CONFIG)},
	{"device", &conf_word, LOG_FIELD(DEVICE)},
	{"cm", &conf_word, LOG_FIELD(CM)},
	{"peer", &conf_word, LOG_FIELD(PEER)},
	{"responder", &conf_word, LOG_FIELD(RESPONDER)},
	{"trace", &conf_word, LOG_FIELD(TRACE)},
	{"control", &conf_word, LOG_FIELD(CONTROL)},
	{"cluster", &conf_word, LOG_FIELD(CLUSTER)},
	CONF_END
};

static const struct conf_key config_tracing_keys[] = {
	{"enable", &conf_bool, FIELD(tracing)},
	{"probe", &conf_bool, FIELD(trace_probe)},
	{"interval_ms", &conf_integer, FIELD(trace_interval_ms), CONFIG_PEER_INTERVAL},
	{"source_qps", &conf_integer, FIELD(trace_source_qps), RANGE(0, 64), .restart = true},
	{"max_qps", &conf_integer, FIELD(trace_max_qps), RANGE(1000, 10000000), .restart = true},
	{"max_flows", &conf_integer, FIELD(trace_max_flows), RANGE(100, 1000000), .restart = true},
	CONF_END
};

static const struct conf_key config_metrics_keys[] = {
	{"listen", &conf_string, FIELD(metrics_listen), RANGE(0, 64),
	 .check = conf_check_listen,
	 .expect = "\"ADDRESS:PORT\", \"[IPv6 ADDRESS]:PORT\" or \"\""},
	{"by", &conf_word, FIELD(metrics_by_tor), .words = config_metrics_by, .restart = true},
	{"max_paths", &conf_integer, FIELD(metrics_max_paths), RANGE(1, 100000)},
	{"path_histograms", &conf_integer, FIELD(metrics_path_histograms), RANGE(0, 100000)},
	CONF_END
};

#define CLUSTER_FILE(f) \
	{#f, &conf_string, FIELD(cluster.f), RANGE(0, 4095), .check = conf_check_path, \
	 .expect = "an absolute path or \"\""}

static const struct conf_key config_cluster_keys[] = {
	{"broker", &conf_string, FIELD(cluster.broker), RANGE(0, 300),
	 .check = config_cluster_check_broker,
	 .expect = "\"mqtt://HOST[:PORT]\", \"mqtts://HOST[:PORT]\" or \"\""},
	{"prefix", &conf_string, FIELD(cluster.prefix), RANGE(1, 200),
	 .check = config_cluster_check_prefix,
	 .expect = "levels of a topic, of letters, digits and \"-_~:\", such as \"rpingmesh\""},
	CLUSTER_FILE(ca),
	CLUSTER_FILE(certificate),
	CLUSTER_FILE(key),
	{"user", &conf_string, FIELD(cluster.user), RANGE(0, 128), .check = conf_check_printable,
	 .expect = "at most 128 printable ASCII characters"},
	CLUSTER_FILE(password_file),
	CLUSTER_FILE(lldp_file),
	{"allow", &conf_networks, LIST(cluster., allow),
	 .expect = "a network such as \"10.0.0.0/8\" or \"fd00::/8\""},
	{"labels", &conf_strings, LIST(cluster., labels), RANGE(3, 129),
	 .check = config_cluster_check_pair,
	 .expect = "\"NAME=VALUE\", each of at most 64 printable ASCII characters"},
	{"rails", &conf_strings, LIST(cluster., rails), RANGE(3, 129),
	 .check = config_cluster_check_pair,
	 .expect = "\"DEVICE=RAIL\", each of at most 64 printable ASCII characters"},
	{"tors", &conf_strings, LIST(cluster., tors), RANGE(3, 129),
	 .check = config_cluster_check_pair,
	 .expect = "\"DEVICE=SWITCH\", each of at most 64 printable ASCII characters"},
	CLUSTER_FILE(directory),
	{"keep", &conf_integer, FIELD(cluster.keep_s), RANGE(1, 31536000)},
	{"report_s", &conf_integer, FIELD(cluster.report_s), RANGE(0, 15)},
	{"trace_s", &conf_integer, FIELD(cluster.trace_s), RANGE(0, 86400)},
	{"trace_per_s", &conf_integer, FIELD(cluster.trace_per_s), RANGE(1, 1000)},
	CONF_END
};

/* peers must be last, because its entries start from the values of the keys above. */
const struct conf_key config_keys[] = {
	{"devices", &conf_strings, LIST(, devices), CONFIG_PEER_DEVICE,
	 .check = config_check_pattern,
	 .expect = "the name of an RDMA device or a pattern, without NCCL's ^, = or :PORT"},
	{"gid_index", &conf_integer, FIELD(gid_index), RANGE(-1, 255), .restart = true},
	{"port", &conf_integer, FIELD(port), RANGE(1, 65535), .restart = true},
	{"interval_ms", &conf_integer, FIELD(base.interval_ms), CONFIG_PEER_INTERVAL},
	{"timeout_ms", &conf_integer, FIELD(timeout_ms), RANGE(10, 60000)},
	{"sizes", &conf_integers, LIST(base., sizes), CONFIG_PEER_SIZE},
	{"flow_labels", &conf_integers, LIST(base., flow_labels), CONFIG_PEER_FLOW_LABEL},
	{"traffic_class", &conf_integer, FIELD(base.traffic_class), CONFIG_PEER_TRAFFIC_CLASS},
	{"service_level", &conf_integer, FIELD(base.service_level), CONFIG_PEER_SERVICE_LEVEL},
	/* Windows of all hosts begin at multiples of their length, and add up to whole hours. */
	{"window_s", &conf_integer, FIELD(window_s), RANGE(1, 3600), .divides = 3600},
	{"max_probes_per_s", &conf_integer, FIELD(max_probes_per_s), RANGE(1, 1000000)},
	{"clock", &conf_word, FIELD(clock_software), .words = config_clocks},
	{"busy_poll_us", &conf_integer, FIELD(busy_poll_us), RANGE(0, 1000)},
	{"responder", &conf_group, .keys = config_responder_keys},
	{"socket", &conf_string, FIELD(socket), RANGE(2, CONFIG_SOCKET_MAX),
	 .check = conf_check_path, .expect = "an absolute path of at most 107 bytes",
	 .restart = true},
	{"socket_group", &conf_string, FIELD(socket_group), RANGE(0, 32),
	 .check = conf_check_group, .expect = "the name of a group or \"\"", .restart = true},
	{"user", &conf_string, FIELD(user), RANGE(0, 32), .check = conf_check_group,
	 .expect = "the name of a user or \"\"", .restart = true},
	{"key_file", &config_key_file, FIELD(key_file), RANGE(0, 4095), .check = conf_check_path,
	 .expect = "an absolute path or \"\""},
	{"hostname", &conf_string, FIELD(hostname), RANGE(0, PROBE_WIRE_REPLY_HOST_MAX),
	 .check = conf_check_hostname, .expect = "a host name of at most 48 characters or \"\""},
	{"tor", &conf_string, FIELD(tor), RANGE(0, PROBE_WIRE_REPLY_TOR_MAX),
	 .check = conf_check_printable, .expect = "at most 32 printable ASCII characters"},
	{"limits", &conf_group, .keys = config_limits_keys},
	{"log", &conf_group, .keys = config_log_keys},
	{"tracing", &conf_group, .keys = config_tracing_keys},
	{"metrics", &conf_group, .keys = config_metrics_keys},
	{"cluster", &conf_group, .keys = config_cluster_keys},
	{"peers", &config_peers, .keys = config_peer_keys},
	CONF_END
};

static void
config_clear(struct config *config)
{
	for (size_t i = 0; i < config->n_devices; i++)
		free(config->devices[i]);
	free(config->devices);
	for (size_t i = 0; i < config->n_peers; i++)
		config_peer_clear(&config->peers[i]);
	free(config->peers);
	config_peer_clear(&config->base);
	free(config->allow);
	free(config->socket);
	free(config->socket_group);
	free(config->user);
	free(config->key_file);
	explicit_bzero(&config->keys, sizeof(config->keys));
	free(config->hostname);
	free(config->tor);
	free(config->metrics_listen);
	config_cluster_clear(&config->cluster);
	conf_source_clear(&config->source);
}

void
config_free(struct config *config)
{
	if (!config)
		return;
	config_clear(config);
	free(config);
}

static int
config_defaults_peer(struct config_peer *peer)
{
	/*
	 * Mostly the size in the paper (R-Pingmesh, SIGCOMM 2024). Some are large, because some
	 * switches drop only large packets.
	 */
	uint32_t sizes[] = {50, 50, 50, 50, 50, 50, 50, 50, 1024, CONFIG_SIZE_MTU}, flow_label = 0;
	struct config_peer start = {
		.interval_ms = 1000,
		.sizes = sizes,
		.n_sizes = sizeof(sizes) / sizeof(sizes[0]),
		.flow_labels = &flow_label,
		.n_flow_labels = 1,
	};

	return config_peer_copy(&start, peer);
}

/* The networks that no Internet host is in; NULL: no memory. */
static struct addr_net *
config_default_networks(size_t *n)
{
	struct addr_net *nets = calloc(CONFIG_N_ALLOW, sizeof(*nets));

	for (*n = 0; nets && *n < CONFIG_N_ALLOW; (*n)++)
		addr_net_parse(config_default_allow[*n], &nets[*n]);
	return nets;
}

static int
config_defaults(struct config *c)
{
	c->gid_index = -1;
	c->port = PROBE_WIRE_PORT;
	c->timeout_ms = 500;
	c->window_s = 10;
	c->max_probes_per_s = 150;
	c->responder_per_source = 1000;
	c->responder_total = 50000;
	c->limit_cpu_percent = 20;
	c->limit_memory_mb = 512;
	c->log_target = LOG_TARGET_STDERR;
	c->log_level = LOG_LEVEL_INFO;
	for (int i = 0; i < LOG_SUB_N; i++)
		c->log_levels[i] = LOG_LEVEL_N; /* until config_finish() */
	c->tracing = true;
	c->trace_probe = true;
	c->trace_interval_ms = 10;
	c->trace_source_qps = 16;
	c->trace_max_qps = 200000;
	c->trace_max_flows = 20000;
	c->metrics_max_paths = 1000;
	c->metrics_path_histograms = 100;
	c->allow = config_default_networks(&c->n_allow);
	c->cluster.allow = config_default_networks(&c->cluster.n_allow);
	c->socket = strdup(CONTROL_SOCKET_DEFAULT);
	c->socket_group = strdup("rpingmesh");
	c->user = strdup("");
	c->key_file = strdup("");
	c->hostname = strdup("");
	c->tor = strdup("");
	c->metrics_listen = strdup("");
	if (!c->allow || !c->cluster.allow || !c->socket || !c->socket_group || !c->user ||
	    !c->key_file || !c->hostname || !c->tor || !c->metrics_listen)
		return -ENOMEM;
	if (config_cluster_defaults(&c->cluster) < 0)
		return -ENOMEM;
	return config_defaults_peer(&c->base);
}

static void
config_finish(struct config *config)
{
	for (int i = 0; i < LOG_SUB_N; i++)
		if (config->log_levels[i] == LOG_LEVEL_N)
			config->log_levels[i] = config->log_level;
	config->sizes = config->base.sizes;
	config->n_sizes = config->base.n_sizes;
}

/* Reads a tree, and takes its files. `rc` is the result of parsing the text. */
static int
config_read(struct conf_tree *tree, int rc, struct config **out)
{
	struct config *config = calloc(1, sizeof(*config));
	struct conf_reader r = {tree, config ? &config->source : NULL};
	int keys;

	if (!config || config_defaults(config) < 0)
		rc = conf_tree_no_memory(tree);
	if (rc == 0 || rc == -EINVAL) {
		keys = conf_read_group(&r, config_keys, &tree->root, config);
		rc = rc ? rc : keys;
	}
	if (rc == 0) {
		config_finish(config);
		config->source.files = tree->files;
		config->source.n_files = tree->n_files;
		tree->files = NULL;
		tree->n_files = 0;
		*out = config;
	} else {
		config_free(config);
	}
	conf_tree_clear(tree);
	return rc;
}

int
config_load(const char *path, struct config **out, struct conf_errors *errors)
{
	struct conf_tree tree;
	int rc = conf_parse_file(&tree, path, errors);

	return config_read(&tree, rc, out);
}

int
config_parse(const char *text, const char *name, struct config **out, struct conf_errors *errors)
{
	struct conf_tree tree;
	int rc = conf_parse_text(&tree, text, name, errors);

	return config_read(&tree, rc, out);
}

uint32_t
config_mesh_qps(const struct config *config)
{
	return config->trace_source_qps / 2;
}

const char *
config_default_text(void)
{
	return config_default_conf;
}
