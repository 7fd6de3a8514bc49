/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent takes of a pinglist. */
#include "cluster_list_fixture.h"

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
is_usual(void)
{
	return n_usual > 0;
}

static bool
is_kept_anew(void)
{
	return inode() != kept_before;
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
	/* The bytes are kept as they came, and where from: a string of 26 bytes. */
	wait_until(is_kept);
	fd = open(path, O_RDONLY);
	n = read(fd, kept, sizeof(kept));
	close(fd);
	pack(&out, "host.a", 5, "rxe0");
	assert_int_equal(n, out.size + 1 + 26);
	assert_memory_equal(kept, out.data, out.size);
	assert_memory_equal(kept + out.size, "\xba" "mqtt://127.0.0.1 rpingmesh", 1 + 26);
	msgpack_sbuffer_destroy(&out);
}

/* Targets that are probed once an hour fit into any budget, but not into any memory. */
static void
test_too_many_targets(void **state)
{
	char address[ADDR_TEXT];

	(void)state;
	configure("");
	for (unsigned int i = 0; i < CLUSTER_TARGETS_MAX + 5; i++) {
		snprintf(address, sizeof(address), "10.1.%u.%u", i / 200, i % 200 + 1);
		target(address)->interval_ns = 3600 * NSEC_PER_SEC;
	}
	hear(5);
	wait_until(is_applied);
	assert_int_equal(n_added, 16384);
	assert_int_equal(status.counts.taken, 16384);
	assert_int_equal(status.counts.refused_room, 5);
	assert_int_equal(cluster_counts_refused(&status.counts), 5);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		list_test(test_taken),
		list_test(test_refused_entries),
		list_test(test_too_many_targets),
		list_test(test_no_networks),
		list_test(test_refused_lists),
		list_test(test_same_generation),
		list_test(test_withdrawn),
		list_test(test_followed),
		list_test(test_withdrawn_all),
		list_test(test_silent),
	};

	return fixture_begin() ||
	       fixture_end(cmocka_run_group_tests_name("cluster_list", tests, NULL, NULL));
}
