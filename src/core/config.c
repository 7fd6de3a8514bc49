/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the configuration
 *
 * A file becomes flat text (config_text.c), the text a libconfig tree, the tree a draft by the
 * tables of keys below (config_reader.c), and the draft, once it is whole, a config. Each key that
 * exists stands in a table; rpingmeshd.conf(5) and etc/rpingmeshd.conf are compared with the tables
 * by tests/doc/config_doc.sh.
 *
 * Objects: the config, owned by the caller. Text, tree and draft live for one reading.
 */
#include "core/config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_check.h"
#include "core/config_default.h"
#include "core/config_reader.h"
#include "core/config_text.h"
#include "rpingmesh/control.h"
#include "rpingmesh/probe_wire.h"

#define CONF_PEERS_MAX 65536
#define CONF_SOCKET_MAX 107 /* unix(7): sun_path with its '\0' has 108 */

/*
 * RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 section 2.5.6: what no Internet host can ask
 * from.
 */
static const char *const conf_default_allow[] = {
	"10.0.0.0/8",	  "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
	"169.254.0.0/16", "fc00::/7",	   "fe80::/10",
};
#define CONF_N_ALLOW (sizeof(conf_default_allow) / sizeof(conf_default_allow[0]))

static conf_set conf_set_address, conf_set_source;

#define FIELD(type, f) .offset = offsetof(type, f), .size = sizeof(((type *)0)->f)
#define LIST(type, room, f) .offset = offsetof(type, room f), .count = offsetof(type, room n_##f)
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define END {.name = NULL}

#define RANGE_INTERVAL RANGE(1, 3600000)
#define RANGE_SIZE RANGE(CONFIG_SIZE_MIN, CONFIG_SIZE_MAX)
#define RANGE_FLOW_LABEL RANGE(0, 0xfffff)
#define RANGE_TRAFFIC_CLASS RANGE(0, 255)
#define RANGE_SERVICE_LEVEL RANGE(0, 15)
#define RANGE_DEVICE RANGE(1, 63) /* IB_DEVICE_NAME_MAX */

static const struct conf_key conf_peer_keys[] = {
	{"address", conf_set_address, FIELD(struct config_peer, address), RANGE(1, 254),
	 .expect = "an IPv4 or IPv6 unicast address or a host name"},
	{"device", conf_set_string, FIELD(struct config_peer, device), RANGE_DEVICE,
	 .check = conf_check_device,
	 .expect = "the name of an RDMA device"},
	{"source", conf_set_source, FIELD(struct config_peer, source), RANGE(1, ADDR_TEXT),
	 .expect = "an IPv4 or IPv6 unicast address"},
	{"interval_ms", conf_set_integer, FIELD(struct config_peer, interval_ms), RANGE_INTERVAL},
	{"sizes", conf_set_sizes, LIST(struct config_peer,, sizes), RANGE_SIZE},
	{"size", conf_set_sizes, LIST(struct config_peer,, sizes), RANGE_SIZE},
	{"flow_labels", conf_set_integers, LIST(struct config_peer,, flow_labels),
	 RANGE_FLOW_LABEL},
	{"flow_label", conf_set_integers, LIST(struct config_peer,, flow_labels), RANGE_FLOW_LABEL},
	{"traffic_class", conf_set_integer, FIELD(struct config_peer, traffic_class),
	 RANGE_TRAFFIC_CLASS},
	{"service_level", conf_set_integer, FIELD(struct config_peer, service_level),
	 RANGE_SERVICE_LEVEL},
	END
};

static const struct conf_key conf_responder_keys[] = {
	{"allow", conf_set_networks, LIST(struct config,, allow),
	 .expect = "a network such as \"10.0.0.0/8\" or \"fd00::/8\""},
	{"per_source", conf_set_integer, FIELD(struct config, responder_per_source), RANGE(1,
	 10000000)},
	{"total", conf_set_integer, FIELD(struct config, responder_total), RANGE(1, 10000000)},
	END
};

