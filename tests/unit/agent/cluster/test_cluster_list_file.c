/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent keeps of a pinglist in its file, and when it uses it. */
#include "cluster_list_fixture.h"

static bool
has_file_error(void)
{
	return status.file_error[0] != '\0';
}

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
is_replaced(void)
{
	return inode() != kept_before && !has_file_error();
}

static bool
is_renewed_by_beats(void)
{
	beat();
	return !is_old();
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
		list_teardown(state);
		list_setup(state);
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

/* After a start with another broker or prefix, the list of the one before is not used. */
static void
test_other_broker(void **state)
{
	static const char *const others[] = {"broker = \"mqtt://127.0.0.2\";",
					     "prefix = \"other\";"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		target("10.0.0.2");
		configure("");
		hear(1);
		wait_until(is_kept);
		cluster_list_drop(list);
		lists = 0;
		configure(others[i]);
		wait_until(has_file_error);
		assert_non_null(strstr(status.file_error, "it came from another broker"));
		assert_false(status.has);
		assert_int_equal(lists, 0);
		/* Theirs replaces it, and is used then. */
		lists_before = lists;
		kept_before = inode();
		target("10.0.0.3");
		hear(2);
		wait_until(is_applied);
		wait_until(is_replaced);
		assert_false(has_file_error());
		cluster_list_drop(list);
		lists_before = lists;
		configure(others[i]);
		wait_until(is_applied);
		assert_true(status.from_file);
		list_teardown(state);
		list_setup(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		list_test(test_from_file),
		list_test(test_from_file_withdrawn),
		list_test(test_old_file),
		list_test(test_bad_file),
		list_test(test_cannot_keep),
		list_test(test_keeps_later),
		list_test(test_dropped),
		list_test(test_forgotten),
		list_test(test_other_broker),
	};

	return fixture_begin() ||
	       fixture_end(cmocka_run_group_tests_name("cluster_list_file", tests, NULL, NULL));
}
