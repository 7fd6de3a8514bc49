/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: file descriptors, timers, signals, deferred calls. Only this room and src/serve
 * know libevent. Callbacks run on the loop's thread and must not block; loop_stats() reports the
 * longest time that the loop was away from poll. Callbacks below LOOP_PRIORITY_PROBE run one at a
 * time with a poll in between, so a probe waits for one of them at most.
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

/*
 * The order in which ready callbacks run: first probes, then set-up (NORMAL), then the requests of
 * people (CONTROL).
 */
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
	uint64_t callbacks;         /* callbacks that have run */
	uint64_t stall_max_ns;      /* longest time that one callback kept the others waiting */
	uint64_t stall_max_wall_ns; /* wall-clock time at which that callback ended; 0: none yet */
	const char *stall_max_who;  /* name of that callback; "": none yet */
	uint64_t stalls; /* callbacks that kept the others waiting for LOOP_STALL_NS or more */
	uint64_t busy_ns;   /* time spent in callbacks */
	uint64_t others_ns; /* the part of it in callbacks that called loop_for_others() */
};
#define LOOP_STALL_NS 10000000ULL

/*
 * Returns 0 and sets *out, which the caller owns, or -errno. Timers are as precise as
 * timerfd_create(2) is.
 */
int loop_new(struct loop **out);

/* The caller has freed all objects on the loop. NULL is allowed. */
void loop_free(struct loop *loop);

/* Runs callbacks until loop_stop(). Returns 0, or -errno if poll failed. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

void loop_stats(const struct loop *loop, struct loop_stats *out);

/*
 * The running callback works for others: other hosts, or clients. loop_stats() reports the time of
 * such callbacks.
 */
void loop_for_others(struct loop *loop);

/*
 * The time (CLOCK_MONOTONIC) since which the loop has been running callbacks without a pause of
 * LOOP_IDLE_GAP_NS between two of them. An event that is handled now may have been waiting since
 * then.
 */
#define LOOP_IDLE_GAP_NS 20000ULL
uint64_t loop_busy_since_ns(const struct loop *loop);

/* The base for libevent's own HTTP; nothing else may use it. Borrowed. */
struct event_base *loop_base(struct loop *loop);

/*
 * Watches fd, which the caller owns, for `events` (0 is allowed: none until loop_fd_set()). The
 * callback receives the events that are ready. `name` must outlive the object; loop_stats() reports
 * it. Functions that return int return 0, or -errno.
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

/* Makes a one-shot timer, not armed. The callback may arm it again or free it. 0, or -errno. */
int loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
		   struct loop_timer **out);
/*
 * From now on, the timer, when it is due, takes turns with what has LOOP_PRIORITY_CONTROL. For the
 * steps of a long job, which arms its timer again and again: otherwise nothing of that priority
 * would run meanwhile. Returns 0 or -ENOMEM.
 */
int loop_timer_take_turns(struct loop_timer *timer);
/*
 * From now on, the timer may be some milliseconds early or late, and takes no system call of its
 * own. Not with loop_timer_take_turns(). Returns 0 or -ENOMEM.
 */
int loop_timer_be_coarse(struct loop_timer *timer);
/*
 * Arms the timer: the callback runs delay_ns from now, never earlier (0: after the next poll).
 * Replaces an earlier time.
 */
void loop_timer_set(struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_clear(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

int loop_signal_new(struct loop *loop, int signo, void (*cb)(void *arg), void *arg,
		    struct loop_signal **out);
void loop_signal_free(struct loop_signal *sig);

/*
 * Calls fn(arg) when the running callback has returned, before any other callback. Use it to free
 * an object that a caller further up the stack may still use. Calls run in order. If a deferred
 * call defers another one, that runs after the next poll, or after another callback. loop_free()
 * runs the remaining ones.
 * Returns 0, or -ENOMEM; then fn is not called.
 */
int loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg);
/* Cancels all deferred calls with this arg. Call it before freeing arg. */
void loop_undefer(struct loop *loop, const void *arg);
/*
 * Runs the deferred calls now, and those that they defer. For the end of a program, when the loop
 * does not run any more but its objects still exist.
 */
void loop_flush(struct loop *loop);

#endif
