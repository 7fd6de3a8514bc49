/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one event loop: file descriptors, timers, signals, deferred calls. The only module that
 * knows libevent. Callbacks run on the loop's thread and must not block; how long the loop was
 * away from poll, at most, is measured and never hidden. Callbacks below LOOP_PRIORITY_PROBE run
 * one at a time with a poll in between, so a probe waits for one of them at most.
 */
#ifndef RPINGMESH_CORE_LOOP_H
#define RPINGMESH_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop_fd;
struct loop_timer;
struct loop_signal;

/* Which ready callback runs first: probes before set-up, set-up before people. */
enum loop_priority {
	LOOP_PRIORITY_PROBE,
	LOOP_PRIORITY_NORMAL,
	LOOP_PRIORITY_CONTROL,
	LOOP_PRIORITY_N
};

enum loop_fd_events {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
};

struct loop_stats {
	uint64_t callbacks;         /* callbacks run */
	uint64_t stall_max_ns;      /* longest time that one callback kept the others waiting */
	uint64_t stall_max_wall_ns; /* wall-clock time when that one ended; 0: none yet */
	const char *stall_max_who;  /* its name; "" if none yet */
	uint64_t stalls; /* callbacks that kept the others waiting for LOOP_STALL_NS or more */
};
#define LOOP_STALL_NS 10000000ULL

/*
 * 0 and *out, owned by the caller, or -errno. Timers are precise (EVENT_BASE_FLAG_PRECISE_TIMER).
 */
int loop_new(struct loop **out);

/* Everything made on the loop must have been freed before. NULL is allowed. */
void loop_free(struct loop *loop);

/* Blocks until loop_stop(). 0, or -errno if poll itself failed. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

void loop_stats(const struct loop *loop, struct loop_stats *out);

/*
 * Since when the loop has been running callbacks back to back, CLOCK_MONOTONIC: what became ready
 * since then may have been waiting for as long. A pause of LOOP_IDLE_GAP_NS between two callbacks
 * counts as idle.
 */
#define LOOP_IDLE_GAP_NS 20000ULL
uint64_t loop_busy_since_ns(const struct loop *loop);

/* For libevent's own DNS and HTTP only. Borrowed. */
struct event_base *loop_base(struct loop *loop);

/*
 * Watches fd, which stays the caller's. `name` is kept by reference and named in stalls.
 * Starts with `events`; 0 is allowed and means later. The callback gets the events that are ready.
 */
struct loop_fd_config {
	int fd;
	int events;
	enum loop_priority priority;
	const char *name;
	void (*cb)(void *arg, int events);
	void *arg;
};
int loop_fd_new(struct loop *loop, const struct loop_fd_config *config, struct loop_fd **out);
int loop_fd_set(struct loop_fd *fd, int events);
void loop_fd_free(struct loop_fd *fd);

/* One-shot timer, made disarmed. The callback may arm it again or free it. */
int loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
		   struct loop_timer **out);
/*
 * Runs the callback delay_ns from now, not earlier (0: at once, after a poll); replaces what was
 * armed.
 */
void loop_timer_set(struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_clear(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

int loop_signal_new(struct loop *loop, int signo, void (*cb)(void *arg), void *arg,
		    struct loop_signal **out);
void loop_signal_free(struct loop_signal *sig);

/*
 * Calls fn(arg) right after the running callback has returned, before any other: the way to free an
 * object that a caller up the stack may still hold. Calls run in order; what they defer themselves
 * runs after another poll. loop_free() runs those left. 0, or -ENOMEM, and fn will not be called.
 */
int loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg);
/* Calls deferred with this arg that have not run yet will not: arg is about to be freed. */
void loop_undefer(struct loop *loop, const void *arg);
/*
 * Runs deferred calls now, and what they defer: for a stop, when the loop does not run any more but
 * its objects still exist.
 */
void loop_flush(struct loop *loop);

#endif
