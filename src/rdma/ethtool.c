/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/ethtool.h"

#include <ctype.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct ethtool {
	int fd;
	struct ifreq ifr;
};

static int
ethtool_call(struct ethtool *e, void *command)
{
	e->ifr.ifr_data = command;
	return ioctl(e->fd, SIOCETHTOOL, &e->ifr) < 0 ? -errno : 0;
}

/* How many statistics there are; 0: none. */
static int
ethtool_count(struct ethtool *e, uint32_t *n)
{
	/* One count stands behind the struct for each bit of its mask. */
	uint32_t ask[(sizeof(struct ethtool_sset_info) + sizeof(uint32_t)) / sizeof(uint32_t)];
	struct ethtool_sset_info info = {.cmd = ETHTOOL_GSSET_INFO,
					 .sset_mask = 1ULL << ETH_SS_STATS};
	int rc;

	memset(ask, 0, sizeof(ask));
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
	/* The driver was reconfigured in between, and has other names now. */
	if (rc == 0 && (names->len != n || values->n_stats != n))
		rc = -EAGAIN;
	return rc;
}

static int
ethtool_read_all(struct ethtool *e, void (*each)(void *arg, const char *name, uint64_t value),
		 void *arg)
{
	/*
	 * The kernel writes as many as the driver has when it is asked, which may be more than it
	 * had: room for twice as many.
	 */
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
	char name[ETHTOOL_NAME];
	uint32_t n = 0;
	int rc = ethtool_count(e, &n);

	if (rc < 0 || n == 0)
		return rc < 0 ? rc : -EOPNOTSUPP;
	if (n > ETHTOOL_MAX)
		return -E2BIG;
	names = calloc(1, sizeof(*names) + 2 * (size_t)n * ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + 2 * (size_t)n * sizeof(uint64_t));
	rc = names && values ? ethtool_read_both(e, names, values, n) : -ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		snprintf(name, sizeof(name), "%.*s", ETHTOOL_NAME - 1,
			 (const char *)names->data + (size_t)i * ETH_GSTRING_LEN);
		if (!ethtool_is_of_a_part(name))
			each(arg, name, values->data[i]);
	}
	free(names);
	free(values);
	return rc;
}

int
ethtool_read(const char *netdev, void (*each)(void *arg, const char *name, uint64_t value),
	     void *arg)
{
	struct ethtool e = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
	int rc;

	if (e.fd < 0)
		return -errno;
	snprintf(e.ifr.ifr_name, sizeof(e.ifr.ifr_name), "%s", netdev);
	rc = ethtool_read_all(&e, each, arg);
	close(e.fd);
	return rc;
}