static const struct conf_key conf_limits_keys[] = {
	{"cpu_percent", conf_set_integer, FIELD(struct config, limit_cpu_percent), RANGE(0, 100)},
	{"memory_mb", conf_set_integer, FIELD(struct config, limit_memory_mb), RANGE(0, 1048576)},
	END
};

static const struct conf_key conf_log_keys[] = {
	{"target", conf_set_log_target, FIELD(struct config, log_target)},
	{"level", conf_set_log_level, FIELD(struct config, log_level)},
	{"main", conf_set_log_level, FIELD(struct config, log_levels[LOG_SUB_MAIN])},
	{"config", conf_set_log_level, FIELD(struct config, log_levels[LOG_SUB_CONFIG])},
	{"device", conf_set_log_level, FIELD(struct config, log_levels[LOG_SUB_DEVICE])},
	{"cm", conf_set_log_level, FIELD(struct config, log_levels[LOG_SUB_CM])},
	{"peer", conf_set_log_level, FIELD(struct config, log_levels[LOG_SUB_PEER])},
	{"responder", conf_set_log_level, FIELD(struct config, log_levels[LOG_SUB_RESPONDER])},
	{"trace", conf_set_log_level, FIELD(struct config, log_levels[LOG_SUB_TRACE])},
	{"control", conf_set_log_level, FIELD(struct config, log_levels[LOG_SUB_CONTROL])},
	END
};

static const struct conf_key conf_tracing_keys[] = {
	{"enable", conf_set_bool, FIELD(struct config, tracing)},
	{"probe", conf_set_bool, FIELD(struct config, trace_probe)},
	{"interval_ms", conf_set_integer, FIELD(struct config, trace_interval_ms), RANGE_INTERVAL},
	{"source_qps", conf_set_integer, FIELD(struct config, trace_source_qps), RANGE(0, 64),
	 .restart = true},
	{"max_qps", conf_set_integer, FIELD(struct config, trace_max_qps), RANGE(1000, 10000000),
	 .restart = true},
	{"max_flows", conf_set_integer, FIELD(struct config, trace_max_flows), RANGE(100, 1000000),
	 .restart = true},
	END
};

static const struct conf_key conf_metrics_keys[] = {
	{"listen", conf_set_string, FIELD(struct config, metrics_listen), RANGE(0, 64),
	 .check = conf_check_listen,
	 .expect = "\"ADDRESS:PORT\", \"[IPv6 ADDRESS]:PORT\" or \"\""},
	{"by", conf_set_metrics_by, FIELD(struct config, metrics_by_tor), .restart = true},
	{"max_paths", conf_set_integer, FIELD(struct config, metrics_max_paths), RANGE(1, 100000)},
	END
};

