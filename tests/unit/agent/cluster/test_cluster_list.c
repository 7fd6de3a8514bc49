/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent takes of a pinglist, and what it keeps. Ports and peers are the test's: this host
 * is host.a with the port rxe0/1 of 10.0.0.1.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/base/self.h"
#include "agent/cluster/cluster_list.h"
#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "core/clock.h"
#include "core/loop.h"
#include "record/drain.h"
#include "record/pinglist.h"

#define GIVE_UP_S 30
#define ADDED_MAX 16
#define YEAR_NS (UINT64_C(365) * 86400 * NSEC_PER_SEC)

static struct self self = {.hostname = "host.a"};
static struct loop *loop;
static struct loop_timer *timer;
static struct config *config;
static struct cluster_list *list;
static char base[] = "/tmp/test_cluster_list.XXXXXX";
static char directory[64], path[96];

/* ---- ports and peers ---- */

static bool has_port;
static unsigned int lists, n_added;      /* that the peers got; entries of the last one */
static char added[ADDED_MAX][ADDR_TEXT];
static struct peer_listed last;
static uint32_t slow;
static unsigned int n_usual; /* how often the usual rates came back */
static int add_rc;

struct nic *
nics_find(const struct nics *nics, const char *name, uint8_t port)
{
	(void)nics;
	return has_port && port == 1 && strcmp(name, "rxe0") == 0 ?
		       (struct nic *)(void *)&has_port : NULL;
}

struct device *
nic_device(const struct nic *nic)
{
	(void)nic;
	return (struct device *)(void *)&has_port;
}

static bool
is(const struct addr *addr, const char *text)
{
	char own[ADDR_TEXT];

	return strcmp(addr_text(addr, own), text) == 0;
}

const struct device_gid *
device_find_gid(const struct device *device, const struct addr *addr)
{
	static const struct device_gid gid;

	(void)device;
	return is(addr, "10.0.0.1") ? &gid : NULL;
}

struct nic *
nics_find_local(const struct nics *nics, const struct addr *addr)
{
	(void)nics;
	return is(addr, "10.0.0.1") ? (struct nic *)(void *)&has_port : NULL;
}

void
peers_list_begin(struct peers *peers)
{
	(void)peers;
	n_added = 0;
}

int
peers_list_add(struct peers *peers, const struct peer_listed *entry)
{
	(void)peers;
	if (add_rc < 0)
		return add_rc;
	assert_true(n_added < ADDED_MAX);
	addr_text(&entry->address, added[n_added++]);
	last = *entry;
	return 0;
}

void
peers_list_end(struct peers *peers)
{
	(void)peers;
	lists++;
}

void
peers_list_slow(struct peers *peers, uint32_t factor)
{
	(void)peers;
	slow = factor;
	n_usual += factor == 1;
}

/* ---- lists ---- */

static struct pinglist_target targets[ADDED_MAX];
static size_t n_targets;

static struct pinglist_target *
target(const char *address)
{
	struct pinglist_target *t = &targets[n_targets++];

	*t = (struct pinglist_target){.host = "b", .device = "d", .tor = "leaf", .port = 1,
				      .interval_ns = 100000000, .tuples = 1};
	assert_int_equal(addr_parse(address, &t->address), 0);
	return t;
}

static void
pack(msgpack_sbuffer *out, const char *host, uint64_t generation, const char *device)
{
	struct pinglist_port port = {.device = device, .port = 1, .targets = targets,
				     .n_targets = n_targets};
	const struct pinglist l = {.host = host, .generation = generation,
				   .ports = &port, .n_ports = 1};
	msgpack_packer pk;

	assert_int_equal(addr_parse("10.0.0.1", &port.source), 0);
	msgpack_sbuffer_init(out);
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	pinglist_pack(&pk, &l);
}

static void
hear_as(const char *host, uint64_t generation, const char *device)
{
	msgpack_sbuffer out;

	pack(&out, host, generation, device);
	cluster_list_heard(list, out.data, out.size, true);
	msgpack_sbuffer_destroy(&out);
}

static void
hear(uint64_t generation)
{
	hear_as("host.a", generation, "rxe0");
}

static void
beat(void)
{
	const struct central_beat b = {.host = "c", .version = "1", .incarnation = 1,
				       .time_ns = 1};
	msgpack_sbuffer out;
	msgpack_packer pk;

	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	central_beat_pack(&pk, &b);
	cluster_list_beat(list, out.data, out.size);
	msgpack_sbuffer_destroy(&out);
}

