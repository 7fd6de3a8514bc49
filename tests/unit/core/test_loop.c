/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/loop.h"

#define MSEC NSEC_PER_MSEC
/* How late a loaded machine may be before a test says that the loop is late. */
#define LATE (60 * NSEC_PER_SEC) /* what a busy machine, or one that is emulated, may take */

static struct loop *loop;
static char trace[256]; /* what was called, in order */
static struct loop_timer *watchdog;

static void
on_watchdog(void *arg)
{
	(void)arg;
	strcat(trace, "TIMEOUT");
	loop_stop(loop);
}

/* How much the clock of the loop is ahead: a stall of a known length on any machine. */
static uint64_t ahead_ns;

static int
setup(void **state)
{
	(void)state;
	ahead_ns = 0;
	*trace = '\0';
	if (loop_new(&loop) < 0 ||
	    loop_timer_new(loop, "watchdog", on_watchdog, NULL, &watchdog) < 0)
		return -1;
	loop_timer_set(watchdog, LATE);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	loop_timer_free(watchdog);
	loop_free(loop);
	return 0;
}

/* Callbacks add arg to the trace; those in capitals stop the loop. */
static void
note(void *arg)
{
	strcat(trace, arg);
	if (*(const char *)arg >= 'A' && *(const char *)arg <= 'Z')
		loop_stop(loop);
}

/* A letter for note(), which must not be const. */
static void *
letter(char c)
{
	static char letters[128][2];

	letters[(unsigned char)c & 127][0] = c;
	return letters[(unsigned char)c & 127];
}

uint64_t __real_clock_mono_ns(void);
uint64_t __wrap_clock_mono_ns(void);

uint64_t
__wrap_clock_mono_ns(void)
{
	return __real_clock_mono_ns() + ahead_ns;
}

static void
busy(uint64_t ns)
{
	uint64_t until = clock_mono_ns() + ns;

	while (clock_mono_ns() < until)
		;
}

static void
on_slow(void *arg)
{
	busy(*(const uint64_t *)arg);
	strcat(trace, "s");
}

static void
test_timer_order(void **state)
{
	static char names[][2] = {"a", "b", "c", "d", "E"};
	/* Far apart: an emulated processor may take milliseconds from one call to the next. */
	static const uint64_t delays[] = {0, 40 * MSEC, 80 * MSEC, 120 * MSEC, 160 * MSEC};
	static const size_t order[] = {3, 1, 4, 0, 2};
	struct loop_timer *timers[5];
	uint64_t start = clock_mono_ns(), took;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(loop_timer_new(loop, "t", note, names[order[i]],
						&timers[order[i]]),
				 0);
		loop_timer_set(timers[order[i]], delays[order[i]]);
	}
	assert_int_equal(loop_run(loop), 0);
	took = clock_mono_ns() - start;
	assert_string_equal(trace, "abcdE");
	assert_true(took >= 160 * MSEC && took < 160 * MSEC + LATE);
	for (size_t i = 0; i < 5; i++)
		loop_timer_free(timers[i]);
}

/*
 * A chain of 1 ms timers takes little more than that: without precise timers each would take 2 to
 * 4.
 */
static struct {
	struct loop_timer *timer;
	uint64_t armed_ns;
	uint64_t late_ns[101];
	unsigned int n;
	bool early;
} chain;

static void
on_chain(void *arg)
{
	uint64_t now = clock_mono_ns();

	(void)arg;
	if (now < chain.armed_ns + MSEC - 100)
		chain.early = true;
	chain.late_ns[chain.n++] = now - chain.armed_ns - MSEC;
	if (chain.n == 101) {
		loop_stop(loop);
		return;
	}
	chain.armed_ns = clock_mono_ns();
	loop_timer_set(chain.timer, MSEC - 100);
}

static int
u64_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* contrib/lib/emulate sets it: what is emulated takes as long as it takes. */
static void
skip_if_emulated(void)
{
	if (getenv("RPINGMESH_EMULATED"))
		skip();
}