const struct conf_key conf_file_keys[] = {
	{"devices", conf_set_strings, LIST(struct conf_draft, config., devices), RANGE_DEVICE,
	 .check = conf_check_pattern,
	 .expect = "the name of an RDMA device or a pattern"},
	{"gid_index", conf_set_integer, FIELD(struct conf_draft, config.gid_index), RANGE(-1, 255),
	 .restart = true},
	{"port", conf_set_integer, FIELD(struct conf_draft, config.port), RANGE(1, 65535),
	 .restart = true},
	{"interval_ms", conf_set_integer, FIELD(struct conf_draft, peer.interval_ms),
	 RANGE_INTERVAL},
	{"timeout_ms", conf_set_integer, FIELD(struct conf_draft, config.timeout_ms), RANGE(10,
	 60000)},
	{"sizes", conf_set_sizes, LIST(struct conf_draft, peer., sizes), RANGE_SIZE},
	{"flow_labels", conf_set_integers, LIST(struct conf_draft, peer., flow_labels),
	 RANGE_FLOW_LABEL},
	{"traffic_class", conf_set_integer, FIELD(struct conf_draft, peer.traffic_class),
	 RANGE_TRAFFIC_CLASS},
	{"service_level", conf_set_integer, FIELD(struct conf_draft, peer.service_level),
	 RANGE_SERVICE_LEVEL},
	{"window_s", conf_set_window, FIELD(struct conf_draft, config.window_s), RANGE(1, 3600)},
	{"max_probes_per_s", conf_set_integer, FIELD(struct conf_draft, config.max_probes_per_s),
	 RANGE(1, 1000000)},
	{"clock", conf_set_clock, FIELD(struct conf_draft, config.clock_software)},
	{"busy_poll_us", conf_set_integer, FIELD(struct conf_draft, config.busy_poll_us), RANGE(0,
	 1000)},
	{"responder", conf_set_group, FIELD(struct conf_draft, config),
	 .keys = conf_responder_keys},
	{"socket", conf_set_string, FIELD(struct conf_draft, config.socket), RANGE(2,
	 CONF_SOCKET_MAX),
	 .check = conf_check_path, .expect = "an absolute path of at most 107 bytes",
	 .restart = true},
	{"socket_group", conf_set_string, FIELD(struct conf_draft, config.socket_group), RANGE(0,
	 32),
	 .check = conf_check_group, .expect = "the name of a group or \"\"", .restart = true},
	{"hostname", conf_set_string, FIELD(struct conf_draft, config.hostname), RANGE(0,
	 PROBE_WIRE_REPLY_HOST_MAX),
	 .check = conf_check_hostname, .expect = "a host name of at most 48 characters or \"\""},
	{"tor", conf_set_string, FIELD(struct conf_draft, config.tor), RANGE(0,
	 PROBE_WIRE_REPLY_TOR_MAX),
	 .check = conf_check_printable, .expect = "at most 32 printable ASCII characters"},
	{"limits", conf_set_group, FIELD(struct conf_draft, config), .keys = conf_limits_keys},
	{"log", conf_set_group, FIELD(struct conf_draft, config), .keys = conf_log_keys},
	{"tracing", conf_set_group, FIELD(struct conf_draft, config), .keys = conf_tracing_keys},
	{"metrics", conf_set_group, FIELD(struct conf_draft, config), .keys = conf_metrics_keys},
	{"peers", conf_set_peers, .expect = NULL},
	END
};

static void
conf_clear(struct config *config)
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
	free(config->hostname);
	free(config->tor);
	free(config->metrics_listen);
	for (size_t i = 0; i < config->n_files; i++)
		free(config->files[i].path);
	free(config->files);
	free(config->origins);
}

void
config_free(struct config *config)
{
	if (!config)
		return;
	conf_clear(config);
	free(config);
}

static int
conf_defaults_peer(struct config_peer *peer)
{
	/*
	 * Mostly the paper's size; a share of large ones, as there are switches that drop only
	 * those.
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

static int
conf_defaults(struct conf_draft *draft)
{
	struct config *c = &draft->config;

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
		c->log_levels[i] = LOG_LEVEL_N; /* until conf_finish() */
	c->tracing = true;
	c->trace_probe = true;
	c->trace_interval_ms = 10;
	c->trace_source_qps = 16;
	c->trace_max_qps = 200000;
	c->trace_max_flows = 20000;
	c->metrics_max_paths = 1000;
	c->allow = calloc(CONF_N_ALLOW, sizeof(*c->allow));
	for (; c->allow && c->n_allow < CONF_N_ALLOW; c->n_allow++)
		addr_net_parse(conf_default_allow[c->n_allow], &c->allow[c->n_allow]);
	c->socket = strdup(CONTROL_SOCKET_DEFAULT);
	c->socket_group = strdup("rpingmesh");
	c->hostname = strdup("");
	c->tor = strdup("");
	c->metrics_listen = strdup("");
	if (!c->allow || !c->socket || !c->socket_group || !c->hostname || !c->tor ||
	    !c->metrics_listen)
		return -ENOMEM;
	return conf_defaults_peer(&draft->peer);
}

