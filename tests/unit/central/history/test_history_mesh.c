/* SPDX-License-Identifier: Apache-2.0 */
/* The history of the mesh: its file (killed, damaged, full, too large), and the worker beside the
 * loop. */
#include <errno.h>
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

#include "central/history/history_mesh.h"
#include "central/history/minutes.h"
#include "central/picture/picture_impl.h"
#include "core/loop.h"

#define S 1000000000ULL
#define DAY 86400ULL
#define BEGIN (20000 * DAY)      /* a midnight */
#define TORS 32                  /* all of which probe each other: about 5 kB a minute */
#define ROUNDS 20
#define MB 1000000ULL

struct world {
	char dir[64], path[128];
	struct minutes *minutes;
	struct loop *loop;
	struct loop_timer *timer;
	struct history_mesh *mesh;
	struct history_mesh_ask *ask;
	struct picture_view *got;
	int rc;
};

static int
world_begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	/* In memory, if that can be: a minute waits for the disk several times. */
	snprintf(w->dir, sizeof(w->dir), "%s/test_history_mesh.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/central.db.mesh", w->dir);
	*state = w;
	return 0;
}

static void
world_close(struct world *w)
{
	minutes_free(w->minutes);
	w->minutes = NULL;
}

static int
world_end(void **state)
{
	struct world *w = *state;
	char path[160];

	world_close(w);
	picture_release(w->got);
	history_mesh_free(w->mesh);
	loop_timer_free(w->timer);
	loop_free(w->loop);
	snprintf(path, sizeof(path), "%s/central.db.mesh-journal", w->dir);
	unlink(path);
	unlink(w->path);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void
world_open(struct world *w, uint32_t days, uint64_t size_max)
{
	const struct minutes_config config = {w->path, days, size_max};

	assert_int_equal(minutes_new(&config, &w->minutes), 0);
	minutes_open(w->minutes);
}

/* A picture of 20 s; one pair of switches has sent `sent`, and lost so many. */
static struct picture_view *
view_of(uint64_t time_ns, uint64_t sent, uint64_t lost)
{
	static const uint8_t key[16] = "a key";
	struct picture_view *view = picture_view_new(key);
	char name[16];

	view->time_ns = time_ns;
	view->window_ns = 20 * S;
	view->ports.names = calloc(TORS, sizeof(*view->ports.names));
	for (uint32_t i = 0; i < TORS; i++) {
		snprintf(name, sizeof(name), "tor%u", i);
		view->ports.names[view->ports.n_names++] = strdup(name);
	}
	for (uint32_t i = 0; i < TORS * TORS; i++) {
		struct picture_cell cell = {i / TORS, i % TORS, i ? 200 + i % 50 : sent,
					    i ? 200 + i % 50 : sent - lost, i ? 0 : lost, 0,
					    200 * 20, 0, 0, 0};

		assert_int_equal(picture_cells_merge(&view->cells, &cell), 0);
	}
	picture_cells_sort(&view->cells);
	return view;
}

/* The minute with this number after BEGIN. */
static void
put(struct world *w, uint64_t minute, uint64_t sent, uint64_t lost)
{
	struct picture_view *view = view_of((BEGIN + 60 * minute) * S, sent, lost);
	uint64_t begin_s = BEGIN + 60 * minute;

	assert_int_equal(minutes_put(w->minutes, view, begin_s, begin_s + 60), 0);
	picture_release(view);
}

/* What the first pair of switches has sent in that minute, or the last one before; or -errno. */
static int64_t
sent(struct world *w, uint64_t minute)
{
	struct picture_view *view;
	int rc = minutes_get(w->minutes, BEGIN + 60 * minute, &view);
	int64_t n;

	if (rc < 0)
		return rc;
	n = (int64_t)picture_cell(view, 0)->sent;
	picture_release(view);
	return n;
}

static struct minutes_info
info(struct world *w)
{
	struct minutes_info info;

	assert_int_equal(minutes_info(w->minutes, &info), 0);
	free(info.runs); /* the caller looks at figures only */
	return info;
}

static void
test_kept(void **state)
{
	struct world *w = *state;
	struct minutes_info found;

	world_open(w, 30, 100 * MB);
	assert_int_equal(sent(w, 0), -ENOENT);
	put(w, 1, 101, 0);
	put(w, 2, 102, 0);
	put(w, 5, 105, 3);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sent(w, 0), -ENOENT);
		assert_int_equal(sent(w, 1), 101);
		assert_int_equal(sent(w, 4), 102);
		assert_int_equal(sent(w, 5000), 105);
		assert_int_equal(minutes_info(w->minutes, &found), 0);
		assert_true(found.on_disk);
		assert_string_equal(found.reason, "");
		assert_int_equal(found.n_runs, 2);
		assert_int_equal(found.runs[0].first_s, BEGIN + 60);
		assert_int_equal(found.runs[0].last_s, BEGIN + 120);
		assert_int_equal(found.runs[1].first_s, BEGIN + 300);
		assert_int_equal(found.runs[1].last_s, BEGIN + 300);
		free(found.runs);
		world_close(w);
		world_open(w, 30, 100 * MB);
	}
	/* 30 days later. */
	put(w, 30 * 1440 + 3, 200, 0);
	assert_int_equal(sent(w, 2), -ENOENT);
	assert_int_equal(sent(w, 5), 105);
}