/* ---- waiting ---- */

static struct cluster_list_status status;
static bool (*wanted)(void);
static uint64_t until_ns;

static void
look(void *arg)
{
	(void)arg;
	cluster_list_status(list, &status);
	if (wanted() || clock_mono_ns() > until_ns)
		loop_stop(loop);
	else
		loop_timer_set(timer, NSEC_PER_MSEC);
}

static void
wait_until(bool (*fn)(void))
{
	wanted = fn;
	until_ns = clock_mono_ns() + GIVE_UP_S * NSEC_PER_SEC;
	loop_timer_set(timer, 0);
	loop_run(loop);
	cluster_list_status(list, &status);
	assert_true(fn());
}

static unsigned int lists_before;

static bool
is_applied(void)
{
	return lists > lists_before;
}

static bool
is_refused(void)
{
	return status.malformed + status.foreign > 0;
}

static bool
is_refused_twice(void)
{
	return status.malformed == 2;
}

static bool
is_fourth(void)
{
	return status.generation == 4;
}

static bool
is_slow(void)
{
	return status.slow;
}

static uint64_t taken_before_ns;

static bool
is_taken_again(void)
{
	return status.taken_ns > taken_before_ns;
}

static bool
is_usual(void)
{
	return n_usual > 0;
}

static bool
has_file_error(void)
{
	return status.file_error[0] != '\0';
}

static bool
is_kept(void)
{
	return access(path, F_OK) == 0;
}

static ino_t kept_before;

static struct stat
kept_stat(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st;
}

static ino_t
inode(void)
{
	return kept_stat().st_ino;
}

static bool
is_kept_anew(void)
{
	return inode() != kept_before;
}

/* The time that a test has set. */
static const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

static bool
is_old(void)
{
	return kept_stat().st_mtim.tv_sec == long_ago[0].tv_sec;
}

static bool
is_written_by_beats(void)
{
	beat();
	return !has_file_error();
}

static bool
is_renewed_by_beats(void)
{
	beat();
	return !is_old();
}

static bool
is_gone(void)
{
	return access(path, F_OK) < 0;
}

static void
configure(const char *more)
{
	struct config *old = config;
	struct conf_errors errors;
	char text[400];

	snprintf(text, sizeof(text),
		 "max_probes_per_s = 100;\n"
		 "cluster = { broker = \"mqtt://127.0.0.1\"; directory = \"%s\"; %s };",
		 directory, more);
	assert_int_equal(config_parse(text, "test", &config, &errors), 0);
	cluster_list_configure(list, config);
	config_free(old);
}

static int
setup(void **state)
{
	struct cluster_list_env env = {.self = &self};
	static int n;

	(void)state;
	/* A directory for each test: a thread of the one before may still write. */
	snprintf(directory, sizeof(directory), "%s/%d", base, n++);
	snprintf(path, sizeof(path), "%s/pinglist", directory);
	if (mkdir(directory, 0700) < 0)
		return -1;
	has_port = true;
	lists = lists_before = n_added = 0;
	n_targets = 0;
	slow = 1;
	n_usual = 0;
	add_rc = 0;
	if (loop_new(&loop) < 0 || loop_timer_new(loop, "look", look, NULL, &timer) < 0)
		return -1;
	env.loop = loop;
	return cluster_list_new(&env, &list);
}

static int
teardown(void **state)
{
	(void)state;
	cluster_list_free(list);
	config_free(config);
	config = NULL;
	loop_timer_free(timer);
	loop_free(loop);
	return 0;
}

static void
test_taken(void **state)
{
	char kept[4096];
	msgpack_sbuffer out;
	ssize_t n;
	int fd;

	(void)state;
	configure("");
	target("10.0.0.2")->fabric = true;
	target("10.0.0.3")->tuples = 3;
	hear(5);
	wait_until(is_applied);
	assert_int_equal(n_added, 2);
	assert_string_equal(added[0], "10.0.0.2");
	assert_string_equal(added[1], "10.0.0.3");
	assert_int_equal(last.tuples, 3);
	assert_false(last.fabric);
	assert_string_equal(last.tor, "leaf");
	assert_true(status.has);
	assert_false(status.from_file);
	assert_int_equal(status.generation, 5);
	assert_int_equal(status.counts.targets, 2);
	assert_int_equal(status.counts.taken, 2);
	assert_true(status.heard);
	/* The bytes are kept as they came. */
	wait_until(is_kept);
	fd = open(path, O_RDONLY);
	n = read(fd, kept, sizeof(kept));
	close(fd);
	pack(&out, "host.a", 5, "rxe0");
	assert_int_equal(n, out.size);
	assert_memory_equal(kept, out.data, out.size);
	msgpack_sbuffer_destroy(&out);
}