/* Windows of all hosts begin at multiples of their length, and are to add up to whole hours. */
int
conf_set_window(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		void *into)
{
	int rc = conf_set_integer(r, key, s, into);

	if (rc < 0 || 3600 % ((struct conf_draft *)into)->config.window_s == 0)
		return rc;
	return conf_fail(r, s, "a divisor of 3600");
}

/* An address as it is compared: the same for each way to write it. */
static void
conf_canonical(const char *address, char buf[256])
{
	struct addr a;
	size_t len;

	if (addr_parse(address, &a) == 0) {
		addr_text(&a, buf);
		return;
	}
	snprintf(buf, 256, "%s", address);
	len = strlen(buf);
	for (size_t i = 0; i < len; i++)
		if (buf[i] >= 'A' && buf[i] <= 'Z')
			buf[i] = (char)(buf[i] - 'A' + 'a');
	if (len && buf[len - 1] == '.')
		buf[len - 1] = '\0';
}

static int
conf_set_address(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		 void *into)
{
	struct addr a;
	const char *text;
	int rc = conf_get_string(r, key, s, &text);

	if (rc < 0)
		return rc;
	if (addr_parse(text, &a) == 0 ? !conf_check_unicast(&a) : !conf_check_hostname(text))
		return conf_fail(r, s, "%s", key->expect);
	return conf_set_string(r, key, s, into);
}

/* One of two words: a bool, true for the second. */
static int
conf_set_either(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		void *into, const char *no, const char *yes)
{
	const char *text = config_setting_get_string(s);

	if (!text || (strcmp(text, no) != 0 && strcmp(text, yes) != 0))
		return conf_fail(r, s, "\"%s\" or \"%s\"", no, yes);
	*(bool *)((char *)into + key->offset) = strcmp(text, yes) == 0;
	return 0;
}

int
conf_set_clock(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
	       void *into)
{
	return conf_set_either(r, key, s, into, "auto", "software");
}

int
conf_set_metrics_by(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		    void *into)
{
	return conf_set_either(r, key, s, into, "peer", "tor");
}

static int
conf_set_source(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
		void *into)
{
	struct addr a;
	const char *text;
	int rc = conf_get_string(r, key, s, &text);

	if (rc < 0)
		return rc;
	if (addr_parse(text, &a) < 0 || !conf_check_unicast(&a))
		return conf_fail(r, s, "%s", key->expect);
	return conf_set_string(r, key, s, into);
}

/* A key and its plural say the same thing: only one of them may stand. */
static int
conf_check_either(struct conf_reader *r, const config_setting_t *s, const char *one,
		  const char *many)
{
	const config_setting_t *both = config_setting_get_member(s, one);
	char expected[64];

	if (!both || !config_setting_get_member(s, many))
		return 0;
	snprintf(expected, sizeof(expected), "either %s or %s", one, many);
	return conf_fail_found(r, both, NULL, expected, "both");
}

static bool
conf_selects(const struct config *config, const char *device)
{
	for (size_t i = 0; i < config->n_devices; i++)
		if (fnmatch(config->devices[i], device, 0) == 0)
			return true;
	return config->n_devices == 0;
}

/* What can only be judged when the whole peer is known. */
static int
conf_check_peer(struct conf_reader *r, const config_setting_t *s, const struct config_peer *peer)
{
	struct addr address, source;

	if (!peer->address)
		return conf_fail_found(r, s, "address", "an address or host name", "nothing");
	if (peer->source && addr_parse(peer->address, &address) == 0 &&
	    addr_parse(peer->source, &source) == 0 && addr_is_v4(&address) != addr_is_v4(&source))
		return conf_fail(r, config_setting_get_member(s, "source"),
				 "an %s address like the peer's",
				 addr_is_v4(&address) ? "IPv4" : "IPv6");
	if (peer->device && !conf_selects(&r->draft->config, peer->device))
		return conf_fail(r, config_setting_get_member(s, "device"),
				 "a device that `devices` selects");
	return 0;
}