static void
test_timer_precise(void **state)
{
	(void)state;
	skip_if_emulated();
	memset(&chain, 0, sizeof(chain));
	assert_int_equal(loop_timer_new(loop, "chain", on_chain, NULL, &chain.timer), 0);
	chain.armed_ns = clock_mono_ns();
	loop_timer_set(chain.timer,
		       MSEC - 100); /* not whole microseconds: must not be cut to fewer */
	assert_int_equal(loop_run(loop), 0);
	assert_false(chain.early);
	assert_int_equal(chain.n, 101);
	qsort(chain.late_ns, chain.n, sizeof(chain.late_ns[0]), u64_cmp);
	/*
	 * Rounded to milliseconds nearly all would be late by one; on a busy machine many are late,
	 * but not nearly all.
	 */
	assert_true((int64_t)chain.late_ns[10] < (int64_t)(700 * NSEC_PER_USEC));
	loop_timer_free(chain.timer);
}

static struct {
	struct loop_timer *timer;
	uint64_t armed_ns, fired_ns;
} rearm;

static void
on_rearm_fired(void *arg)
{
	(void)arg;
	rearm.fired_ns = clock_mono_ns();
	loop_stop(loop);
}

static void
on_rearm(void *arg)
{
	(void)arg;
	busy(30 * MSEC);
	rearm.armed_ns = clock_mono_ns();
	loop_timer_set(rearm.timer, 20 * MSEC);
	loop_defer(loop, note, letter('d')); /* so that the loop looks at its timers before the next
						poll waits */
}

/* A timer counts from when it is set, also at the end of a callback that took its time. */
static void
test_timer_after_long_callback(void **state)
{
	struct loop_timer *first;

	(void)state;
	assert_int_equal(loop_timer_new(loop, "fired", on_rearm_fired, NULL, &rearm.timer), 0);
	assert_int_equal(loop_timer_new(loop, "first", on_rearm, NULL, &first), 0);
	loop_timer_set(first, 0);
	assert_int_equal(loop_run(loop), 0);
	assert_true(rearm.fired_ns >= rearm.armed_ns + 20 * MSEC);
	loop_timer_free(first);
	loop_timer_free(rearm.timer);
}

/*
 * A timer that runs already is not put off by what a callback takes. Others may be slow: best of
 * five.
 */
static void
test_timer_during_long_callback(void **state)
{
	uint64_t slow_ns = 30 * MSEC, start, took, best = UINT64_MAX;
	struct loop_timer *slow, *end;

	(void)state;
	skip_if_emulated();
	assert_int_equal(loop_timer_new(loop, "slow", on_slow, &slow_ns, &slow), 0);
	assert_int_equal(loop_timer_new(loop, "end", note, letter('E'), &end), 0);
	for (int i = 0; i < 5; i++) {
		start = clock_mono_ns();
		loop_timer_set(slow, 0);
		loop_timer_set(end, 40 * MSEC);
		assert_int_equal(loop_run(loop), 0);
		took = clock_mono_ns() - start;
		best = took < best ? took : best;
	}
	assert_true(best >= 40 * MSEC && best < 60 * MSEC);
	loop_timer_free(slow);
	loop_timer_free(end);
}

/* Stands before the C library's: how often the kernel is asked for a timer, by whomever. */
static unsigned int timer_calls;

int
timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	timer_calls++;
	return (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}

static struct {
	struct loop_timer *timer;
	unsigned int left;
	int pipe[2];
} quiet;

static void
on_quiet(void *arg, int events)
{
	char c;

	(void)arg;
	(void)events;
	assert_int_equal(read(quiet.pipe[0], &c, 1), 1);
	loop_timer_set(quiet.timer, 50 * MSEC); /* later than before, each time */
	if (--quiet.left > 0)
		assert_int_equal(write(quiet.pipe[1], "x", 1), 1);
}

