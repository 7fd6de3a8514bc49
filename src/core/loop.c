/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the event loop
 *
 * There is one libevent base. loop_enter() and loop_leave() measure how long each callback runs.
 * Callbacks below the probes' priority run one at a time with a poll in between
 * (event_config_set_max_dispatch_interval), so the longest callback is the longest time that the
 * others had to wait.
 *
 * Timers are in a heap of the loop, with one timerfd for the first of them. libevent would set its
 * own timerfd before each poll. The loop sets its timerfd only if the first timer is due before it
 * fires. So after a timer has been moved back or cleared, the loop may wake up once without need.
 * Coarse timers are libevent's, which passes the time to epoll_wait(2), in milliseconds.
 *
 * Objects: the loop (owned by main); fds, timers and signals (owned by their makers); deferred
 * calls (owned by the loop until they run).
 */
#include "core/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/heap.h"
#include "core/log_limit.h"
#include "rpingmesh/log_subsystems.h"

struct loop_deferred {
	struct loop_deferred *next;
	void (*fn)(void *arg); /* NULL: cancelled */
	void *arg;
};

struct loop {
	struct event_base *base;
	struct event *deferred_ev, *timer_ev;
	int timer_fd;
	uint64_t armed_ns;     /* when timer_fd fires, or fired; UINT64_MAX: never */
	struct heap timers;    /* those that are armed, by when they are due */
	uint32_t n_timers;     /* all that exist */
	uint64_t busy_since_ns, left_ns; /* left_ns: when the last callback returned */
	uint64_t used_ns;      /* processor time before this callback; 0: nobody asks */
	struct loop_stats stats;
	struct loop_deferred *deferred, **deferred_tail;
	struct loop_deferred *running; /* taken from deferred, not run yet */
	bool deferring; /* deferred calls are running */
	bool inside;    /* a callback of ours runs; what it defers runs after it */
	bool for_others; /* so the running callback says */
};

struct loop_fd {
	struct loop *loop;
	struct event *ev;
	struct loop_fd_config config;
	int events;
};

struct loop_timer {
	struct heap_node node;
	struct loop *loop;
	struct event *late;    /* NULL: it runs at once when it is due */
	struct event *coarse;  /* NULL: it is in the heap */
	const char *name;
	void (*cb)(void *arg);
	void *arg;
};

struct loop_signal {
	struct loop *loop;
	struct event *ev;
	void (*cb)(void *arg);
	void *arg;
};

static uint64_t
loop_enter(struct loop *loop)
{
	uint64_t now = clock_mono_ns();

	loop->stats.callbacks++;
	loop->for_others = false;
	loop->inside = true;
	loop->used_ns = log_enabled(LOG_SUB_MAIN, LOG_LEVEL_DEBUG) ? clock_thread_ns() : 0;
	if (now - loop->left_ns > LOOP_IDLE_GAP_NS)
		loop->busy_since_ns = now;
	return now;
}

/* A stall without much processor time is that of a busy machine. */
static void
loop_tell_stall(const struct loop *loop, const char *who, uint64_t took_ns)
{
	if (loop->used_ns)
		log_debug(MAIN, "%s has kept the others waiting for %llu ms, %llu ms of them of "
			  "processor time", who, (unsigned long long)(took_ns / NSEC_PER_MSEC),
			  (unsigned long long)((clock_thread_ns() - loop->used_ns) /
					       NSEC_PER_MSEC));
}

static void
loop_leave(struct loop *loop, const char *who, uint64_t entered_ns)
{
	uint64_t now = clock_mono_ns(), took = now - entered_ns;

	loop->left_ns = now;
	loop->stats.busy_ns += took;
	if (loop->for_others)
		loop->stats.others_ns += took;
	if (took >= LOOP_STALL_NS) {
		loop->stats.stalls++;
		loop_tell_stall(loop, who, took);
	}
	if (took > loop->stats.stall_max_ns) {
		loop->stats.stall_max_ns = took;
		loop->stats.stall_max_wall_ns = clock_wall_ns();
		loop->stats.stall_max_who = who;
	}
}

