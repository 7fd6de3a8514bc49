/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/loop.h"
#include "core/work.h"
#include "rdma/counters.h"

/* The driver of the interface: what it answers, and whether it waits before. */
static struct {
	uint64_t rx_discards;
	bool blocks;
	sem_t asked, go_on;
} driver;

int __wrap_ioctl(int fd, unsigned long request, ...);

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
	if (fd < 0 || request != SIOCETHTOOL || strncmp(ifr->ifr_name, "rpm-none", 8) != 0)
		abort();
	u.data = ifr->ifr_data;
	if (u.info->cmd == ETHTOOL_GSSET_INFO) {
		u.info->data[0] = driver.rx_discards ? 2 : 0;
	} else if (u.names->cmd == ETHTOOL_GSTRINGS) {
		strcpy((char *)u.names->data, "rx_discards_phy");
		strcpy((char *)u.names->data + ETH_GSTRING_LEN, "rx_packets_phy");
	} else {
		if (driver.blocks) {
			sem_post(&driver.asked);
			sem_wait(&driver.go_on);
		}
		u.stats->data[0] = driver.rx_discards;
		u.stats->data[1] = 1000;
	}
	return 0;
}

uint64_t __wrap_clock_wall_ns(void);
static uint64_t left_ns = 5000000000; /* to the next round */

uint64_t
__wrap_clock_wall_ns(void)
{
	return COUNTERS_PERIOD_NS - left_ns;
}

struct tree {
	char root[64];
	struct loop *loop;
	struct work *work;
	struct counters *counters;
};

static void
make_dirs(const struct tree *t, const char *path)
{
	char command[512];

	snprintf(command, sizeof(command), "mkdir -p %s/%s", t->root, path);
	assert_int_equal(system(command), 0);
}

