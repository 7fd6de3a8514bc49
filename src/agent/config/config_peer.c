/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config_check.h"
#include "core/addr.h"

#define FIELD(f) CONF_FIELD(struct config_peer, f)
#define LIST(f) CONF_LIST_FIELD(struct config_peer, f, n_##f)

const struct conf_key config_peer_keys[] = {
	{"address", &conf_string, FIELD(address), CONF_RANGE(1, 254),
	 .check = config_check_address,
	 .expect = "an IPv4 or IPv6 unicast address, not loopback or link-local, or a host name"},
	{"device", &conf_string, FIELD(device), CONFIG_PEER_DEVICE,
	 .check = config_check_device,
	 .expect = "the name of an RDMA device without NCCL's ^, = or :PORT"},
	{"source", &conf_string, FIELD(source), CONF_RANGE(1, ADDR_TEXT),
	 .check = config_check_source,
	 .expect = "an IPv4 or IPv6 unicast address, not loopback or link-local"},
	{"interval_ms", &conf_integer, FIELD(interval_ms), CONFIG_PEER_INTERVAL},
	{"sizes", &conf_integers, LIST(sizes), CONFIG_PEER_SIZE},
	{"size", &conf_integers, LIST(sizes), CONFIG_PEER_SIZE},
	{"flow_labels", &conf_integers, LIST(flow_labels), CONFIG_PEER_FLOW_LABEL},
	{"flow_label", &conf_integers, LIST(flow_labels), CONFIG_PEER_FLOW_LABEL},
	{"traffic_class", &conf_integer, FIELD(traffic_class), CONFIG_PEER_TRAFFIC_CLASS},
	{"service_level", &conf_integer, FIELD(service_level), CONFIG_PEER_SERVICE_LEVEL},
	CONF_END
};

void
config_peer_clear(struct config_peer *peer)
{
	free(peer->address);
	free(peer->device);
	free(peer->source);
	free(peer->sizes);
	free(peer->flow_labels);
	*peer = (struct config_peer){0};
}

static bool
config_peer_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static bool
config_peer_list(uint32_t **to, const uint32_t *from, size_t n)
{
	*to = n ? malloc(n * sizeof(**to)) : NULL;
	if (*to)
		memcpy(*to, from, n * sizeof(**to));
	return !n || *to;
}

int
config_peer_copy(const struct config_peer *from, struct config_peer *to)
{
	struct config_peer c = *from;

	c.address = c.device = c.source = NULL;
	c.sizes = c.flow_labels = NULL;
	if (config_peer_text(&c.address, from->address) &&
	    config_peer_text(&c.device, from->device) &&
	    config_peer_text(&c.source, from->source) &&
	    config_peer_list(&c.sizes, from->sizes, from->n_sizes) &&
	    config_peer_list(&c.flow_labels, from->flow_labels, from->n_flow_labels)) {
		*to = c;
		return 0;
	}
	config_peer_clear(&c);
	return -ENOMEM;
}

static int
config_peer_cmp_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

int
config_peer_cmp(const struct config_peer *a, const struct config_peer *b)
{
	int cmp = config_peer_cmp_text(a->address, b->address);

	if (cmp == 0)
		cmp = config_peer_cmp_text(a->device, b->device);
	return cmp ? cmp : config_peer_cmp_text(a->source, b->source);
}

static bool
config_peer_same_list(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof(*a)) == 0);
}

bool
config_peer_streams_equal(const struct config_peer *a, const struct config_peer *b)
{
	return a->interval_ms == b->interval_ms && a->traffic_class == b->traffic_class &&
	       a->service_level == b->service_level &&
	       config_peer_same_list(a->sizes, a->n_sizes, b->sizes, b->n_sizes) &&
	       config_peer_same_list(a->flow_labels, a->n_flow_labels, b->flow_labels,
				     b->n_flow_labels);
}

bool
config_peer_equal(const struct config_peer *a, const struct config_peer *b)
{
	return config_peer_cmp(a, b) == 0 && config_peer_streams_equal(a, b);
}