/* Polls and timers that move back make no call: only a timer that is due before all others does. */
static void
test_timer_calls(void **state)
{
	struct loop_fd_config config = {.events = LOOP_READ, .name = "quiet", .cb = on_quiet};
	struct loop_fd *fd;

	(void)state;
	quiet.left = 100;
	assert_int_equal(pipe(quiet.pipe), 0);
	config.fd = quiet.pipe[0];
	assert_int_equal(loop_fd_new(loop, &config, &fd), 0);
	assert_int_equal(loop_timer_new(loop, "end", note, letter('E'), &quiet.timer), 0);
	assert_int_equal(write(quiet.pipe[1], "x", 1), 1);
	timer_calls = 0;
	loop_timer_set(quiet.timer, 50 * MSEC);
	assert_int_equal(timer_calls, 1);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(quiet.left, 0);
	assert_string_equal(trace, "E");
	/* And one each time that it has fired too early, which a slow machine may take often. */
	assert_true(timer_calls < 50);
	loop_timer_free(quiet.timer);
	loop_fd_free(fd);
	close(quiet.pipe[0]);
	close(quiet.pipe[1]);
}

static void
test_timer_replace_and_clear(void **state)
{
	struct loop_timer *a, *b, *end;

	(void)state;
	assert_int_equal(loop_timer_new(loop, "a", note, letter('a'), &a), 0);
	assert_int_equal(loop_timer_new(loop, "b", note, letter('b'), &b), 0);
	assert_int_equal(loop_timer_new(loop, "end", note, letter('E'), &end), 0);
	loop_timer_set(a, 1 * MSEC);
	loop_timer_set(a, 20 * MSEC); /* fires once, after b */
	loop_timer_set(b, 10 * MSEC);
	loop_timer_set(end, 40 * MSEC);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "baE");
	*trace = '\0';
	loop_timer_set(a, 1 * MSEC);
	loop_timer_clear(a);
	loop_timer_clear(b); /* not armed */
	loop_timer_set(end, 10 * MSEC);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "E");
	loop_timer_free(a);
	loop_timer_free(b);
	loop_timer_free(end);
	loop_timer_free(NULL);
}

static void
on_free_itself(void *arg)
{
	loop_timer_free(*(struct loop_timer **)arg);
	note(letter('F'));
}

static void
test_timer_frees_itself(void **state)
{
	static struct loop_timer *timer;

	(void)state;
	assert_int_equal(loop_timer_new(loop, "t", on_free_itself, &timer, &timer), 0);
	loop_timer_set(timer, 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "F");
}

struct watched {
	int fd[2];
	struct loop_fd *watch;
	int events;
};

static void
on_fd(void *arg, int events)
{
	struct watched *w = arg;
	char buf[16] = "";
	ssize_t n = events & LOOP_READ ? read(w->fd[0], buf, 1) : 0;

	w->events |= events;
	strncat(trace, buf, n > 0 ? (size_t)n : 0);
	if (n == 0 || *buf == 'E')
		loop_stop(loop);
}

static void
test_fd(void **state)
{
	struct watched w = {.events = 0};
	struct loop_fd_config config = {.events = LOOP_READ,
					.name = "pipe",
					.cb = on_fd,
					.arg = &w};

	(void)state;
	assert_int_equal(pipe2(w.fd, O_NONBLOCK | O_CLOEXEC), 0);
	config.fd = w.fd[0];
	assert_int_equal(loop_fd_new(loop, &config, &w.watch), 0);
	assert_int_equal(write(w.fd[1], "abE", 3), 3);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "abE"); /* level-triggered: called until it has been read */
	assert_int_equal(w.events, LOOP_READ);
	loop_fd_free(w.watch);
	loop_fd_free(NULL);
	assert_true(fcntl(w.fd[0], F_GETFD) >= 0); /* stays the caller's */
	close(w.fd[0]);
	close(w.fd[1]);
}