static void
put(const struct tree *t, const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", t->root, path);
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
drop(const struct tree *t, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", t->root, path);
	assert_int_equal(unlink(full), 0);
}

static void
sampled(void *arg)
{
	struct tree *t = arg;

	loop_stop(t->loop);
}

#define HW "class/infiniband/rdma0/ports/1/hw_counters/"
#define PMA "class/infiniband/rdma0/ports/1/counters/"
#define NET "class/net/rpm-none0/statistics/"

static int
setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct counters_config config = {.device = "rdma0",
					 .port = 1,
					 .sampled = sampled,
					 .arg = t,
					 .sysfs = t->root};

	strcpy(t->root, "/tmp/rpm-counters-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	make_dirs(t, HW);
	make_dirs(t, PMA);
	make_dirs(t, NET);
	assert_int_equal(loop_new(&t->loop), 0);
	config.loop = t->loop;
	driver.rx_discards = 0;
	driver.blocks = false;
	sem_init(&driver.asked, 0, 0);
	sem_init(&driver.go_on, 0, 0);
	assert_int_equal(work_new(t->loop, "test", 1, &t->work), 0);
	config.work = t->work;
	assert_int_equal(counters_new(&config, &t->counters), 0);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct tree *t = *state;
	char command[128];

	counters_free(t->counters);
	work_free(t->work);
	loop_free(t->loop);
	snprintf(command, sizeof(command), "rm -rf %s", t->root);
	assert_int_equal(system(command), 0);
	free(t);
	return 0;
}

/* One round, now: a start after a stop does not wait for the period. */
static void
round_now(struct tree *t)
{
	counters_stop(t->counters);
	counters_start(t->counters, "rpm-none0");
	assert_int_equal(loop_run(t->loop), 0);
}

/* The loop for 10 ms. */
static int
turn(struct tree *t)
{
	struct loop_timer *timer;
	int rc = loop_timer_new(t->loop, "turn", sampled, t, &timer);

	if (rc < 0)
		return rc;
	loop_timer_set(timer, 10000000);
	rc = loop_run(t->loop);
	loop_timer_free(timer);
	return rc;
}

static const struct counter *
find(const struct tree *t, const char *name)
{
	const struct counter *c;

	for (size_t i = 0; (c = counters_get(t->counters, i)); i++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static const struct counter *
see(const struct tree *t, const char *name)
{
	static const struct counter none;
	const struct counter *c = find(t, name);

	assert_non_null(c);
	return c ? c : &none;
}

static void
test_reads_and_deltas(void **state)
{
	struct tree *t = *state;
	struct counters_info info;

	put(t, HW "out_of_seq_request", "5\n");
	put(t, HW "lifespan", "10\n");
	put(t, PMA "port_xmit_discards", "7\n");
	put(t, PMA "VL15_dropped", "N/A (no PMA)\n");
	put(t, NET "rx_dropped", "3\n");
	put(t, NET "rx_packets", "1000\n");
	round_now(t);
	assert_int_equal(see(t, "out_of_seq_request")->value, 5);
	assert_int_equal(see(t, "out_of_seq_request")->delta, 0);
	assert_true(see(t, "out_of_seq_request")->bad);
	assert_int_equal(see(t, "port_xmit_discards")->value, 7);
	assert_int_equal(see(t, "net_rx_dropped")->value, 3);
	assert_null(find(t, "lifespan"));
	assert_null(find(t, "VL15_dropped"));
	assert_null(find(t, "net_rx_packets"));
	counters_info(t->counters, &info);
	assert_int_equal(info.rounds, 1);
	assert_int_equal(info.span_ns, 0);
	assert_true(info.read_max_ns > 0);

	put(t, HW "out_of_seq_request", "9\n");
	put(t, NET "rx_dropped", "13\n");
	round_now(t);
	assert_int_equal(see(t, "out_of_seq_request")->delta, 4);
	assert_int_equal(see(t, "net_rx_dropped")->delta, 10);
	assert_int_equal(see(t, "port_xmit_discards")->delta, 0);
	counters_info(t->counters, &info);
	assert_true(info.span_ns > 0);
	round_now(t);
	assert_int_equal(see(t, "net_rx_dropped")->delta, 0);
	assert_int_equal(see(t, "net_rx_dropped")->total, 10);
}

/* A file that goes is not shown; one that returns goes on, from 0 if the device was made anew. */
static void
test_vanish_and_reset(void **state)
{
	struct tree *t = *state;

	put(t, HW "duplicate_request", "100\n");
	put(t, HW "sent_pkts", "1\n");
	round_now(t);
	drop(t, HW "duplicate_request");
	round_now(t);
	assert_null(find(t, "duplicate_request"));
	assert_non_null(find(t, "sent_pkts"));
	assert_false(see(t, "sent_pkts")->bad);
	put(t, HW "duplicate_request", "8\n");
	round_now(t);
	assert_int_equal(see(t, "duplicate_request")->delta, 0);
	assert_int_equal(see(t, "duplicate_request")->value, 100);
	put(t, HW "duplicate_request", "9\n");
	round_now(t);
	assert_int_equal(see(t, "duplicate_request")->delta, 9);
	assert_int_equal(see(t, "duplicate_request")->resets, 1);
	put(t, HW "duplicate_request", "4000000000\n");
	round_now(t);
	assert_int_equal(see(t, "duplicate_request")->delta, 0);
	put(t, HW "duplicate_request", "12\n");
	round_now(t);
	assert_int_equal(see(t, "duplicate_request")->delta, 3);
	assert_int_equal(see(t, "duplicate_request")->odd, 1);
	assert_int_equal(see(t, "duplicate_request")->total, 12);
	put(t, HW "duplicate_request", "18446744073709551615\n");
	round_now(t);
	assert_int_equal(see(t, "duplicate_request")->value, 12);
	assert_int_equal(see(t, "duplicate_request")->total, 12);
	put(t, PMA "link_downed", "255\n");
	round_now(t);
	assert_true(see(t, "link_downed")->saturated);
}

/* What is bad of the driver's statistics counts as the files do. */
static void
test_driver(void **state)
{
	struct tree *t = *state;
	struct counters_info info;

	put(t, HW "sent_pkts", "1\n");
	driver.rx_discards = 40;
	round_now(t);
	assert_int_equal(see(t, "ethtool_rx_discards_phy")->value, 40);
	assert_true(see(t, "ethtool_rx_discards_phy")->bad);
	assert_null(find(t, "ethtool_rx_packets_phy"));
	driver.rx_discards = 42;
	round_now(t);
	assert_int_equal(see(t, "ethtool_rx_discards_phy")->delta, 2);
	counters_info(t->counters, &info);
	assert_int_equal(info.late, 0);
}

/* A driver that does not answer holds up neither the loop nor the round, and is not asked twice. */
static void
test_driver_blocks(void **state)
{
	struct tree *t = *state;
	struct counters_info info;

	put(t, HW "sent_pkts", "1\n");
	driver.rx_discards = 40;
	driver.blocks = true;
	round_now(t);
	sem_wait(&driver.asked);
	assert_int_equal(see(t, "sent_pkts")->value, 1);
	assert_null(find(t, "ethtool_rx_discards_phy"));
	sem_post(&driver.go_on);
	while (counters_info(t->counters, &info), !info.late)
		assert_int_equal(turn(t), 0);
	assert_null(find(t, "ethtool_rx_discards_phy"));
	assert_int_equal(sem_trywait(&driver.asked), -1);
	driver.blocks = false;
	round_now(t);
	assert_int_equal(see(t, "ethtool_rx_discards_phy")->value, 40);
}

/* No directory at all: a round without counters, no more. */
static void
test_nothing_there(void **state)
{
	struct tree *t = *state;
	char command[128];
	struct counters_info info;

	snprintf(command, sizeof(command), "rm -rf %s/class", t->root);
	assert_int_equal(system(command), 0);
	round_now(t);
	assert_null(counters_get(t->counters, 0));
	counters_info(t->counters, &info);
	assert_int_equal(info.rounds, 1);
}

/* More files than there is room for, over several wake-ups. */
static void
test_many(void **state)
{
	struct tree *t = *state;
	struct counters_info info;
	char path[128];
	size_t n = 0;

	for (int i = 0; i < 150; i++) {
		snprintf(path, sizeof(path), HW "counter_%d", i);
		put(t, path, "1\n");
		snprintf(path, sizeof(path), PMA "pma_%d", i);
		put(t, path, "2\n");
	}
	round_now(t);
	while (counters_get(t->counters, n))
		n++;
	assert_int_equal(n, COUNTERS_MAX);
	counters_info(t->counters, &info);
	assert_int_equal(info.left_out, 300 - COUNTERS_MAX);
}

static void
put_hundred(const struct tree *t, const char *text)
{
	char path[128];

	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), HW "counter_%d", i);
		put(t, path, text);
	}
}