/* Runs the calls that are deferred now, but not those that they defer. */
static void
loop_run_deferred(struct loop *loop)
{
	struct loop_deferred *d;

	loop->running = loop->deferred;
	loop->deferred = NULL;
	loop->deferred_tail = &loop->deferred;
	loop->deferring = true;
	while ((d = loop->running)) {
		loop->running = d->next;
		if (d->fn)
			d->fn(d->arg);
		free(d);
	}
	loop->deferring = false;
}

static void
loop_deferred_ready(evutil_socket_t sock, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t t = loop_enter(loop);

	(void)sock;
	(void)what;
	loop_run_deferred(loop);
	loop_leave(loop, "deferred", t);
	loop->inside = false;
}

/* A callback has returned: runs what it has deferred, without a poll in between. */
static void
loop_returned(struct loop *loop, const char *who, uint64_t entered_ns)
{
	loop_leave(loop, who, entered_ns);
	if (loop->deferred)
		loop_deferred_ready(-1, 0, loop);
	loop->inside = false;
}

/* ---- timers ---- */

/* The clock of the timerfd. A test may set clock_mono_ns() ahead, but not this clock. */
static uint64_t
loop_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static void
loop_arm(struct loop *loop)
{
	const struct heap_node *first = heap_first(&loop->timers);
	struct itimerspec when = {0}; /* never */

	loop->armed_ns = first ? first->key : UINT64_MAX;
	if (first) {
		when.it_value.tv_sec = (time_t)(first->key / NSEC_PER_SEC);
		when.it_value.tv_nsec = (long)(first->key % NSEC_PER_SEC);
	}
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/*
 * Runs one due timer. If another one is due, the timerfd stays ready, so the loop polls and calls
 * this again.
 */
static void
loop_timers_ready(evutil_socket_t sock, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t t = loop_enter(loop), now = loop_now_ns();
	struct heap_node *first = heap_first(&loop->timers);
	const char *name = "timers";

	(void)sock;
	(void)what;
	if (first && first->key <= now) {
		struct loop_timer *timer =
			(void *)((char *)first - offsetof(struct loop_timer, node));

		heap_remove(&loop->timers, first);
		if (timer->late) {
			event_active(timer->late, EV_TIMEOUT, 0);
		} else {
			name = timer->name;
			timer->cb(timer->arg); /* may free the timer */
		}
	}
	loop_returned(loop, name, t);
	first = heap_first(&loop->timers);
	if (!first || first->key > now)
		loop_arm(loop);
}

static void
loop_late_ready(evutil_socket_t sock, short what, void *arg)
{
	struct loop_timer *timer = arg;
	struct loop *loop = timer->loop;
	const char *name = timer->name;
	uint64_t t = loop_enter(loop);

	(void)sock;
	(void)what;
	timer->cb(timer->arg); /* may free the timer */
	loop_returned(loop, name, t);
}

static int
loop_timers_start(struct loop *loop)
{
	loop->armed_ns = UINT64_MAX;
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0)
		return -errno;
	loop->timer_ev = event_new(loop->base, loop->timer_fd, EV_READ | EV_PERSIST,
				   loop_timers_ready, loop);
	if (!loop->timer_ev)
		return -ENOMEM;
	event_priority_set(loop->timer_ev, LOOP_PRIORITY_NORMAL);
	return event_add(loop->timer_ev, NULL) < 0 ? -ENOMEM : 0;
}

static void
loop_timers_end(struct loop *loop)
{
	if (loop->timer_ev)
		event_free(loop->timer_ev);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	heap_clear(&loop->timers);
}

int
loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
	       struct loop_timer **out)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer || heap_reserve(&loop->timers, loop->n_timers + 1) < 0) {
		free(timer);
		return -ENOMEM;
	}
	loop->n_timers++;
	timer->loop = loop;
	timer->name = name;
	timer->cb = cb;
	timer->arg = arg;
	*out = timer;
	return 0;
}