static void
test_fd_events(void **state)
{
	struct watched w = {.events = 0};
	struct loop_fd_config config = {.events = 0, .name = "pipe", .cb = on_fd, .arg = &w};
	struct loop_timer *end;

	(void)state;
	assert_int_equal(pipe2(w.fd, O_NONBLOCK | O_CLOEXEC), 0);
	config.fd = w.fd[1];
	assert_int_equal(loop_fd_new(loop, &config, &w.watch), 0);
	assert_int_equal(loop_timer_new(loop, "end", note, letter('T'), &end), 0);
	loop_timer_set(end, 5 * MSEC);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "T"); /* 0: later */
	assert_int_equal(loop_fd_set(w.watch, LOOP_WRITE), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "T");
	assert_int_equal(w.events, LOOP_WRITE);
	assert_int_equal(loop_fd_set(w.watch, 0), 0);
	loop_timer_set(end, 5 * MSEC);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "TT");
	loop_fd_free(w.watch);
	loop_timer_free(end);
	close(w.fd[0]);
	close(w.fd[1]);
}

/* Priorities: of what is ready, probes run first and all of them; the others one by one. */

static struct {
	struct watched w[5];
	struct loop_fd *watch[5];
} prio;

static void
on_prio(void *arg, int events)
{
	struct watched *w = arg;
	char c;

	(void)events;
	assert_int_equal(read(w->fd[0], &c, 1), 1);
	strncat(trace, &c, 1);
	/* a probe that arrives while the others wait overtakes them */
	if (c == 'n')
		assert_int_equal(write(prio.w[0].fd[1], "P", 1), 1);
	if (c == 'C')
		loop_stop(loop);
}

static void
test_priorities(void **state)
{
	static const enum loop_priority priorities[] = {LOOP_PRIORITY_PROBE, LOOP_PRIORITY_PROBE,
							LOOP_PRIORITY_NORMAL, LOOP_PRIORITY_NORMAL,
							LOOP_PRIORITY_CONTROL};
	static const char letters[] = "ppnnC";

	(void)state;
	for (int i = 4; i >= 0; i--) {
		struct loop_fd_config config = {.events = LOOP_READ,
						.priority = priorities[i],
						.name = "p",
						.cb = on_prio,
						.arg = &prio.w[i]};

		assert_int_equal(pipe2(prio.w[i].fd, O_NONBLOCK | O_CLOEXEC), 0);
		config.fd = prio.w[i].fd[0];
		assert_int_equal(loop_fd_new(loop, &config, &prio.watch[i]), 0);
		assert_int_equal(write(prio.w[i].fd[1], &letters[i], 1), 1);
	}
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "ppnPnPC");
	for (int i = 0; i < 5; i++) {
		loop_fd_free(prio.watch[i]);
		close(prio.w[i].fd[0]);
		close(prio.w[i].fd[1]);
	}
}

static void
defer_more(void *arg)
{
	note(arg);
	assert_int_equal(loop_defer(loop, note, letter('3')), 0);
	assert_int_equal(loop_defer(loop, note, letter('E')), 0);
}

static void
on_defer(void *arg)
{
	(void)arg;
	assert_int_equal(loop_defer(loop, defer_more, letter('1')), 0);
	assert_int_equal(loop_defer(loop, note, letter('2')), 0);
	strcat(trace, "0"); /* not from within */
}

static void
test_defer(void **state)
{
	struct loop_timer *timer, *late;

	(void)state;
	assert_int_equal(loop_timer_new(loop, "t", on_defer, NULL, &timer), 0);
	assert_int_equal(loop_timer_new(loop, "late", note, letter('l'), &late), 0);
	loop_timer_set(timer, 0);
	loop_timer_set(late, 200 * MSEC);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "0123E");
	loop_timer_free(timer);
	loop_timer_free(late);
}