/* Writes an address in a form that is the same for all its notations. */
static void
config_peer_canonical(const char *address, char buf[256])
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

/* A key and its plural have the same meaning, so only one of them may be set. */
static int
config_peer_either(struct conf_reader *r, const struct conf_node *node, const char *one,
		    const char *many)
{
	const struct conf_node *both = conf_tree_member(node, one);
	char expected[64];

	if (!both || !conf_tree_member(node, many))
		return 0;
	snprintf(expected, sizeof(expected), "either %s or %s", one, many);
	return conf_tree_fail_node(r->tree, both, expected, "both");
}

/* Checks that need the whole entry. */
static int
config_peer_check(struct conf_reader *r, const struct conf_node *node,
		  const struct config_peer *peer)
{
	struct addr address, source;

	if (!peer->address)
		return conf_tree_fail(r->tree, node->file, node->line,
				      "peers[%u].address: expected an address or host name, found "
				      "nothing",
				      node->index);
	if (peer->source && addr_parse(peer->address, &address) == 0 &&
	    addr_parse(peer->source, &source) == 0 && addr_is_v4(&address) != addr_is_v4(&source))
		return conf_fail(r, conf_tree_member(node, "source"),
				 "an %s address like the peer's",
				 addr_is_v4(&address) ? "IPv4" : "IPv6");
	return 0;
}

int
config_peer_read(struct conf_reader *r, const struct conf_node *node, struct config_peer *peer)
{
	const struct conf_key *keys = config_peer_keys;
	int rc, size, label;

	if (node->type == CONF_STRING)
		return keys->kind->set(r, keys, node, peer);
	if (node->type != CONF_GROUP)
		return conf_fail(r, node, "an address in \" \" or a group { address = …; }");
	rc = conf_read_group(r, keys, node, peer);
	size = config_peer_either(r, node, "size", "sizes");
	label = config_peer_either(r, node, "flow_label", "flow_labels");
	if (rc || size || label)
		return rc ? rc : -EINVAL;
	return config_peer_check(r, node, peer);
}

/* An entry during the search for duplicates. */
struct config_peer_named {
	char *name;
	const struct conf_node *node;
};

static int
config_peer_named_cmp(const void *pa, const void *pb)
{
	const struct config_peer_named *a = pa, *b = pb;
	int cmp = strcmp(a->name, b->name);

	return cmp ? cmp : (a->node->index > b->node->index) - (a->node->index < b->node->index);
}

static int
config_peer_name(const struct config_peer *peer, char **out)
{
	char address[256], source[256] = "";

	config_peer_canonical(peer->address, address);
	if (peer->source)
		config_peer_canonical(peer->source, source);
	return asprintf(out, "%s %s %s", address, peer->device ? peer->device : "", source) < 0 ?
		       -ENOMEM :
		       0;
}

/* Sorts the entries, so that the search is fast with many of them. */
int
config_peer_check_list(struct conf_reader *r, const struct conf_node *list,
		       const struct config_peer *peers)
{
	const struct conf_node *node = list->in.first;
	struct config_peer_named *named = calloc(list->in.n + 1, sizeof(*named));
	char found[64];
	size_t n = 0;
	int rc = named ? 0 : -ENOMEM;

	for (; rc == 0 && n < list->in.n; n++, node = node->next) {
		named[n].node = node;
		rc = config_peer_name(&peers[n], &named[n].name);
	}
	if (rc < 0)
		conf_tree_no_memory(r->tree);
	else
		qsort(named, n, sizeof(*named), config_peer_named_cmp);
	for (size_t i = 1, first = 0; i < n && rc != -ENOMEM; i++) {
		if (strcmp(named[i].name, named[first].name) != 0) {
			first = i;
			continue;
		}
		snprintf(found, sizeof(found), "the same as in peers[%u]",
			 named[first].node->index);
		rc = conf_tree_fail_node(r->tree, named[i].node,
					 "another address, device or source", found);
	}
	for (size_t i = 0; named && i < n; i++)
		free(named[i].name);
	free(named);
	return rc;
}
