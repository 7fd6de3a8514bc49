/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: checks
 *
 * Some hosts are to probe each other now, because somebody asks whether the network between them is
 * well. Each host is asked (record/ask.h) to probe a few others at a time, in rounds, so that no
 * port sends or gets more than a quarter of its budget. What has come of it is read from the
 * reports of the hosts; probes that were sent before the check was made do not count.
 *
 * Bounded: CHECKS_RUNNING at a time, a host in one of them; CHECKS_HOSTS_MAX hosts; CHECKS_TUPLES
 * 5-tuples, of which each pair of hosts has at least one each way; CHECKS_LONGEST_NS.
 */
#ifndef RPINGMESH_CENTRAL_CHECK_CHECKS_H
#define RPINGMESH_CENTRAL_CHECK_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check;
struct checks;
struct intake;
struct loop;
struct mesh;

#define CHECKS_RUNNING 8u
#define CHECKS_HOSTS_MAX 64u
#define CHECKS_TUPLES 4096u
#define CHECKS_COUNT_MAX 100u
#define CHECKS_LONGEST_NS 300000000000ULL
#define CHECKS_KEEP_NS 60000000000ULL  /* after its end, the result can be read */
#define CHECKS_ERROR 200

/* All borrowed. */
struct checks_config {
	struct loop *loop;
	struct mesh *mesh;
	const struct intake *intake;
};

/* Returns 0 and sets *out, or -errno. */
int checks_new(const struct checks_config *config, struct checks **out);
/* NULL is allowed. */
void checks_free(struct checks *checks);

struct checks_want {
	const char *const *hosts;  /* names, or their first labels; doubles count once */
	size_t n;
	uint32_t count;            /* probes of each 5-tuple, at least; 1 to CHECKS_COUNT_MAX */
};

/*
 * Begins a check, or joins one of the same hosts that runs. Returns 0 and sets *out, which
 * is borrowed until the loop goes on; or puts the reason into error and returns -EINVAL (fewer than
 * two hosts are there, or it would take too long), -EBUSY (too many run, or a host is in another
 * one: try again), -ENOTCONN (there is no broker) or -ENOMEM. Does not block.
 */
int checks_begin(struct checks *checks, const struct checks_want *want, const struct check **out,
		 char error[CHECKS_ERROR]);

/* NULL: there is none, or it ended long ago. Borrowed until the loop goes on. */
const struct check *checks_find(const struct checks *checks, uint64_t id);

struct checks_stats {
	uint64_t begun, refused;
	uint32_t running;
};
void checks_stats(const struct checks *checks, struct checks_stats *out);

/* ---- one check ---- */

struct check_info {
	uint64_t id;               /* from 1 */
	bool done;
	uint64_t left_ns;          /* until it is done, at the latest */
	size_t hosts, tuples;
};
void check_info(const struct check *check, struct check_info *out);

/* What a host has met. Noise (a host stalled) is apart: it says nothing about the network. */
struct check_counts {
	uint64_t wanted;           /* at least so many were asked for */
	uint64_t sent, answered, noise;
};

struct check_host_info {
	const char *name;          /* as it was asked for; borrowed, like the error */
	const char *error;         /* why it took no part, or has probed too little; NULL: none */
	struct check_counts out;   /* its probes to the others */
	struct check_counts in;    /* those of the others to it */
	uint64_t rtt_ns;           /* the mean of its own; 0: none was answered */
	size_t others;             /* hosts that it was to probe */
	size_t bad;                /* those of them to or from which not all was answered, or to
				      which it has sent too few, though it has sent some */
	bool well;
};
/* i < info.hosts. */
void check_host(const struct check *check, size_t i, struct check_host_info *out);
/* Its name, as it was asked for; borrowed. */
const char *check_name(const struct check *check, size_t i);
/* Whether `bad` of i counts k; false if they were not to probe each other. */
bool check_is_bad(const struct check *check, size_t i, size_t k);

#endif