static void
ready_deferred(void *arg)
{
	assert_int_equal(loop_defer(loop, note, arg), 0);
}

/*
 * What a callback defers runs right after it: also if another one is ready, and if the callback
 * stops the loop.
 */
static void
test_defer_at_once(void **state)
{
	struct loop_timer *timer[2];

	(void)state;
	assert_int_equal(loop_timer_new(loop, "a", ready_deferred, letter('a'), &timer[0]), 0);
	assert_int_equal(loop_timer_new(loop, "b", ready_deferred, letter('E'), &timer[1]), 0);
	for (int i = 0; i < 2; i++)
		loop_timer_set(timer[i], 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "aE");
	for (int i = 0; i < 2; i++)
		loop_timer_free(timer[i]);
}

static void
defer_and_stop(void *arg)
{
	assert_int_equal(loop_defer(loop, note, arg), 0);
	loop_stop(loop);
}

/* No poll is between. What is deferred while no callback of the loop runs does not wait for one. */
static void
test_defer_and_stop(void **state)
{
	uint64_t begun = clock_mono_ns();
	struct loop_timer *timer;

	(void)state;
	assert_int_equal(loop_timer_new(loop, "t", defer_and_stop, letter('a'), &timer), 0);
	loop_timer_set(timer, 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "a");
	loop_timer_free(timer);
	assert_int_equal(loop_timer_new(loop, "E", note, letter('E'), &timer), 0);
	loop_timer_set(timer, 0);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_free(timer);
	assert_int_equal(loop_timer_new(loop, "E", note, letter('E'), &timer), 0);
	loop_timer_set(timer, NSEC_PER_SEC);
	assert_int_equal(loop_defer(loop, note, letter('b')), 0);
	assert_int_equal(loop_defer(loop, note, letter('E')), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "aEbE");
	assert_true(clock_mono_ns() - begun < 900 * MSEC);
	loop_timer_free(timer);
}

static void
free_timer(void *arg)
{
	struct loop_timer **timer = arg;

	loop_timer_free(*timer);
	*timer = NULL;
}

static void
defer_free(void *arg)
{
	assert_int_equal(loop_defer(loop, free_timer, arg), 0);
}

/* What a timer defers may free the timer that is due next. */
static void
test_defer_frees(void **state)
{
	struct loop_timer *timer, *next, *end;

	(void)state;
	assert_int_equal(loop_timer_new(loop, "t", defer_free, &next, &timer), 0);
	assert_int_equal(loop_timer_new(loop, "n", note, letter('n'), &next), 0);
	assert_int_equal(loop_timer_new(loop, "e", note, letter('E'), &end), 0);
	loop_timer_set(timer, 0);
	loop_timer_set(next, 0);
	loop_timer_set(end, 20 * MSEC);
	assert_int_equal(loop_run(loop), 0);
	assert_null(next);
	assert_string_equal(trace, "E");
	loop_timer_free(timer);
	loop_timer_free(end);
}

/* Coarse timers fire in their order, some milliseconds early or late; cleared ones do not. */
static void
test_coarse(void **state)
{
	static const char names[] = "abcE";
	static const uint64_t at_ms[] = {20, 60, 40, 120};
	struct loop_timer *timer[4];
	uint64_t start = clock_mono_ns();

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(loop_timer_new(loop, "t", note, letter(names[i]), &timer[i]), 0);
		assert_int_equal(loop_timer_be_coarse(timer[i]), 0);
		loop_timer_set(timer[i], at_ms[i] * MSEC);
	}
	loop_timer_clear(timer[2]);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "abE");
	assert_true(clock_mono_ns() - start >= 105 * MSEC);
	for (int i = 0; i < 4; i++)
		loop_timer_free(timer[i]);
}

struct slow {
	struct loop_timer *coarse, *other;
	uint64_t set_ns;
};