static size_t
count_with_delta(const struct tree *t, uint64_t delta)
{
	const struct counter *c;
	size_t n = 0;

	for (size_t i = 0; (c = counters_get(t->counters, i)); i++)
		n += c->delta == delta;
	return n;
}

/* The descriptors of this process that are files below the root. */
static size_t
count_open(const struct tree *t)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	char target[512];
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (len > 0 && strncmp(target, t->root, strlen(t->root)) == 0)
			n++;
	}
	closedir(dir);
	return n;
}

/* The next rounds read the same files again; the directory is listed in some of them. */
static void
test_stays_open(void **state)
{
	struct tree *t = *state;
	int rounds = 0;

	left_ns = 5000000;
	put_hundred(t, "1\n");
	round_now(t);
	assert_int_equal(count_open(t), COUNTERS_OPEN);
	put_hundred(t, "4\n");
	put(t, HW "new_one", "1\n");
	assert_int_equal(loop_run(t->loop), 0);
	assert_int_equal(count_with_delta(t, 3), 100);
	assert_null(find(t, "new_one"));
	while (rounds++ < COUNTERS_LIST_ROUNDS && !find(t, "new_one"))
		assert_int_equal(loop_run(t->loop), 0);
	assert_non_null(find(t, "new_one"));
	assert_int_equal(count_open(t), COUNTERS_OPEN);
	drop(t, HW "new_one");
	while (rounds++ < 2 * COUNTERS_LIST_ROUNDS + 2 && find(t, "new_one"))
		assert_int_equal(loop_run(t->loop), 0);
	assert_null(find(t, "new_one"));
	counters_stop(t->counters);
	assert_int_equal(count_open(t), 0);
	left_ns = 5000000000;
}

/* Another round, which takes the files as the one before has left them. */
static void
round_again(const struct tree *t)
{
	left_ns = 5000000;
	assert_int_equal(loop_run(t->loop), 0);
	left_ns = 5000000000;
}

/*
 * A file that is open cannot be read any more, because what it is of has gone: here, a process. The
 * one with its name is opened.
 */
static void
test_gone(void **state)
{
	struct tree *t = *state;
	char path[512], target[64];
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_true(child > 0);
	snprintf(path, sizeof(path), "%s/" HW "retries", t->root);
	snprintf(target, sizeof(target), "/proc/%d/oom_score", (int)child);
	assert_int_equal(symlink(target, path), 0);
	left_ns = 5000000;
	round_now(t);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	drop(t, HW "retries");
	put(t, HW "retries", "2007\n");
	round_again(t);
	assert_int_equal(see(t, "retries")->value, 2007);
}

/* The files of the interface are those of the one that was named last. */
static void
test_other_netdev(void **state)
{
	struct tree *t = *state;

	make_dirs(t, "class/net/rpm-none1/statistics/");
	put(t, NET "rx_dropped", "3\n");
	put(t, "class/net/rpm-none1/statistics/rx_dropped", "5\n");
	left_ns = 5000000;
	round_now(t);
	assert_int_equal(see(t, "net_rx_dropped")->value, 3);
	counters_start(t->counters, "rpm-none1");
	round_again(t);
	assert_int_equal(see(t, "net_rx_dropped")->value, 5);
	assert_int_equal(count_open(t), 1);
}