static int
conf_set_peer(struct conf_reader *r, const config_setting_t *s, struct config_peer *peer)
{
	int rc;

	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return conf_set_address(r, &conf_peer_keys[0], s, peer);
	if (!config_setting_is_group(s))
		return conf_fail(r, s, "an address in \" \" or a group { address = …; }");
	rc = conf_check_either(r, s, "size", "sizes");
	if (rc == 0)
		rc = conf_check_either(r, s, "flow_label", "flow_labels");
	if (rc == 0)
		rc = conf_read_group(r, conf_peer_keys, s, peer);
	return rc < 0 ? rc : conf_check_peer(r, s, peer);
}

/* A peer while duplicates are looked for. */
struct conf_named {
	char *name;
	unsigned int index;
};

static int
conf_named_cmp(const void *pa, const void *pb)
{
	const struct conf_named *a = pa, *b = pb;
	int cmp = strcmp(a->name, b->name);

	return cmp ? cmp : (a->index > b->index) - (a->index < b->index);
}

static int
conf_name_peer(const struct config_peer *peer, char **out)
{
	char address[256], source[256] = "";

	conf_canonical(peer->address, address);
	if (peer->source)
		conf_canonical(peer->source, source);
	return asprintf(out, "%s %s %s", address, peer->device ? peer->device : "", source) < 0 ?
		       -ENOMEM :
		       0;
}

static int
conf_check_duplicates(struct conf_reader *r, const config_setting_t *s)
{
	const struct config *config = &r->draft->config;
	struct conf_named *named = calloc(config->n_peers + 1, sizeof(*named));
	char found[64];
	size_t n = 0;
	int rc = named ? 0 : -ENOMEM;

	for (; rc == 0 && n < config->n_peers; n++) {
		named[n].index = (unsigned int)n;
		rc = conf_name_peer(&config->peers[n], &named[n].name);
	}
	if (rc < 0)
		conf_no_memory(r);
	else
		qsort(named, n, sizeof(*named), conf_named_cmp);
	for (size_t i = 1; i < n && rc == 0; i++) {
		if (strcmp(named[i].name, named[i - 1].name) != 0)
			continue;
		snprintf(found, sizeof(found), "the same as in peers[%u]", named[i - 1].index);
		rc = conf_fail_found(r, config_setting_get_elem(s, named[i].index), NULL,
				     "another address, device or source", found);
	}
	for (size_t i = 0; named && i < n; i++)
		free(named[i].name);
	free(named);
	return rc;
}

int
conf_set_peers(struct conf_reader *r, const struct conf_key *key, const config_setting_t *s,
	       void *into)
{
	struct config *config = &((struct conf_draft *)into)->config;
	int n = config_setting_is_list(s) ? config_setting_length(s) : -1;
	int rc = 0;

	(void)key;
	if (n < 0 || n > CONF_PEERS_MAX)
		return conf_fail(r, s, "a list ( ) of at most %d addresses or groups",
				 CONF_PEERS_MAX);
	config->peers = calloc((size_t)n + 1, sizeof(*config->peers));
	if (!config->peers)
		return conf_no_memory(r);
	r->in_peers = true;
	for (int i = 0; i < n && rc == 0; i++) {
		if (config_peer_copy(&r->draft->peer, &config->peers[i]) < 0)
			return conf_no_memory(r);
		config->n_peers++;
		rc = conf_set_peer(r, config_setting_get_elem(s, (unsigned int)i),
				   &config->peers[i]);
	}
	r->in_peers = false;
	return rc < 0 ? rc : conf_check_duplicates(r, s);
}