static void
set_late(void *arg)
{
	struct slow *slow = arg;

	usleep(150000);
	slow->set_ns = clock_mono_ns();
	loop_timer_set(slow->coarse, 60 * MSEC);
	loop_timer_set(slow->other, 10 * MSEC);
}

/* A coarse timer runs from when it is set, also if that is long after the callback began. */
static void
test_coarse_set_late(void **state)
{
	struct slow slow;
	struct loop_timer *timer;

	(void)state;
	assert_int_equal(loop_timer_new(loop, "E", note, letter('E'), &slow.coarse), 0);
	assert_int_equal(loop_timer_be_coarse(slow.coarse), 0);
	assert_int_equal(loop_timer_new(loop, "o", note, letter('o'), &slow.other), 0);
	assert_int_equal(loop_timer_new(loop, "t", set_late, &slow, &timer), 0);
	loop_timer_set(timer, 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "oE");
	assert_true(clock_mono_ns() - slow.set_ns >= 45 * MSEC);
	loop_timer_free(timer);
	loop_timer_free(slow.other);
	loop_timer_free(slow.coarse);
}

static void
defer_again(void *arg)
{
	if (strchr(trace, 'E') || clock_mono_ns() > *(const uint64_t *)arg)
		loop_stop(loop);
	else
		assert_int_equal(loop_defer(loop, defer_again, arg), 0);
}

/* Who defers himself for ever does not keep probes waiting: each round is after a poll. */
static void
test_defer_for_ever(void **state)
{
	uint64_t until = clock_mono_ns() + 5 * NSEC_PER_SEC;
	struct watched w = {.events = 0};
	struct loop_fd_config config = {.events = LOOP_READ,
					.priority = LOOP_PRIORITY_PROBE,
					.name = "p",
					.cb = on_fd,
					.arg = &w};

	(void)state;
	assert_int_equal(pipe2(w.fd, O_NONBLOCK | O_CLOEXEC), 0);
	config.fd = w.fd[0];
	assert_int_equal(loop_fd_new(loop, &config, &w.watch), 0);
	assert_int_equal(write(w.fd[1], "abE", 3), 3);
	assert_int_equal(loop_defer(loop, defer_again, &until), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "abE");
	loop_flush(loop);
	loop_fd_free(w.watch);
	close(w.fd[0]);
	close(w.fd[1]);
}

static void
defer_note(void *arg)
{
	assert_int_equal(loop_defer(loop, note, arg), 0);
}

static void
test_defer_flush_and_free(void **state)
{
	struct loop *other = loop;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_defer(loop, note, letter('a')), 0);
	assert_int_equal(loop_defer(loop, defer_note, letter('b')), 0);
	loop_flush(loop);
	assert_string_equal(trace, "ab");
	assert_int_equal(loop_defer(loop, note, letter('c')), 0);
	assert_int_equal(loop_defer(loop, defer_note, letter('d')), 0);
	loop_free(loop);
	assert_string_equal(trace, "abcd");
	loop = other;
	loop_free(NULL);
}

static void
test_signals(void **state)
{
	struct loop_signal *usr1, *usr2;
	struct sigaction sa;

	(void)state;
	assert_int_equal(loop_signal_new(loop, SIGUSR1, note, letter('1'), &usr1), 0);
	assert_int_equal(loop_signal_new(loop, SIGUSR2, note, letter('U'), &usr2), 0);
	raise(SIGUSR1);
	assert_string_equal(trace, ""); /* not in the handler */
	raise(SIGUSR2);
	assert_int_equal(loop_run(loop), 0);
	if (!strstr(trace, "1")) {
		*trace = '\0';
		raise(SIGUSR2);
		assert_int_equal(loop_run(loop), 0);
	}
	assert_non_null(strstr(trace, "1"));
	assert_non_null(strstr(trace, "U"));
	loop_signal_free(usr1);
	loop_signal_free(usr2);
	loop_signal_free(NULL);
	assert_int_equal(sigaction(SIGUSR1, NULL, &sa), 0);
	assert_true(sa.sa_handler == SIG_DFL); /* as before */
}

