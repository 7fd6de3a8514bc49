/* SPDX-License-Identifier: Apache-2.0 */
/* The database of incidents: killed at any moment, damaged, full, not to be written. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "central/history/history.h"
#include "core/loop.h"
#include "record/incident.h"

#define ROUNDS 100
#define INCIDENTS 8

struct world {
	struct loop *loop;
	struct history *history;
	char dir[64], path[128];
	unsigned int n, again;       /* restored; calls of again() */
	uint64_t opens[INCIDENTS];   /* restored, by number */
};

static void
world_restore(void *arg, struct incident *incident)
{
	unsigned long number = strtoul(incident->id, NULL, 16);
	struct world *w = arg;

	assert_true(number < INCIDENTS);
	assert_int_equal(w->opens[number], 0); /* none twice */
	w->opens[number] = incident->opens;
	w->n++;
	incident_free(incident);
}

static void
world_again(void *arg)
{
	struct world *w = arg;

	w->again++;
}

static void
world_open(struct world *w, bool optional)
{
	const struct history_ops ops = {world_restore, world_again, w};

	w->n = 0;
	memset(w->opens, 0, sizeof(w->opens));
	assert_int_equal(history_new(w->loop, w->path, optional, &ops, &w->history), 0);
}

static void
world_close(struct world *w)
{
	history_free(w->history);
	w->history = NULL;
}

static int
world_begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->dir, "/tmp/test_history.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/central.db", w->dir);
	assert_int_equal(loop_new(&w->loop), 0);
	*state = w;
	return 0;
}

static int
world_end(void **state)
{
	static const char *const names[] = {"central.db", "central.db-wal", "central.db-shm"};
	struct world *w = *state;
	char path[160];

	world_close(w);
	loop_free(w->loop);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, names[i]);
		unlink(path);
	}
	rmdir(w->path);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void
keep(struct world *w, unsigned int number, uint64_t opens, uint64_t closed_ns)
{
	struct incident_culprit culprit = {.kind = INCIDENT_NIC, .name = "a/mlx5_0/1"};
	struct incident i = {.culprits = &culprit, .n_culprits = 1, .since_ns = 1, .opens = opens,
			     .first_ns = 1 + number, .closed_ns = closed_ns,
			     .state = closed_ns ? INCIDENT_CLOSED : INCIDENT_OPEN};

	snprintf(i.id, sizeof(i.id), "%016x", number);
	history_keep(w->history, &i);
}

static bool
sick(const struct world *w)
{
	char text[1024];

	return history_sentence(w->history, text, sizeof(text));
}

static void
test_restored(void **state)
{
	struct world *w = *state;

	world_open(w, false);
	assert_int_equal(w->n, 0);
	keep(w, 1, 1, 0);
	keep(w, 2, 1, 5);
	keep(w, 1, 2, 0);
	world_close(w);
	world_open(w, false);
	assert_false(sick(w));
	assert_int_equal(w->n, 2);
	assert_int_equal(w->opens[1], 2);
	assert_int_equal(w->opens[2], 1);
}

/* A child writes as fast as it can, and says what is written. Whatever it has said is there. */
static void
test_killed(void **state)
{
	struct world *w = *state;
	uint64_t said[2], known[INCIDENTS] = {0};
	int fds[2], status;
	pid_t pid;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			world_open(w, false);
			for (uint64_t k = 1;; k++) {
				said[0] = k % INCIDENTS;
				said[1] = round * 1000000 + k;
				keep(w, (unsigned int)said[0], said[1], 0);
				if (k % 50 == 0)
					history_tick(w->history, k * 3600000000000ULL, 1);
				if (write(fds[1], said, sizeof(said)) < 0)
					_exit(1);
			}
		}
		close(fds[1]);
		/* It is killed after a different number of changes each time. */
		for (unsigned int k = 0; k < 1 + round % 7 * 9; k++) {
			assert_int_equal(read(fds[0], said, sizeof(said)), sizeof(said));
			known[said[0]] = said[1];
		}
		kill(pid, SIGKILL);
		while (read(fds[0], said, sizeof(said)) == sizeof(said))
			known[said[0]] = said[1];
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		world_open(w, false);
		assert_false(sick(w));
		for (unsigned int i = 0; i < INCIDENTS; i++)
			assert_true(w->opens[i] >= known[i]);
		memcpy(known, w->opens, sizeof(known));
		world_close(w);
	}
}

