/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of the driver: of a driver that the test plays (the names are those of mlx5's
 * en_stats.c and bnxt's bnxt_ethtool.c).
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rdma/ethtool.h"

static const struct {
	const char *name;
	uint64_t value;
} driver[] = {
	{"rx_prio3_pause", 17},	     {"rx_discards_phy", 3}, {"link_down_events_phy", 2},
	{"rx0_packets", 100},	     {"ch3_events", 5},	     {"tx_queue_0_drops", 6},
	{"[7]: rx_ucast_packets", 9}, {"rx_prio3_pause_duration", 44},
	{"tx_global_pause", UINT64_MAX},
};
#define N (sizeof(driver) / sizeof(driver[0]))

static uint32_t count, late_count;
static int error;

int __wrap_ioctl(int fd, unsigned long request, ...);

static void
driver_names(struct ethtool_gstrings *names)
{
	names->len = late_count;
	for (size_t i = 0; i < late_count && i < N; i++)
		strncpy((char *)names->data + i * ETH_GSTRING_LEN, driver[i].name, ETH_GSTRING_LEN);
}

int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	struct ifreq *ifr;
	union {
		void *data;
		struct ethtool_sset_info *info;
		struct ethtool_gstrings *names;
		struct ethtool_stats *stats;
	} u;

	va_start(ap, request);
	ifr = va_arg(ap, struct ifreq *);
	va_end(ap);
	assert_true(fd >= 0);
	assert_int_equal(request, SIOCETHTOOL);
	assert_string_equal(ifr->ifr_name, "eth0");
	if (error) {
		errno = error;
		return -1;
	}
	u.data = ifr->ifr_data;
	if (u.info->cmd == ETHTOOL_GSSET_INFO) {
		u.info->sset_mask = count ? 1ULL << ETH_SS_STATS : 0;
		if (count)
			memcpy(u.info->data, &count, sizeof(count));
	} else if (u.names->cmd == ETHTOOL_GSTRINGS) {
		driver_names(u.names);
	} else {
		assert_int_equal(u.stats->cmd, ETHTOOL_GSTATS);
		u.stats->n_stats = late_count;
		for (size_t i = 0; i < late_count && i < N; i++)
			u.stats->data[i] = driver[i].value;
	}
	return 0;
}

static char told[512];

static void
each(void *arg, const char *name, uint64_t value)
{
	(void)arg;
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s=%llu ", name,
		 (unsigned long long)value);
}

static int
reset(void **state)
{
	(void)state;
	told[0] = '\0';
	error = 0;
	count = late_count = N;
	return 0;
}

static void
test_of_the_port(void **state)
{
	(void)state;
	assert_int_equal(ethtool_read("eth0", each, NULL), 0);
	assert_string_equal(told, "rx_prio3_pause=17 rx_discards_phy=3 link_down_events_phy=2 "
				  "rx_prio3_pause_duration=44 "
				  "tx_global_pause=18446744073709551615 ");
}

static void
test_none(void **state)
{
	(void)state;
	count = 0;
	assert_int_equal(ethtool_read("eth0", each, NULL), -EOPNOTSUPP);
	error = EOPNOTSUPP;
	assert_int_equal(ethtool_read("eth0", each, NULL), -EOPNOTSUPP);
	error = ENODEV;
	assert_int_equal(ethtool_read("eth0", each, NULL), -ENODEV);
	assert_string_equal(told, "");
}

/* As many as no driver has; and one that has more, or fewer, when the names are asked for. */
static void
test_counts(void **state)
{
	(void)state;
	count = ETHTOOL_MAX + 1;
	assert_int_equal(ethtool_read("eth0", each, NULL), -E2BIG);
	count = N - 2;
	assert_int_equal(ethtool_read("eth0", each, NULL), -EAGAIN);
	count = N + 2;
	assert_int_equal(ethtool_read("eth0", each, NULL), -EAGAIN);
	assert_string_equal(told, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_of_the_port, reset),
		cmocka_unit_test_setup(test_none, reset),
		cmocka_unit_test_setup(test_counts, reset),
	};

	return cmocka_run_group_tests_name("ethtool", tests, NULL, NULL);
}