/* The file stays within its size; what was bad stays longest, and at last the oldest goes. */
static void
test_bounded(void **state)
{
	struct world *w = *state;
	unsigned int bad = 0, good = 0;
	struct stat st;

	world_open(w, 30, 2 * MB);
	for (uint64_t i = 0; i < 700; i++) {
		put(w, i, 1000 + i, i % 100 == 7 ? 900 : 0);
		assert_int_equal(stat(w->path, &st), 0);
		assert_true(st.st_size <= (off_t)(2 * MB));
		if (i == 400)
			assert_int_equal(sent(w, 400), 1400);
	}
	assert_string_equal(info(w).reason, "");
	for (uint64_t i = 0; i < 700; i++) {
		bool there = sent(w, i) == (int64_t)(1000 + i);

		bad += there && i % 100 == 7;
		good += there && i % 100 != 7;
	}
	/* 5 kB a minute, so there is room for some hundred; the last ones are there. */
	assert_in_range(bad + good, 200, 500);
	for (uint64_t i = 600; i < 700; i++)
		assert_int_equal(sent(w, i), 1000 + i);
}

/* Of those older than a day, each tenth one stays, and those with losses. */
static void
test_thinned(void **state)
{
	struct world *w = *state;

	world_open(w, 30, 3 * MB);
	for (uint64_t i = 0; i < 200; i++)
		put(w, i, 1000 + i, i == 55 ? 900 : 0);
	/* Two days later there is no room any more. */
	for (uint64_t i = 0; i < 380; i++)
		put(w, 2880 + i, 5000 + i, 0);
	assert_int_equal(sent(w, 50), 1050);
	assert_int_equal(sent(w, 54), 1050);
	assert_int_equal(sent(w, 55), 1055);
	assert_int_equal(sent(w, 56), 1055);
	assert_int_equal(sent(w, 60), 1060);
	assert_int_equal(sent(w, 2880), 5000);
	assert_int_equal(sent(w, 2881), 5001);
	world_close(w);
	/* It was made smaller. */
	world_open(w, 30, MB);
	put(w, 2880 + 380, 6000, 0);
	put(w, 2880 + 381, 6001, 0);
	assert_int_equal(sent(w, 2880 + 381), 6001);
	assert_true(info(w).size <= MB);
}