static void
undefer_c(void *arg)
{
	note(arg);
	loop_undefer(loop, letter('c'));
}

/* Neither what waits nor what is in the middle of being run. */
static void
test_undefer(void **state)
{
	(void)state;
	assert_int_equal(loop_defer(loop, note, letter('a')), 0);
	assert_int_equal(loop_defer(loop, undefer_c, letter('b')), 0);
	assert_int_equal(loop_defer(loop, note, letter('c')), 0);
	assert_int_equal(loop_defer(loop, note, letter('d')), 0);
	loop_undefer(loop, letter('a'));
	loop_flush(loop);
	assert_string_equal(trace, "bd");
}

static void
slow_deferred(void *arg)
{
	busy(*(const uint64_t *)arg);
	loop_stop(loop);
}

static void
on_stall(void *arg)
{
	ahead_ns += *(const uint64_t *)arg;
	strcat(trace, "s");
}

static void
test_stall(void **state)
{
	uint64_t slow_ns = 3600 * NSEC_PER_SEC, short_ns = 1800 * NSEC_PER_SEC,
		 wall = clock_wall_ns();
	struct loop_timer *slow, *shorter, *end;
	struct loop_stats stats;

	(void)state;
	loop_stats(loop, &stats);
	assert_int_equal(stats.callbacks, 0);
	assert_int_equal(stats.stall_max_ns, 0);
	assert_int_equal(stats.stalls, 0);
	assert_int_equal(stats.stall_max_wall_ns, 0);
	assert_string_equal(stats.stall_max_who, "");
	assert_int_equal(loop_timer_new(loop, "slow", on_stall, &slow_ns, &slow), 0);
	assert_int_equal(loop_timer_new(loop, "shorter", on_stall, &short_ns, &shorter), 0);
	assert_int_equal(loop_timer_new(loop, "end", note, letter('E'), &end), 0);
	loop_timer_set(slow, 0);
	loop_timer_set(shorter, 1 * MSEC);
	loop_timer_set(end, 2 * MSEC);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "ssE");
	loop_stats(loop, &stats);
	assert_int_equal(stats.callbacks, 3);
	assert_string_equal(stats.stall_max_who, "slow");
	assert_in_range(stats.stalls, 2, 3);
	assert_in_range(stats.stall_max_ns, slow_ns, slow_ns + LATE);
	assert_in_range(stats.stall_max_wall_ns, wall, clock_wall_ns());
	loop_timer_free(slow);
	loop_timer_free(shorter);
	loop_timer_free(end);
}

static void
test_stall_deferred(void **state)
{
	uint64_t ns = 20 * MSEC;
	struct loop_stats stats;

	(void)state;
	assert_int_equal(loop_defer(loop, slow_deferred, &ns), 0);
	assert_int_equal(loop_run(loop), 0);
	loop_stats(loop, &stats);
	assert_string_equal(stats.stall_max_who, "deferred");
	assert_true(stats.stall_max_ns >= ns);
}

static void
turn_within(void *arg)
{
	(void)arg;
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	loop_stop(loop);
}

