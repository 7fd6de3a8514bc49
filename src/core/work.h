/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that block, off the loop: they run in worker threads (pthreads(7)) that the loop never
 * waits for. The only threads of a program.
 */
#ifndef RPINGMESH_CORE_WORK_H
#define RPINGMESH_CORE_WORK_H

struct loop;
struct work;
struct work_job;

struct work_ops {
	/* In a worker thread, with all signals blocked. May block. Touches nothing but arg. */
	void (*run)(void *arg);
	/* From the loop, after run() has returned. Not called for a cancelled job. */
	void (*done)(void *arg);
	/* The last call, from the loop or from a worker. */
	void (*free)(void *arg);
};

/*
 * A pool of at most `threads` workers. 0 and *out, or -errno. A worker begins when there is a job,
 * and ends when there is none.
 */
int work_new(struct loop *loop, const char *name, unsigned int threads, struct work **out);
/*
 * done() will not be called any more. Does not block: the worker of a job that runs frees what is
 * left. NULL is allowed.
 */
void work_free(struct work *work);

/*
 * Puts a job into the queue; jobs begin in this order. 0, and arg belongs to the job until free()
 * is called. Or -errno (no memory, no thread): arg stays the caller's, nothing is called. *out is
 * for work_cancel() and valid until done() is called.
 */
int work_start(struct work *work, const struct work_ops *ops, void *arg, struct work_job **out);
/*
 * done() will not be called. free() is called at once if the job waits, else after run() has
 * returned. NULL is allowed.
 */
void work_cancel(struct work_job *job);

#endif
