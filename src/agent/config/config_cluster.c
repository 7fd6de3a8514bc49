/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_cluster.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/broker.h"
#include "bus/topic.h"
#include "core/conf_check.h"

#define CONFIG_CLUSTER_NAME 64u /* bytes of a label's name, of its value, or of a rail */

bool
config_cluster_check_broker(const char *text)
{
	struct broker broker;

	return !broker_parse(text, &broker);
}

bool
config_cluster_check_prefix(const char *text)
{
	return !topic_prefix_fault(text);
}

bool
config_cluster_check_pair(const char *text)
{
	const char *value = strchr(text, '=');

	return conf_check_printable(text) && value && value != text && value[1] &&
	       (size_t)(value - text) <= CONFIG_CLUSTER_NAME &&
	       strlen(value + 1) <= CONFIG_CLUSTER_NAME;
}

const char *
config_cluster_value(const char *pair, const char *device)
{
	char pattern[CONFIG_CLUSTER_NAME + 1];
	const char *value = strchr(pair, '=') + 1;

	snprintf(pattern, sizeof(pattern), "%.*s", (int)(value - 1 - pair), pair);
	return fnmatch(pattern, device, 0) == 0 ? value : NULL;
}

int
config_cluster_defaults(struct config_cluster *cluster)
{
	char **const strings[] = {&cluster->broker,	 &cluster->ca,	 &cluster->certificate,
				  &cluster->key,	 &cluster->user, &cluster->password_file};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		*strings[i] = strdup("");
	cluster->prefix = strdup("rpingmesh");
	cluster->directory = strdup("/var/lib/rpingmesh");
	cluster->lldp_file = strdup("/run/rpingmesh-lldp/neighbors.json");
	cluster->keep_s = 3600;
	cluster->report_s = 5;
	cluster->trace_s = 300;
	cluster->trace_per_s = 1;
	return cluster->broker && cluster->ca && cluster->certificate && cluster->key &&
	       cluster->user && cluster->password_file && cluster->prefix &&
	       cluster->directory && cluster->lldp_file ? 0 : -ENOMEM;
}

static void
config_cluster_clear_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

void
config_cluster_clear(struct config_cluster *cluster)
{
	free(cluster->broker);
	free(cluster->prefix);
	free(cluster->lldp_file);
	free(cluster->ca);
	free(cluster->certificate);
	free(cluster->key);
	free(cluster->user);
	free(cluster->password_file);
	free(cluster->directory);
	free(cluster->allow);
	config_cluster_clear_list(cluster->labels, cluster->n_labels);
	config_cluster_clear_list(cluster->rails, cluster->n_rails);
	config_cluster_clear_list(cluster->tors, cluster->n_tors);
}

bool
config_cluster_same_broker(const struct config_cluster *a, const struct config_cluster *b)
{
	return strcmp(a->broker, b->broker) == 0 && strcmp(a->prefix, b->prefix) == 0 &&
	       strcmp(a->ca, b->ca) == 0 && strcmp(a->certificate, b->certificate) == 0 &&
	       strcmp(a->key, b->key) == 0 && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->password_file, b->password_file) == 0;
}