/* A child writes as fast as it can, and says what is written. */
static void
test_killed(void **state)
{
	struct world *w = *state;
	uint64_t said, known = 0;
	int fds[2], status;
	pid_t pid;

	for (uint64_t round = 0; round < ROUNDS; round++) {
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			world_open(w, 30, MB);
			for (said = known + 1;; said++) {
				put(w, said, 1000 + said, 0);
				if (write(fds[1], &said, sizeof(said)) < 0)
					_exit(1);
			}
		}
		close(fds[1]);
		for (uint64_t i = 0; i < 1 + round % 7 * 5; i++)
			assert_int_equal(read(fds[0], &known, sizeof(known)), sizeof(known));
		kill(pid, SIGKILL);
		while (read(fds[0], &known, sizeof(known)) == sizeof(known))
			;
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		world_open(w, 30, MB);
		assert_string_equal(info(w).reason, "");
		assert_int_equal(sent(w, known), 1000 + known);
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
	world_open(w, 30, 100 * MB);
	assert_true(info(w).reason[0]);
	for (uint64_t i = 0; i < 70; i++)
		put(w, i, 1000 + i, 0);
	assert_false(info(w).on_disk);
	/* The last hour is there. */
	assert_int_equal(sent(w, 9), -ENOENT);
	assert_int_equal(sent(w, 10), 1010);
	assert_int_equal(sent(w, 69), 1069);
	unlink(w->path);
	put(w, 70, 1070, 0);
	assert_true(info(w).on_disk);
	assert_string_equal(info(w).reason, "");
	world_close(w);
	world_open(w, 30, 100 * MB);
	assert_int_equal(sent(w, 11), 1011);
	assert_int_equal(sent(w, 70), 1070);
}

/* Pages in its middle are other ones. */
static void
test_damaged_later(void **state)
{
	struct world *w = *state;
	unsigned int found = 0;
	FILE *file;

	world_open(w, 30, 100 * MB);
	for (uint64_t i = 0; i < 50; i++)
		put(w, i, 1000 + i, 0);
	world_close(w);
	file = fopen(w->path, "r+");
	assert_non_null(file);
	for (long at = 8 * 4096; at < 40 * 4096; at += 3000) {
		fseek(file, at, SEEK_SET);
		fputs("no page of a database", file);
	}
	fclose(file);
	world_open(w, 30, 100 * MB);
	for (uint64_t i = 0; i < 50; i++)
		found += sent(w, i) == (int64_t)(1000 + i);
	assert_true(found < 50);
	for (uint64_t i = 50; i < 60; i++)
		put(w, i, 1000 + i, 0);
	assert_int_equal(sent(w, 59), 1059);
}