int
loop_timer_take_turns(struct loop_timer *timer)
{
	if (timer->late)
		return 0;
	timer->late = event_new(timer->loop->base, -1, 0, loop_late_ready, timer);
	if (!timer->late)
		return -ENOMEM;
	event_priority_set(timer->late, LOOP_PRIORITY_CONTROL);
	return 0;
}

int
loop_timer_be_coarse(struct loop_timer *timer)
{
	if (timer->coarse)
		return 0;
	timer->coarse = event_new(timer->loop->base, -1, 0, loop_late_ready, timer);
	if (!timer->coarse)
		return -ENOMEM;
	event_priority_set(timer->coarse, LOOP_PRIORITY_NORMAL);
	return 0;
}

/* libevent counts from the time at which it last polled, which may be long ago in this callback. */
static void
loop_coarse_set(struct loop_timer *timer, uint64_t delay_ns)
{
	struct timeval tv = {
		.tv_sec = (time_t)(delay_ns / NSEC_PER_SEC),
		.tv_usec = (suseconds_t)(delay_ns % NSEC_PER_SEC / NSEC_PER_USEC),
	};

	event_base_update_cache_time(timer->loop->base);
	if (event_add(timer->coarse, &tv) < 0)
		log_some(10, MAIN, ERROR, "%s: its timer cannot be set", timer->name);
}

void
loop_timer_set(struct loop_timer *timer, uint64_t delay_ns)
{
	struct loop *loop = timer->loop;
	uint64_t at_ns = loop_now_ns() + delay_ns;

	if (timer->coarse) {
		loop_coarse_set(timer, delay_ns);
		return;
	}
	if (timer->late && delay_ns == 0 && event_pending(timer->late, EV_TIMEOUT, NULL))
		return; /* it keeps its turn */
	if (timer->late)
		event_del(timer->late);
	heap_set(&loop->timers, &timer->node, at_ns);
	if (at_ns < loop->armed_ns)
		loop_arm(loop);
}

void
loop_timer_clear(struct loop_timer *timer)
{
	if (timer->late)
		event_del(timer->late);
	if (timer->coarse)
		event_del(timer->coarse);
	heap_remove(&timer->loop->timers, &timer->node);
}

void
loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return;
	loop_timer_clear(timer);
	if (timer->late)
		event_free(timer->late);
	if (timer->coarse)
		event_free(timer->coarse);
	timer->loop->n_timers--;
	free(timer);
}

/* ---- the loop ---- */

/*
 * Without this, libevent writes to stderr: without time and level, and unseen if log.target is
 * "syslog".
 */
static void
loop_libevent_says(int severity, const char *message)
{
	if (severity >= EVENT_LOG_ERR)
		log_some(10, MAIN, ERROR, "libevent: %s", message);
	else if (severity == EVENT_LOG_WARN)
		log_some(10, MAIN, WARNING, "libevent: %s", message);
}

int
loop_new(struct loop **out)
{
	struct event_config *config = event_config_new();
	struct loop *loop = calloc(1, sizeof(*loop));
	int rc = -ENOMEM;

	if (!config || !loop)
		goto fail;
	loop->timer_fd = -1;
	event_set_log_callback(loop_libevent_says);
	event_config_set_max_dispatch_interval(config, NULL, 1, LOOP_PRIORITY_NORMAL);
	loop->base = event_base_new_with_config(config);
	if (!loop->base || event_base_priority_init(loop->base, LOOP_PRIORITY_N) < 0)
		goto fail;
	loop->deferred_ev = event_new(loop->base, -1, 0, loop_deferred_ready, loop);
	if (!loop->deferred_ev)
		goto fail;
	event_priority_set(loop->deferred_ev, LOOP_PRIORITY_PROBE);
	rc = loop_timers_start(loop);
	if (rc < 0)
		goto fail;
	event_config_free(config);
	loop->deferred_tail = &loop->deferred;
	loop->stats.stall_max_who = "";
	*out = loop;
	return 0;
fail:
	if (config)
		event_config_free(config);
	loop_free(loop);
	return rc;
}

void
loop_flush(struct loop *loop)
{
	while (loop->deferred)
		loop_run_deferred(loop);
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop_flush(loop);
	loop_timers_end(loop);
	if (loop->deferred_ev)
		event_free(loop->deferred_ev);
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}

