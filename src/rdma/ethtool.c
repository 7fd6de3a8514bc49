/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/ethtool.h"

#include <ctype.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/work.h"

struct ethtool {
	struct work_job *job;
	struct ethtool_question question; /* netdev is in ifr */
	int fd;
	struct ifreq ifr;
	struct ethtool_answer answer;
};

/* ---- in the worker ---- */

static int
ethtool_call(struct ethtool *e, void *command)
{
	e->ifr.ifr_data = command;
	return ioctl(e->fd, SIOCETHTOOL, &e->ifr) < 0 ? -errno : 0;
}

/* Gets the number of statistics; 0: there are none. */
static int
ethtool_count(struct ethtool *e, uint32_t *n)
{
	/* One count stands behind the struct for each bit of its mask. */
	uint32_t ask[sizeof(struct ethtool_sset_info) / sizeof(uint32_t) + 1] = {0};
	struct ethtool_sset_info info = {.cmd = ETHTOOL_GSSET_INFO,
					 .sset_mask = 1ULL << ETH_SS_STATS};
	int rc;

	memcpy(ask, &info, sizeof(info));
	rc = ethtool_call(e, ask);
	memcpy(&info, ask, sizeof(info));
	*n = rc == 0 && info.sset_mask ? ask[sizeof(info) / sizeof(uint32_t)] : 0;
	return rc;
}

/* "rx_queue_0_drops", "rx0_bytes", "ch3_events", "[7]: rx_pkts", "cpu1_…" */
static bool
ethtool_is_of_a_part(const char *name)
{
	static const char *const parts[] = {"queue", "rx", "tx", "ch", "cpu", "q", "ring", "ptp"};

	if (name[0] == '[' || strstr(name, "queue_"))
		return true;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *at = name + strlen(parts[i]);

		if (strncmp(name, parts[i], strlen(parts[i])) != 0)
			continue;
		at += *at == '_' || *at == '-';
		if (isdigit((unsigned char)*at))
			return true;
	}
	return false;
}

static void
ethtool_keep(struct ethtool *e, const struct ethtool_gstrings *names,
	     const struct ethtool_stats *values)
{
	struct ethtool_answer *a = &e->answer;
	char name[ETHTOOL_NAME];

	for (uint32_t i = 0; i < names->len; i++) {
		snprintf(name, sizeof(name), "%.*s", ETHTOOL_NAME - 1,
			 (const char *)names->data + (size_t)i * ETH_GSTRING_LEN);
		if (ethtool_is_of_a_part(name) || !e->question.wants(name))
			continue;
		if (a->n == ETHTOOL_KEPT) {
			a->left_out++;
			continue;
		}
		memcpy(a->values[a->n].name, name, sizeof(name));
		a->values[a->n++].value = values->data[i];
	}
}

static int
ethtool_read_both(struct ethtool *e, struct ethtool_gstrings *names, struct ethtool_stats *values,
		  uint32_t n)
{
	int rc;

	*names = (struct ethtool_gstrings){
		.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = n};
	*values = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = n};
	rc = ethtool_call(e, names);
	if (rc == 0)
		rc = ethtool_call(e, values);
	/* The driver was reconfigured meanwhile, and has other names now. */
	if (rc == 0 && (names->len != n || values->n_stats != n))
		rc = -EAGAIN;
	if (rc == 0)
		ethtool_keep(e, names, values);
	return rc;
}

static int
ethtool_read(struct ethtool *e)
{
	/*
	 * The kernel writes as many as the driver has at that time, which may be more than before.
	 * After a change of the number of queues that may be many times n: room for the most.
	 */
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
	uint32_t n = 0;
	int rc = ethtool_count(e, &n);

	if (rc < 0 || n == 0)
		return rc < 0 ? rc : -EOPNOTSUPP;
	if (n > ETHTOOL_MAX)
		return -E2BIG;
	names = calloc(1, sizeof(*names) + 2 * (size_t)ETHTOOL_MAX * ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + 2 * (size_t)ETHTOOL_MAX * sizeof(uint64_t));
	rc = names && values ? ethtool_read_both(e, names, values, n) : -ENOMEM;
	free(names);
	free(values);
	return rc;
}

static void
ethtool_run(void *arg)
{
	struct ethtool *e = arg;
	uint64_t started = clock_mono_ns();

	e->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	e->answer.error = e->fd < 0 ? -errno : ethtool_read(e);
	if (e->fd >= 0)
		close(e->fd);
	e->answer.took_ns = clock_mono_ns() - started;
}

/* ---- on the loop ---- */

static void
ethtool_done(void *arg)
{
	struct ethtool *e = arg;

	e->question.answered(e->question.arg, &e->answer);
}

int
ethtool_ask(struct work *work, const struct ethtool_question *question, struct ethtool **out)
{
	static const struct work_ops ops = {
		.run = ethtool_run, .done = ethtool_done, .free = free};
	struct ethtool *e = calloc(1, sizeof(*e));
	int rc = -ENOMEM;

	*out = NULL;
	if (!e)
		return rc;
	e->question = *question;
	snprintf(e->ifr.ifr_name, sizeof(e->ifr.ifr_name), "%s", question->netdev);
	rc = work_start(work, &ops, e, &e->job);
	if (rc < 0)
		free(e);
	else
		*out = e;
	return rc;
}

void
ethtool_cancel(struct ethtool *e)
{
	if (e)
		work_cancel(e->job);
}