/* A directory that comes later is found in the next round. */
static void
test_comes_later(void **state)
{
	struct tree *t = *state;

	left_ns = 5000000;
	round_now(t);
	put(t, HW "retries", "1\n");
	round_again(t);
	assert_int_equal(see(t, "retries")->value, 1);
}

/* Nothing stays open while this process has many files. */
static void
test_few_descriptors(void **state)
{
	struct tree *t = *state;
	int fds[COUNTERS_FD_MAX], n = 0;

	put_hundred(t, "1\n");
	while (n < COUNTERS_FD_MAX) {
		fds[n] = dup(STDERR_FILENO);
		assert_true(fds[n] >= 0);
		if (fds[n++] >= COUNTERS_FD_MAX)
			break;
	}
	round_now(t);
	assert_int_equal(count_open(t), 0);
	assert_non_null(find(t, "counter_99"));
	while (n > 0)
		close(fds[--n]);
}

/*
 * The device goes in the middle of a round: nothing is hidden, and the next deltas are all of the
 * same span.
 */
static void
test_broken_off(void **state)
{
	struct tree *t = *state;
	struct counters_info info;
	struct loop_timer *timer;
	uint64_t first_ns;

	put_hundred(t, "1\n");
	round_now(t);
	counters_info(t->counters, &info);
	first_ns = info.sampled_ns;
	put_hundred(t, "2\n");
	assert_int_equal(loop_timer_new(t->loop, "break off", sampled, t, &timer), 0);
	counters_stop(t->counters);
	counters_start(t->counters, "rpm-none0");
	loop_timer_set(timer, 5000000);
	assert_int_equal(loop_run(t->loop), 0);
	loop_timer_free(timer);
	counters_stop(t->counters);
	assert_in_range(count_with_delta(t, 1), 1, 99);
	assert_int_equal(count_with_delta(t, 0) + count_with_delta(t, 1), 100);
	put_hundred(t, "4\n");
	round_now(t);
	assert_int_equal(count_with_delta(t, 3), 100);
	assert_int_equal(see(t, "counter_7")->total, 3);
	counters_info(t->counters, &info);
	assert_true(info.sampled_ns - info.span_ns == first_ns);
}

/* Not numbers, empty, too long names: left out. */
static void
test_garbage(void **state)
{
	struct tree *t = *state;

	put(t, HW "a", "");
	put(t, HW "b", "-1\n");
	put(t, HW "c", "12x\n");
	put(t, HW "d", "99999999999999999999999999\n");
	put(t, HW "e", "18446744073709551615\n");
	put(t, HW "a_name_that_is_longer_than_the_forty_eight_bytes_kept", "1\n");
	round_now(t);
	assert_null(find(t, "a"));
	assert_null(find(t, "b"));
	assert_null(find(t, "c"));
	assert_null(find(t, "d"));
	assert_null(find(t, "e")); /* all ones: no hardware answers so that is well */
	assert_null(counters_get(t->counters, 0));
}

static void
test_bad_names(void **state)
{
	(void)state;
	/* mlx5, bnxt_re, rxe and PMA as their sources name them. */
	assert_true(counters_name_is_bad("out_of_sequence"));
	assert_true(counters_name_is_bad("np_cnp_sent"));
	assert_true(counters_name_is_bad("rp_cnp_handled"));
	assert_true(counters_name_is_bad("local_ack_timeout_err"));
	assert_true(counters_name_is_bad("packet_seq_err"));
	assert_true(counters_name_is_bad("rnr_nak_retry_err"));
	assert_true(counters_name_is_bad("port_rcv_errors"));
	assert_true(counters_name_is_bad("retry_exceeded_err"));
	assert_true(counters_name_is_bad("port_xmit_wait"));
	assert_true(counters_name_is_bad("rx_prio3_pause"));
	assert_true(counters_name_is_bad("rx_discards_phy"));
	assert_true(counters_name_is_bad("link_down_events_phy"));
	assert_false(counters_name_is_bad("sent_pkts"));
	assert_false(counters_name_is_bad("rdma_sends"));
	assert_false(counters_name_is_bad("port_xmit_data"));
	assert_false(counters_name_is_bad("rx_write_requests"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads_and_deltas, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vanish_and_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_driver, setup, teardown),
		cmocka_unit_test_setup_teardown(test_driver_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stays_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_netdev, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_few_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test(test_bad_names),
	};

	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