/* libevent complains of a loop within the loop: as a line of the log. */
static void
test_libevent_says(void **state)
{
	struct loop_timer *timer;
	char line[256] = "";
	FILE *log = tmpfile();
	int err = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(log);
	assert_true(err >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
	assert_int_equal(loop_timer_new(loop, "within", turn_within, NULL, &timer), 0);
	loop_timer_set(timer, 0);
	loop_run(loop);
	assert_true(dup2(err, STDERR_FILENO) >= 0);
	close(err);
	rewind(log);
	assert_non_null(fgets(line, sizeof(line), log));
	assert_non_null(strstr(line, "warning"));
	assert_non_null(strstr(line, "libevent: "));
	fclose(log);
	loop_timer_free(timer);
}

static void
test_clock(void **state)
{
	uint64_t mono = clock_mono_ns(), wall = clock_wall_ns(), of = clock_wall_of(mono);

	(void)state;
	assert_true(clock_mono_ns() >= mono);
	/* time(2) may be a tick behind. */
	assert_true(wall / NSEC_PER_SEC >= 1700000000 &&
		    wall / NSEC_PER_SEC <= (uint64_t)time(NULL) + 1);
	assert_true(of + LATE > wall && of < wall + LATE);
	assert_true(wall - clock_wall_of(mono - 10 * NSEC_PER_SEC) > 9 * NSEC_PER_SEC);
}

static struct loop_timer *steps;
static unsigned int n_steps, n_heard;

static void
on_step(void *arg)
{
	(void)arg;
	n_steps++;
	loop_timer_set(steps, 0);
	if (n_steps >= 50 && n_heard >= 50)
		loop_stop(loop);
}

static void
on_heard(void *arg, int events)
{
	(void)arg;
	(void)events;
	n_heard++;
	if (n_steps >= 50 && n_heard >= 50)
		loop_stop(loop);
}

/* A long job in steps, and a descriptor that is always ready: neither waits for the other's end. */
static void
test_take_turns(void **state)
{
	struct loop_fd_config config = {.events = LOOP_READ, .priority = LOOP_PRIORITY_CONTROL,
					.name = "people", .cb = on_heard};
	struct loop_fd *fd;
	int pipes[2];

	(void)state;
	n_steps = n_heard = 0;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	config.fd = pipes[0];
	assert_int_equal(loop_fd_new(loop, &config, &fd), 0);
	assert_int_equal(loop_timer_new(loop, "steps", on_step, NULL, &steps), 0);
	assert_int_equal(loop_timer_take_turns(steps), 0);
	loop_timer_set(steps, 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "");
	assert_in_range(n_steps, 50, 50 + n_heard);
	assert_in_range(n_heard, 50, 2 * n_steps + 50);
	loop_timer_free(steps);
	loop_fd_free(fd);
	close(pipes[0]);
	close(pipes[1]);
}

/* It is due, but it has not had its turn. */
static void
test_take_turns_cleared(void **state)
{
	struct loop_timer *stop;

	(void)state;
	assert_int_equal(loop_timer_new(loop, "late", note, letter('l'), &steps), 0);
	assert_int_equal(loop_timer_take_turns(steps), 0);
	assert_int_equal(loop_timer_new(loop, "stop", note, letter('S'), &stop), 0);
	assert_int_equal(loop_timer_take_turns(stop), 0);
	for (int i = 0; i < 2; i++) {
		loop_timer_set(steps, 0);
		loop_timer_set(stop, MSEC);
		if (i == 1)
			loop_timer_clear(steps);
		assert_int_equal(loop_run(loop), 0);
	}
	assert_string_equal(trace, "lSS");
	loop_timer_set(steps, 0);
	loop_timer_free(steps);
	loop_timer_free(stop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timer_order),
		TEST(test_timer_precise),
		TEST(test_timer_after_long_callback),
		TEST(test_timer_during_long_callback),
		TEST(test_timer_calls),
		TEST(test_timer_replace_and_clear),
		TEST(test_timer_frees_itself),
		TEST(test_fd),
		TEST(test_fd_events),
		TEST(test_priorities),
		TEST(test_defer),
		TEST(test_defer_at_once),
		TEST(test_defer_and_stop),
		TEST(test_defer_frees),
		TEST(test_coarse),
		TEST(test_coarse_set_late),
		TEST(test_defer_for_ever),
		TEST(test_defer_flush_and_free),
		TEST(test_undefer),
		TEST(test_signals),
		TEST(test_stall),
		TEST(test_stall_deferred),
		TEST(test_libevent_says),
		TEST(test_take_turns),
		TEST(test_take_turns_cleared),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