static void
test_full(void **state)
{
	struct world *w = *state;
	struct rlimit before, small;
	uint64_t i = 0;

	/* A limit on the size of files does as a full disk does. */
	signal(SIGXFSZ, SIG_IGN);
	world_open(w, 30, 100 * MB);
	put(w, i, 1000, 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 200000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	while (info(w).on_disk && i < 10000) {
		i++;
		put(w, i, 1000 + i, 0);
	}
	i++;
	put(w, i, 1000 + i, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(info(w).reason[0]);
	assert_int_equal(sent(w, i), 1000 + i);
	/* There is room again: nothing is missing. */
	put(w, i + 1, 1001 + i, 0);
	assert_true(info(w).on_disk);
	for (uint64_t k = 0; k <= i + 1; k++)
		assert_int_equal(sent(w, k), 1000 + k);
}

/* ---- beside the loop ---- */

static void
look(void *arg)
{
	struct world *w = arg;

	w->rc = history_mesh_answer(w->ask, &w->got);
	if (w->rc == -EAGAIN)
		loop_timer_set(w->timer, S / 100);
	else
		loop_stop(w->loop);
}

static int
ask(struct world *w, uint64_t at_s)
{
	picture_release(w->got);
	w->got = NULL;
	assert_int_equal(history_mesh_ask(w->mesh, at_s * S, &w->ask), 0);
	loop_timer_set(w->timer, 0);
	assert_int_equal(loop_run(w->loop), 0);
	history_mesh_forget(w->ask);
	return w->rc;
}

static void
mesh_open(struct world *w, const char *database)
{
	struct history_mesh_config config = {NULL, database, false, 36600, 100 * MB};

	if (!w->loop) {
		assert_int_equal(loop_new(&w->loop), 0);
		assert_int_equal(loop_timer_new(w->loop, "test", look, w, &w->timer), 0);
	}
	config.loop = w->loop;
	assert_int_equal(history_mesh_new(&config, &w->mesh), 0);
}

/* A picture each 5 s, from BEGIN on; each shows 100 probes of the first pair. */
static void
watch(struct world *w, uint64_t from_s, uint64_t to_s)
{
	for (uint64_t t = from_s; t <= to_s; t += 5) {
		struct picture_view *view = view_of((BEGIN + t) * S, 100, 1);

		history_mesh_add(w->mesh, view);
		picture_release(view);
	}
}

static void
check_minute(struct world *w, uint64_t at_s, uint64_t begin_s)
{
	struct picture_info found;

	assert_int_equal(ask(w, BEGIN + at_s), 0);
	picture_info(w->got, &found);
	assert_int_equal(found.time_ns, (BEGIN + begin_s) * S);
	assert_int_equal(found.window_ns, 60 * S);
	assert_int_equal(picture_cell(w->got, 0)->sent, 300);
	assert_int_equal(picture_cell(w->got, 0)->lost, 3);
}

static void
test_minutes(void **state)
{
	struct world *w = *state;
	struct history_mesh_info found;
	struct history_mesh_run run;
	char database[160], text[1024];

	snprintf(database, sizeof(database), "%.*s", (int)strlen(w->path) - 5, w->path);
	mesh_open(w, database);
	assert_int_equal(ask(w, BEGIN), -ENOENT);
	/* The picture at 20 s is of the 20 s before. */
	watch(w, 20, 83);
	check_minute(w, 119, 0);
	watch(w, 85, 143);
	check_minute(w, 119, 60);
	check_minute(w, 59, 0);
	assert_int_equal(ask(w, BEGIN - 1), -ENOENT);
	history_mesh_info(w->mesh, &found);
	assert_true(found.on_disk);
	assert_int_equal(found.n_runs, 1);
	run = history_mesh_run(w->mesh, 0);
	assert_int_equal(run.first_ns, BEGIN * S);
	assert_int_equal(run.last_ns, (BEGIN + 60) * S);
	assert_false(history_mesh_sentence(w->mesh, text, sizeof(text)));
	history_mesh_free(w->mesh);
	mesh_open(w, database);
	check_minute(w, 10000, 60);
}

/* Without a database; somebody asks and goes; and all ends while the worker runs. */
static void
test_without(void **state)
{
	struct world *w = *state;
	struct history_mesh_ask *others[3];
	struct history_mesh_info found;

	mesh_open(w, "");
	watch(w, 20, 143);
	check_minute(w, 61, 60);
	history_mesh_info(w->mesh, &found);
	assert_false(found.on_disk);
	assert_string_equal(found.reason, "");
	for (int i = 0; i < 3; i++)
		assert_int_equal(history_mesh_ask(w->mesh, BEGIN * S, &others[i]), 0);
	history_mesh_forget(others[0]);
	history_mesh_forget(others[2]);
	check_minute(w, 61, 60);
	assert_int_equal(history_mesh_answer(others[1], &w->got), -ENOENT);
	history_mesh_forget(others[1]);
	watch(w, 145, 300);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		CASE(test_kept),    CASE(test_bounded),       CASE(test_thinned),
		CASE(test_killed),  CASE(test_damaged),       CASE(test_damaged_later),
		CASE(test_full),    CASE(test_minutes),       CASE(test_without),
	};

	return cmocka_run_group_tests_name("history_mesh", tests, NULL, NULL);
}