static void
test_damaged(void **state)
{
	struct world *w = *state;
	FILE *file = fopen(w->path, "w");

	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database ", file);
	fclose(file);
	world_open(w, false);
	assert_true(sick(w));
	keep(w, 1, 1, 0); /* goes nowhere */
	/* When somebody has moved it away, a new one is made, and all is written anew. */
	unlink(w->path);
	history_tick(w->history, UINT64_MAX, 1);
	assert_false(sick(w));
	assert_int_equal(w->again, 1);
	keep(w, 1, 7, 0);
	world_close(w);
	world_open(w, false);
	assert_int_equal(w->opens[1], 7);
}

static void
test_newer(void **state)
{
	struct world *w = *state;
	char command[400];

	world_open(w, false);
	keep(w, 1, 1, 0);
	world_close(w);
	snprintf(command, sizeof(command),
		 "/usr/bin/python3 -c \"import sqlite3; sqlite3.connect('%s').execute("
		 "'PRAGMA user_version = 2')\"", w->path);
	if (system(command) != 0)
		skip();
	world_open(w, false);
	assert_true(sick(w));
	assert_int_equal(w->n, 0);
}

/* What could not be read at the start comes back when it can, once. */
static void
test_restored_later(void **state)
{
	struct world *w = *state;
	char away[160];

	snprintf(away, sizeof(away), "%s.away", w->path);
	world_open(w, false);
	keep(w, 1, 3, 0);
	world_close(w);
	assert_int_equal(rename(w->path, away), 0);
	assert_int_equal(mkdir(w->path, 0700), 0);
	world_open(w, false);
	assert_true(sick(w));
	assert_int_equal(w->n, 0);
	assert_int_equal(rmdir(w->path), 0);
	assert_int_equal(rename(away, w->path), 0);
	history_tick(w->history, UINT64_MAX / 2, 1);
	assert_false(sick(w));
	assert_int_equal(w->n, 1);
	assert_int_equal(w->opens[1], 3);
	assert_int_equal(w->again, 1);
	history_tick(w->history, UINT64_MAX, 1);
	assert_int_equal(w->n, 1);
}

/* A directory in the place of the file cannot be opened, whoever tries. */
static void
test_not_writable(void **state)
{
	struct world *w = *state;

	assert_int_equal(mkdir(w->path, 0700), 0);
	world_open(w, false);
	assert_true(sick(w));
	assert_int_equal(rmdir(w->path), 0);
	history_tick(w->history, UINT64_MAX, 1);
	assert_false(sick(w));
}

static void
test_full(void **state)
{
	struct world *w = *state;
	struct rlimit before, small;

	/* A limit on the size of files does as a full disk does. */
	signal(SIGXFSZ, SIG_IGN);
	world_open(w, false);
	keep(w, 0, 1, 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 200000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint64_t i = 1; i < 10000 && !sick(w); i++)
		keep(w, i % INCIDENTS, i, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(sick(w));
	/* There is room again. */
	history_tick(w->history, UINT64_MAX, 1);
	assert_false(sick(w));
	assert_int_equal(w->again, 1);
	world_close(w);
	world_open(w, false);
	assert_true(w->opens[1] > 0);
}

static void
test_optional(void **state)
{
	struct world *w = *state;

	snprintf(w->path, sizeof(w->path), "%s/none/central.db", w->dir);
	world_open(w, true);
	assert_false(sick(w));
	world_close(w);
	world_open(w, false);
	assert_true(sick(w));
	world_close(w);
	w->path[0] = '\0';
	world_open(w, false);
	assert_false(sick(w));
}

static void
test_forgets(void **state)
{
	struct world *w = *state;
	const uint64_t day = 86400000000000ULL;

	world_open(w, false);
	keep(w, 1, 1, 100 * day);
	keep(w, 2, 1, 195 * day);
	keep(w, 3, 1, 0);
	history_tick(w->history, UINT64_MAX, 200 * day);
	world_close(w);
	world_open(w, false);
	assert_int_equal(w->n, 2);
	assert_int_equal(w->opens[1], 0);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		CASE(test_restored),     CASE(test_killed),   CASE(test_damaged),
		CASE(test_newer),        CASE(test_not_writable), CASE(test_full),
		CASE(test_optional),     CASE(test_forgets),
		CASE(test_restored_later),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