static int
conf_finish(struct conf_draft *draft, struct config **out)
{
	struct config *config = malloc(sizeof(*config));

	if (!config)
		return -ENOMEM;
	for (int i = 0; i < LOG_SUB_N; i++)
		if (draft->config.log_levels[i] == LOG_LEVEL_N)
			draft->config.log_levels[i] = draft->config.log_level;
	*config = draft->config;
	config->base = draft->peer;
	config->sizes = config->base.sizes;
	config->n_sizes = config->base.n_sizes;
	draft->peer = (struct config_peer){0};
	draft->config = (struct config){0};
	*out = config;
	return 0;
}

/* The names of what was read, and what it looked like. */
static int
conf_keep_files(const struct conf_text *text, struct config *config)
{
	config->files = calloc(text->n_files ? text->n_files : 1, sizeof(*config->files));
	if (!config->files)
		return -ENOMEM;
	for (; config->n_files < text->n_files; config->n_files++) {
		struct config_file *file = &config->files[config->n_files];

		*file = text->stamps[config->n_files];
		file->path = strdup(text->files[config->n_files]);
		if (!file->path)
			return -ENOMEM;
	}
	return 0;
}

static int
conf_read_tree(const struct conf_text *text, const config_setting_t *root, struct config **out)
{
	struct conf_draft draft = {0};
	struct conf_reader r = {.text = text, .error = text->error, .draft = &draft};
	int rc = conf_defaults(&draft);

	if (rc == 0)
		rc = conf_keep_files(text, &draft.config);
	if (rc == 0)
		rc = conf_read_group(&r, conf_file_keys, root, &draft);
	if (rc == 0)
		rc = conf_finish(&draft, out);
	if (rc == -ENOMEM)
		conf_no_memory(&r);
	conf_clear(&draft.config);
	config_peer_clear(&draft.peer);
	return rc;
}

/* The grammar has been checked: what is left is a key that stands twice. */
static int
conf_fail_tree(const struct conf_text *text, const config_t *tree)
{
	unsigned int flat_line = config_error_line(tree) > 0 ?
					 (unsigned int)config_error_line(tree) :
					 1,
		     line;
	const char *p = text->flat, *file;
	int len;

	for (unsigned int i = 1; i < flat_line && strchr(p, '\n'); i++)
		p = strchr(p, '\n') + 1;
	p += strspn(p, " \t");
	len = (int)strcspn(p, "\n");
	conf_text_where(text, flat_line, &file, &line);
	snprintf(text->error, CONFIG_ERROR,
		 "%s:%u: %s: expected each key once, found one again in \"%.*s\"", file, line,
		 config_error_text(tree), len < 60 ? len : 60, p);
	return -EINVAL;
}

/* Control characters out of a file must not reach a terminal. */
static void
conf_clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static int
conf_read_text(struct conf_text *text, struct config **out)
{
	config_t tree;
	int rc;

	config_init(&tree);
	if (config_read_string(&tree, text->flat) == CONFIG_TRUE)
		rc = conf_read_tree(text, config_root_setting(&tree), out);
	else
		rc = conf_fail_tree(text, &tree);
	config_destroy(&tree);
	return rc;
}

int
config_load(const char *path, struct config **out, char error[CONFIG_ERROR])
{
	struct conf_text text = {.error = error};
	int rc = conf_text_load(&text, path);

	if (rc == 0)
		rc = conf_read_text(&text, out);
	conf_text_clear(&text);
	if (rc < 0)
		conf_clean(error);
	return rc;
}

int
config_parse(const char *string, const char *name, struct config **out, char error[CONFIG_ERROR])
{
	struct conf_text text = {.error = error};
	int rc = conf_text_take(&text, string, name);

	if (rc == 0)
		rc = conf_read_text(&text, out);
	conf_text_clear(&text);
	if (rc < 0)
		conf_clean(error);
	return rc;
}

const char *
config_default_text(void)
{
	return config_default_conf;
}