static void
test_refused_entries(void **state)
{
	(void)state;
	configure("allow = (\"10.0.0.0/24\");");
	target("10.0.0.2")->interval_ns = 20000000; /* 50 per second */
	target("10.0.1.2");                         /* outside */
	target("10.0.0.1");                         /* this host */
	target("10.0.0.3")->interval_ns = 16000000; /* 62.5, and 100 are allowed */
	target("10.0.0.4")->interval_ns = 20000000; /* fits exactly */
	hear(1);
	wait_until(is_applied);
	assert_int_equal(n_added, 2);
	assert_string_equal(added[1], "10.0.0.4");
	assert_int_equal(status.counts.targets, 5);
	assert_int_equal(status.counts.taken, 2);
	assert_int_equal(status.counts.refused_allow, 1);
	assert_int_equal(status.counts.refused_own, 1);
	assert_int_equal(status.counts.refused_budget, 1);
	assert_int_equal(cluster_counts_refused(&status.counts), 3);
	/* The port of others; and peers have no room. */
	lists_before = lists;
	hear_as("host.a", 2, "rxe1");
	wait_until(is_applied);
	assert_int_equal(status.counts.refused_port, 5);
	assert_int_equal(n_added, 0);
	lists_before = lists;
	add_rc = -ENOSPC;
	hear(3);
	wait_until(is_applied);
	assert_int_equal(status.counts.refused_room, 2);
}

static void
test_no_networks(void **state)
{
	(void)state;
	configure("allow = ();");
	target("10.0.0.2");
	hear(1);
	wait_until(is_applied);
	assert_int_equal(status.counts.refused_allow, 1);
}

/* A list that is refused, and one that is the same, change nothing. */
static void
test_refused_lists(void **state)
{
	(void)state;
	configure("");
	target("10.0.0.2");
	hear(1);
	wait_until(is_applied);
	hear_as("host.b", 2, "rxe0");
	wait_until(is_refused);
	assert_int_equal(status.foreign, 1);
	assert_string_equal(status.error, "it is for host host.b");
	cluster_list_heard(list, "junk", 4, false);
	while (status.malformed == 0)
		wait_until(is_refused);
	assert_int_equal(status.generation, 1);
	cluster_list_too_long(list);
	cluster_list_status(list, &status);
	assert_int_equal(status.malformed, 2);
	assert_string_equal(status.error, "it is too long");
	assert_int_equal(lists, 1);
	taken_before_ns = status.taken_ns;
	hear(1);
	wait_until(is_taken_again);
	lists_before = lists;
	hear(3);
	wait_until(is_applied);
	assert_int_equal(lists, 2);
	assert_int_equal(status.lists, 2);
	assert_string_equal(status.error, "");
}

/* Whoever writes a list can give it any generation. */
static void
test_same_generation(void **state)
{
	(void)state;
	configure("");
	target("10.0.0.66");
	hear(7);
	wait_until(is_applied);
	wait_until(is_kept);
	kept_before = inode();
	lists_before = lists;
	n_targets = 0;
	target("10.0.0.2");
	hear(7);
	wait_until(is_applied);
	assert_int_equal(n_added, 1);
	assert_string_equal(added[0], "10.0.0.2");
	assert_int_equal(status.lists, 2);
	wait_until(is_kept_anew);
	/* The very same is none that is new. */
	taken_before_ns = status.taken_ns;
	hear(7);
	wait_until(is_taken_again);
	assert_int_equal(status.lists, 2);
}

static void
test_withdrawn(void **state)
{
	(void)state;
	configure("");
	target("10.0.0.2");
	hear(1);
	wait_until(is_applied);
	wait_until(is_kept);
	lists_before = lists;
	cluster_list_heard(list, NULL, 0, false);
	wait_until(is_applied);
	assert_int_equal(n_added, 0);
	assert_false(status.has);
	assert_int_equal(status.withdrawn, 1);
	wait_until(is_gone);
}

