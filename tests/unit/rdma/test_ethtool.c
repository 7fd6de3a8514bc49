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
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/loop.h"
#include "core/work.h"
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
static int driver_error;

int __wrap_ioctl(int fd, unsigned long request, ...);

static void
driver_names(struct ethtool_gstrings *names)
{
	names->len = late_count;
	for (size_t i = 0; i < late_count; i++)
		strncpy((char *)names->data + i * ETH_GSTRING_LEN,
			i < N ? driver[i].name : "errors", ETH_GSTRING_LEN);
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
	if (fd < 0 || request != SIOCETHTOOL || strcmp(ifr->ifr_name, "eth0") != 0)
		abort();
	if (driver_error) {
		errno = driver_error;
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
		if (u.stats->cmd != ETHTOOL_GSTATS)
			abort();
		u.stats->n_stats = late_count;
		for (size_t i = 0; i < late_count && i < N; i++)
			u.stats->data[i] = driver[i].value;
	}
	return 0;
}

static char told[512];
static int told_error;
static uint32_t told_left_out;
static struct loop *loop;
static struct work *work;

static bool
all(const char *name)
{
	(void)name;
	return true;
}

static bool
pauses(const char *name)
{
	return strstr(name, "pause");
}

static void
answered(void *arg, const struct ethtool_answer *answer)
{
	assert_ptr_equal(arg, told);
	told_error = answer->error;
	told_left_out = answer->left_out;
	for (size_t i = 0; i < answer->n; i++)
		snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s=%llu ",
			 answer->values[i].name, (unsigned long long)answer->values[i].value);
	loop_stop(loop);
}

static void
ask(bool (*wants)(const char *name), int error)
{
	const struct ethtool_question question = {
		.netdev = "eth0", .wants = wants, .answered = answered, .arg = told};
	struct ethtool *e;

	told[0] = '\0';
	told_error = 1;
	assert_int_equal(ethtool_ask(work, &question, &e), 0);
	assert_non_null(e);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(told_error, error);
}

static int
setup(void **state)
{
	(void)state;
	driver_error = 0;
	count = late_count = N;
	if (loop_new(&loop) < 0)
		return -1;
	return work_new(loop, "test", 1, &work);
}

static int
teardown(void **state)
{
	(void)state;
	work_free(work);
	loop_free(loop);
	return 0;
}

static void
test_of_the_port(void **state)
{
	(void)state;
	ask(all, 0);
	assert_string_equal(told, "rx_prio3_pause=17 rx_discards_phy=3 link_down_events_phy=2 "
				  "rx_prio3_pause_duration=44 "
				  "tx_global_pause=18446744073709551615 ");
	ask(pauses, 0);
	assert_string_equal(told, "rx_prio3_pause=17 rx_prio3_pause_duration=44 "
				  "tx_global_pause=18446744073709551615 ");
	assert_int_equal(told_left_out, 0);
}

static void
test_none(void **state)
{
	(void)state;
	count = 0;
	ask(all, -EOPNOTSUPP);
	driver_error = EOPNOTSUPP;
	ask(all, -EOPNOTSUPP);
	driver_error = ENODEV;
	ask(all, -ENODEV);
	assert_string_equal(told, "");
}

/* As many as no driver has; and one that has more, or fewer, when the names are asked for. */
static void
test_counts(void **state)
{
	(void)state;
	count = ETHTOOL_MAX + 1;
	ask(all, -E2BIG);
	count = N - 2;
	ask(all, -EAGAIN);
	count = N + 2;
	ask(all, -EAGAIN);
	assert_string_equal(told, "");
}

/* More than there is room for: the first are kept, the others counted. */
static void
test_left_out(void **state)
{
	(void)state;
	count = late_count = ETHTOOL_KEPT + 7 + 4;
	ask(all, 0);
	assert_int_equal(told_left_out, 7);
}

static void
never(void *arg, const struct ethtool_answer *answer)
{
	(void)arg;
	(void)answer;
	fail();
}

static void
test_cancelled(void **state)
{
	const struct ethtool_question question = {
		.netdev = "eth0", .wants = all, .answered = never};
	struct ethtool *e;

	(void)state;
	assert_int_equal(ethtool_ask(work, &question, &e), 0);
	ethtool_cancel(e);
	ethtool_cancel(NULL);
	ask(pauses, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_of_the_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
	};

	return cmocka_run_group_tests_name("ethtool", tests, NULL, NULL);
}