int
loop_run(struct loop *loop)
{
	if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

void
loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

void
loop_stats(const struct loop *loop, struct loop_stats *out)
{
	*out = loop->stats;
}

void
loop_for_others(struct loop *loop)
{
	loop->for_others = true;
}

uint64_t
loop_busy_since_ns(const struct loop *loop)
{
	return loop->busy_since_ns;
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

static void
loop_fd_ready(evutil_socket_t sock, short what, void *arg)
{
	struct loop_fd *fd = arg;
	struct loop *loop = fd->loop;
	const char *name = fd->config.name;
	uint64_t t = loop_enter(loop);

	(void)sock;
	/* The callback may free fd. */
	fd->config.cb(fd->config.arg,
		      (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0));
	loop_returned(loop, name, t);
}

int
loop_fd_new(struct loop *loop, const struct loop_fd_config *config, struct loop_fd **out)
{
	struct loop_fd *fd = calloc(1, sizeof(*fd));
	int rc;

	if (!fd)
		return -ENOMEM;
	fd->loop = loop;
	fd->config = *config;
	fd->ev = event_new(loop->base, config->fd, EV_READ | EV_PERSIST, loop_fd_ready, fd);
	if (!fd->ev) {
		free(fd);
		return -ENOMEM;
	}
	rc = loop_fd_set(fd, config->events);
	if (rc < 0) {
		loop_fd_free(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

int
loop_fd_set(struct loop_fd *fd, int events)
{
	short what = EV_PERSIST;

	if (events == fd->events)
		return 0;
	event_del(fd->ev);
	fd->events = 0;
	if (!events)
		return 0;
	what |= (short)((events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));
	event_assign(fd->ev, fd->loop->base, fd->config.fd, what, loop_fd_ready, fd);
	event_priority_set(fd->ev, fd->config.priority);
	if (event_add(fd->ev, NULL) < 0)
		return errno ? -errno : -ENOMEM;
	fd->events = events;
	return 0;
}

void
loop_fd_free(struct loop_fd *fd)
{
	if (!fd)
		return;
	event_free(fd->ev);
	free(fd);
}

static void
loop_signal_raised(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *sig = arg;
	struct loop *loop = sig->loop;
	uint64_t t = loop_enter(loop);

	(void)signo;
	(void)what;
	sig->cb(sig->arg);
	loop_returned(loop, "signal", t);
}

int
loop_signal_new(struct loop *loop, int signo, void (*cb)(void *arg), void *arg,
		struct loop_signal **out)
{
	struct loop_signal *sig = calloc(1, sizeof(*sig));

	if (!sig)
		return -ENOMEM;
	sig->loop = loop;
	sig->cb = cb;
	sig->arg = arg;
	sig->ev = evsignal_new(loop->base, signo, loop_signal_raised, sig);
	if (!sig->ev || event_add(sig->ev, NULL) < 0) {
		loop_signal_free(sig);
		return -ENOMEM;
	}
	*out = sig;
	return 0;
}

void
loop_signal_free(struct loop_signal *sig)
{
	if (!sig)
		return;
	if (sig->ev)
		event_free(sig->ev);
	free(sig);
}

int
loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct loop_deferred *d = malloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	*d = (struct loop_deferred){.fn = fn, .arg = arg};
	*loop->deferred_tail = d;
	loop->deferred_tail = &d->next;
	/* With event_active() from inside, it would run again before all other events. */
	if (loop->deferring)
		event_add(loop->deferred_ev, &(struct timeval){0, 0});
	else if (!loop->inside)
		event_active(loop->deferred_ev, 0, 0);
	return 0;
}

static void
loop_undefer_in(struct loop_deferred *list, const void *arg)
{
	for (struct loop_deferred *d = list; d; d = d->next)
		if (d->arg == arg)
			d->fn = NULL;
}

void
loop_undefer(struct loop *loop, const void *arg)
{
	loop_undefer_in(loop->deferred, arg);
	loop_undefer_in(loop->running, arg);
}