/* Junk that follows at once costs no list; of what waits meanwhile, the newest counts. */
static void
test_followed(void **state)
{
	(void)state;
	configure("");
	target("10.0.0.2");
	hear(1);
	cluster_list_heard(list, "junk", 4, false);
	wait_until(is_refused);
	assert_int_equal(status.generation, 1);
	hear(2);
	cluster_list_heard(list, "junk", 4, false);
	hear(3);
	hear(4);
	wait_until(is_fourth);
	assert_int_equal(status.lists, 3);
	assert_int_equal(status.malformed, 1);
	assert_string_equal(status.error, "");
	/* Central has taken back what waits, too. */
	hear(5);
	hear(6);
	cluster_list_heard(list, NULL, 0, false);
	cluster_list_heard(list, "junk", 4, false);
	wait_until(is_refused_twice);
	assert_false(status.has);
	assert_int_equal(status.lists, 3);
}

/* What was said about the list goes with it. */
static void
test_withdrawn_all(void **state)
{
	(void)state;
	configure("keep = 1;");
	target("10.0.0.2");
	hear(1);
	wait_until(is_slow);
	cluster_list_too_long(list);
	lists_before = lists;
	cluster_list_heard(list, NULL, 0, false);
	wait_until(is_applied);
	assert_string_equal(status.error, "");
	assert_false(status.slow);
	assert_int_equal(slow, 1);
	wait_until(is_gone);
	configure("keep = 1;");
	assert_int_equal(slow, 1);
	/* Silence matters again with the next list. */
	hear(2);
	wait_until(is_slow);
	assert_int_equal(slow, 10);
}

/* The port comes later; the file is used until there is a list from the broker. */
static void
test_from_file(void **state)
{
	msgpack_sbuffer out;
	int fd;

	(void)state;
	target("10.0.0.2");
	pack(&out, "host.a", 5, "rxe0");
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, out.data, out.size), out.size);
	close(fd);
	msgpack_sbuffer_destroy(&out);
	has_port = false;
	configure("");
	wait_until(is_applied);
	assert_true(status.from_file);
	assert_int_equal(status.generation, 5);
	assert_false(status.slow);
	assert_int_equal(status.counts.refused_port, 1);
	has_port = true;
	lists_before = lists;
	cluster_list_look(list);
	wait_until(is_applied);
	assert_int_equal(n_added, 1);
	lists_before = lists;
	target("10.0.0.3");
	hear(6);
	wait_until(is_applied);
	assert_false(status.from_file);
	assert_int_equal(n_added, 2);
}

/* Central takes back what the file has; its signs of life count again. */
static void
test_from_file_withdrawn(void **state)
{
	(void)state;
	target("10.0.0.2");
	configure("");
	hear(5);
	wait_until(is_kept);
	assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	cluster_list_drop(list);
	lists_before = lists;
	configure("");
	wait_until(is_applied);
	assert_true(status.from_file);
	cluster_list_heard(list, NULL, 0, false);
	cluster_list_status(list, &status);
	assert_false(status.from_file);
	assert_true(status.silent_ns > YEAR_NS);
	beat();
	cluster_list_status(list, &status);
	assert_true(status.silent_ns < YEAR_NS);
}

/* A file that is older than `keep`. */
static void
test_old_file(void **state)
{
	msgpack_sbuffer out;
	int fd;

	(void)state;
	target("10.0.0.2");
	pack(&out, "host.a", 5, "rxe0");
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, out.data, out.size), out.size);
	assert_int_equal(futimens(fd, long_ago), 0);
	close(fd);
	msgpack_sbuffer_destroy(&out);
	configure("");
	wait_until(is_slow);
	assert_int_equal(slow, 10);
	assert_true(status.has);
	/* That central may be another's. */
	beat();
	assert_int_equal(slow, 10);
	taken_before_ns = status.taken_ns;
	hear(5);
	wait_until(is_taken_again);
	assert_false(status.from_file);
	assert_int_equal(slow, 10);
	beat();
	assert_int_equal(slow, 1);
	cluster_list_status(list, &status);
	assert_false(status.slow);
}

/* Files that are no list of this host are said and ignored. */
static void
test_bad_file(void **state)
{
	static const char *const hosts[] = {NULL, "host.b"};
	msgpack_sbuffer out;
	int fd;

	target("10.0.0.2");
	for (int i = 0; i < 3; i++) {
		if (i == 2) {
			assert_int_equal(mkdir(path, 0700), 0);
		} else {
			pack(&out, hosts[i] ? hosts[i] : "x", 5, "rxe0");
			fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
			assert_int_equal(write(fd, out.data, hosts[i] ? out.size : 20),
					 hosts[i] ? out.size : 20);
			close(fd);
			msgpack_sbuffer_destroy(&out);
		}
		configure("");
		wait_until(has_file_error);
		assert_non_null(strstr(status.file_error, path));
		assert_false(status.has);
		assert_int_equal(lists, 0);
		teardown(state);
		setup(state);
		target("10.0.0.2");
	}
}

