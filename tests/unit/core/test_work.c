/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/loop.h"
#include "core/work.h"

#define THREADS 3

/* What became of a job, in letters: r run, d done, f freed. */
struct job {
	char told[8];
	sem_t *waits;
};

static pthread_t main_thread;
static struct loop *loop;
static struct work *work;
static struct loop_timer *watchdog;
static sem_t running, go_on, freed;
static int done_wanted, done_n;
static bool in_time;

static void
tell(struct job *job, char what)
{
	size_t len = strlen(job->told);

	if (len + 1 < sizeof(job->told))
		job->told[len] = what;
}

static void
run(void *arg)
{
	struct job *job = arg;
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (pthread_equal(pthread_self(), main_thread) || !sigismember(&blocked, SIGTERM))
		abort();
	sem_post(&running);
	if (job->waits)
		sem_wait(job->waits);
	tell(job, 'r');
}

static void
done(void *arg)
{
	assert_true(pthread_equal(pthread_self(), main_thread));
	tell(arg, 'd');
	if (++done_n == done_wanted)
		loop_stop(loop);
}

static void
release(void *arg)
{
	tell(arg, 'f');
	sem_post(&freed);
}

static const struct work_ops ops = {.run = run, .done = done, .free = release};

static void
too_long(void *arg)
{
	(void)arg;
	in_time = false;
	loop_stop(loop);
}

static int
setup(void **state)
{
	(void)state;
	main_thread = pthread_self();
	done_n = 0;
	in_time = true;
	sem_init(&running, 0, 0);
	sem_init(&go_on, 0, 0);
	sem_init(&freed, 0, 0);
	if (loop_new(&loop) < 0 ||
	    loop_timer_new(loop, "watchdog", too_long, NULL, &watchdog) < 0)
		return -1;
	loop_timer_set(watchdog, 60 * NSEC_PER_SEC);
	return work_new(loop, "test", THREADS, &work);
}

static int
teardown(void **state)
{
	(void)state;
	work_free(work);
	loop_timer_free(watchdog);
	loop_free(loop);
	return 0;
}

static struct work_job *
start(struct job *job, sem_t *waits)
{
	struct work_job *out = NULL;

	*job = (struct job){.waits = waits};
	assert_int_equal(work_start(work, &ops, job, &out), 0);
	assert_non_null(out);
	return out;
}

static void
until_done(int n)
{
	done_wanted = n;
	if (done_n < n)
		assert_int_equal(loop_run(loop), 0);
	assert_true(in_time);
}

static void
times(sem_t *sem, int n)
{
	while (n-- > 0)
		sem_wait(sem);
}

static void
post(sem_t *sem, int n)
{
	while (n-- > 0)
		sem_post(sem);
}

/* Each runs off the loop, is done on it, and is freed, once, in this order. */
static void
test_all_are_done(void **state)
{
	struct job jobs[50];

	(void)state;
	for (int i = 0; i < 50; i++)
		start(&jobs[i], NULL);
	until_done(50);
	times(&freed, 50);
	for (int i = 0; i < 50; i++)
		assert_string_equal(jobs[i].told, "rdf");
}

/* A call that blocks holds up nobody while there is another worker. */
static void
test_blocked(void **state)
{
	struct job slow[THREADS - 1], quick;
	int n = 0;

	(void)state;
	for (int i = 0; i < THREADS - 1; i++)
		start(&slow[i], &go_on);
	start(&quick, NULL);
	until_done(1);
	assert_string_equal(quick.told, "rdf");
	post(&go_on, THREADS - 1);
	until_done(THREADS);
	/* And at most so many at once. */
	while (sem_trywait(&running) == 0)
		n++;
	assert_int_equal(n, THREADS);
}

static void
test_bound(void **state)
{
	struct job jobs[2 * THREADS];
	int n = 0;

	(void)state;
	for (int i = 0; i < 2 * THREADS; i++)
		start(&jobs[i], &go_on);
	times(&running, THREADS);
	/* Another would have begun meanwhile. */
	usleep(50000);
	while (sem_trywait(&running) == 0)
		n++;
	assert_int_equal(n, 0);
	post(&go_on, 2 * THREADS);
	until_done(2 * THREADS);
}

/* One that waits is freed at once and never runs; one that runs is freed, but not done. */
static void
test_cancelled(void **state)
{
	struct job runs[THREADS], waits, last;
	struct work_job *cancel[THREADS], *cancel_waiting;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		cancel[i] = start(&runs[i], &go_on);
	times(&running, THREADS);
	cancel_waiting = start(&waits, NULL);
	start(&last, NULL);
	work_cancel(cancel_waiting);
	assert_string_equal(waits.told, "f");
	for (int i = 0; i < THREADS; i++)
		work_cancel(cancel[i]);
	work_cancel(NULL);
	assert_string_equal(runs[0].told, "");
	post(&go_on, THREADS);
	until_done(1);
	assert_string_equal(last.told, "rdf");
	/* The others may be handed over in a later wake-up. */
	loop_timer_set(watchdog, 50 * NSEC_PER_MSEC);
	assert_int_equal(loop_run(loop), 0);
	for (int i = 0; i < THREADS; i++)
		assert_string_equal(runs[i].told, "rf");
	assert_int_equal(done_n, 1);
}

/* The end does not wait for a call that blocks; its worker frees all, and nothing more is run. */
static void
test_freed(void **state)
{
	struct job jobs[2 * THREADS];

	(void)state;
	for (int i = 0; i < 2 * THREADS; i++)
		start(&jobs[i], &go_on);
	times(&running, THREADS);
	work_free(work);
	work = NULL;
	assert_string_equal(jobs[0].told, "");
	post(&go_on, THREADS);
	times(&freed, 2 * THREADS);
	for (int i = 0; i < 2 * THREADS; i++)
		assert_string_equal(jobs[i].told, i < THREADS ? "rf" : "f");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_are_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freed, setup, teardown),
	};

	return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
