/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pinglist of this host: takes it from the broker, keeps it in a file, and uses the file until
 * there is a list from the broker. What the list wants is checked by cluster_apply.h. If central
 * says nothing for `cluster.keep`, its streams are probed ten times less often.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_LIST_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/cluster/cluster_apply.h"
#include "agent/cluster/cluster_file.h"

struct cluster_list;
struct config;
struct loop;
struct nics;
struct peers;
struct self;

/* All borrowed. */
struct cluster_list_env {
	struct loop *loop;
	const struct nics *nics;
	struct peers *peers;
	const struct self *self;
};

int cluster_list_new(const struct cluster_list_env *env, struct cluster_list **out);
/* NULL is allowed. */
void cluster_list_free(struct cluster_list *list);

/* Applies a configuration with a broker, which must remain until the next call. */
void cluster_list_configure(struct cluster_list *list, const struct config *config);
/* The host has another name: nothing is probed for the list. The file may be of that name. */
void cluster_list_drop(struct cluster_list *list);
/* There is no broker any more, or another one: nothing is probed for the list; removes the file. */
void cluster_list_forget(struct cluster_list *list);
/* The ports of this host, or the peers of the configuration, have changed. */
void cluster_list_look(struct cluster_list *list);

/* A message on the topic of the list. Empty: central has taken the list back. */
void cluster_list_heard(struct cluster_list *list, const void *data, size_t size, bool retained);
/* The same, but longer than the bus takes. */
void cluster_list_too_long(struct cluster_list *list);
/* A message on the topic of a central: its sign of life. */
void cluster_list_beat(struct cluster_list *list, const void *data, size_t size);

struct cluster_list_status {
	bool has;               /* there is a list; the next five are valid */
	bool from_file;         /* not from the broker, since this start */
	uint64_t generation; /* as the list has it */
	uint64_t taken_ns;      /* when it was received or read, CLOCK_MONOTONIC */
	struct cluster_counts counts;
	bool heard;             /* from central; the next is valid */
	uint64_t silent_ns;     /* since central's last word */
	bool slow;              /* there is a list, and `cluster.keep` is over */
	uint64_t lists;         /* lists that were taken, each change of the contents */
	uint64_t malformed, foreign, withdrawn; /* lists with a mistake; of another host; empty */
	const char *error;      /* the reason why the last list was refused, or "" */
	const char *file_error; /* why the file cannot be used, or "" */
};
void cluster_list_status(const struct cluster_list *list, struct cluster_list_status *out);

#endif