static void
test_cannot_keep(void **state)
{
	char right = directory[1];

	(void)state;
	directory[1] = 'X'; /* is not there */
	configure("");
	directory[1] = right;
	target("10.0.0.2");
	hear(1);
	wait_until(has_file_error);
	assert_non_null(strstr(status.file_error, strerror(ENOENT)));
	assert_true(status.has);
	assert_int_equal(n_added, 1);
	/* There is a place for the next one. */
	configure("");
	hear(2);
	wait_until(is_kept);
}

/* What is in the way of the file goes: then the list is written, the old one is not renewed. */
static void
test_keeps_later(void **state)
{
	char in_the_way[112];

	(void)state;
	snprintf(in_the_way, sizeof(in_the_way), "%s.new", path);
	configure("keep = 1;");
	target("10.0.0.2");
	hear(1);
	wait_until(is_kept);
	assert_int_equal(mkdir(in_the_way, 0700), 0);
	kept_before = inode();
	hear(2);
	wait_until(has_file_error);
	/* As long as it is there, central's words renew nothing. */
	assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	wait_until(is_slow);
	beat();
	wait_until(is_slow);
	assert_int_equal(inode(), kept_before);
	assert_true(is_old());
	assert_true(has_file_error());
	assert_int_equal(rmdir(in_the_way), 0);
	wait_until(is_written_by_beats);
	assert_int_not_equal(inode(), kept_before);
	/* From now on there is nothing to write. */
	kept_before = inode();
	assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	wait_until(is_renewed_by_beats);
	assert_int_equal(inode(), kept_before);
}

/* Central is silent for `keep`, and is there again. */
static void
test_silent(void **state)
{
	(void)state;
	configure("keep = 1;");
	target("10.0.0.2");
	hear(1);
	wait_until(is_slow);
	assert_int_equal(slow, 10);
	assert_true(status.silent_ns >= NSEC_PER_SEC);
	/* The broker's memory of a list is no word; another list is one. */
	hear(1);
	hear(2);
	wait_until(is_usual);
	wait_until(is_slow);
	beat();
	assert_int_equal(slow, 1);
}

static void
test_dropped(void **state)
{
	(void)state;
	configure("keep = 1;");
	target("10.0.0.2");
	hear(1);
	wait_until(is_slow);
	cluster_list_drop(list);
	assert_int_equal(n_added, 0);
	assert_int_equal(slow, 1);
	beat();
	cluster_list_heard(list, "x", 1, false);
	cluster_list_look(list);
	cluster_list_status(list, &status);
	assert_false(status.has);
	assert_false(status.heard);
	/* The file remains. */
	lists_before = lists;
	configure("");
	wait_until(is_applied);
	assert_true(status.from_file);
}

static void
test_forgotten(void **state)
{
	(void)state;
	configure("");
	target("10.0.0.2");
	hear(1);
	wait_until(is_applied);
	wait_until(is_kept);
	cluster_list_forget(list);
	assert_int_equal(n_added, 0);
	configure("");
	wait_until(is_gone);
	cluster_list_status(list, &status);
	assert_false(status.has);
	assert_false(status.heard);
	/* Another broker. */
	lists_before = lists;
	hear(1);
	wait_until(is_applied);
	wait_until(is_kept);
	assert_int_equal(n_added, 1);
}

#define list_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		list_test(test_taken),         list_test(test_refused_entries),
		list_test(test_no_networks),   list_test(test_refused_lists),
		list_test(test_withdrawn),     list_test(test_from_file),
		list_test(test_old_file),      list_test(test_bad_file),
		list_test(test_cannot_keep),   list_test(test_silent),
		list_test(test_dropped),       list_test(test_same_generation),
		list_test(test_keeps_later),   list_test(test_forgotten),
		list_test(test_withdrawn_all), list_test(test_from_file_withdrawn),
		list_test(test_followed),
	};
	char command[64];
	int rc;

	if (!mkdtemp(base))
		return 1;
	rc = cmocka_run_group_tests_name("cluster_list", tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command) ? 1 : rc;
}
