/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs calls that block in worker threads (pthreads(7)). The loop never waits for them. A program
 * has no other threads.
 */
#ifndef RPINGMESH_CORE_WORK_H
#define RPINGMESH_CORE_WORK_H

struct loop;
struct work;
struct work_job;

struct work_ops {
	/* Runs in a worker thread, with all signals blocked. May block. Uses only arg. */
	void (*run)(void *arg);
	/* Called from the loop after run() has returned, unless the job is cancelled. */
	void (*done)(void *arg);
	/* The last call; it comes from the loop or from a worker. */
	void (*free)(void *arg);
};

/*
 * Makes a pool of at most `threads` workers. A worker begins when there is a job, and ends when
 * there is none. Returns 0 and sets *out, which the caller owns, or -errno.
 */
int work_new(struct loop *loop, const char *name, unsigned int threads, struct work **out);
/*
 * done() is not called any more. Does not block: if a job still runs, its worker frees the rest.
 * NULL is allowed.
 */
void work_free(struct work *work);

/*
 * Puts a job into the queue; jobs begin in this order. Returns 0, and the job owns arg until free()
 * is called. Or returns -errno (no memory, no thread); then the caller still owns arg, and nothing
 * is called. *out is for work_cancel() and valid until done() is called.
 */
int work_start(struct work *work, const struct work_ops *ops, void *arg, struct work_job **out);
/*
 * done() is not called. free() is called at once if the job waits, otherwise after run() has
 * returned. NULL is allowed.
 */
void work_cancel(struct work_job *job);

#endif
