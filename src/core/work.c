/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: work
 *
 * Jobs wait in the queue `waiting`, from which worker threads take them. A worker begins when there
 * is something to do, and ends when nothing is left. It puts finished jobs into the queue `done`,
 * and an eventfd(2) wakes the loop.
 *
 * The loop's thread and the workers share the pool. The last of them frees it, because the end of
 * the program does not wait for a call that blocks. The pool owns a job until the loop takes it out
 * of `done`, or cancels it while it waits. Only one thread at a time uses arg.
 */
#include "core/work.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "core/loop.h"

#define WORK_STACK (256 * 1024)

struct work_job {
	TAILQ_ENTRY(work_job) next;
	struct work_pool *pool;
	const struct work_ops *ops;
	void *arg;
	bool waiting;   /* no worker has taken it; needs the lock */
	bool cancelled; /* only the loop's thread uses it */
};

TAILQ_HEAD(work_queue, work_job);

struct work_pool {
	pthread_mutex_t lock; /* protects the members below */
	struct work_queue waiting, done;
	unsigned int workers, threads;
	int event_fd;
	bool closed; /* the loop's thread does not use the pool any more */
};

struct work {
	struct work_pool *pool;
	struct loop_fd *watch;
};

static void
work_job_free(struct work_job *job)
{
	job->ops->free(job->arg);
	free(job);
}

static void
work_queue_free(struct work_queue *queue)
{
	struct work_job *job;

	while ((job = TAILQ_FIRST(queue))) {
		TAILQ_REMOVE(queue, job, next);
		work_job_free(job);
	}
}

static void
work_pool_free(struct work_pool *pool)
{
	work_queue_free(&pool->waiting);
	work_queue_free(&pool->done);
	if (pool->event_fd >= 0)
		close(pool->event_fd);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* ---- worker threads ---- */

/*
 * Takes the next job. If there is none, returns NULL and no longer counts this worker. The caller
 * holds the lock.
 */
static struct work_job *
work_next(struct work_pool *pool)
{
	struct work_job *job = pool->closed ? NULL : TAILQ_FIRST(&pool->waiting);

	if (job) {
		TAILQ_REMOVE(&pool->waiting, job, next);
		job->waiting = false;
	} else {
		pool->workers--;
	}
	return job;
}

static void *
work_thread(void *arg)
{
	struct work_pool *pool = arg;
	struct work_job *job;
	const uint64_t one = 1;
	bool last;

	pthread_mutex_lock(&pool->lock);
	while ((job = work_next(pool))) {
		pthread_mutex_unlock(&pool->lock);
		job->ops->run(job->arg);
		pthread_mutex_lock(&pool->lock);
		TAILQ_INSERT_TAIL(&pool->done, job, next);
		/* This fails only if the eventfd is at 2^64 - 2. */
		(void)!write(pool->event_fd, &one, sizeof(one));
	}
	last = pool->closed && pool->workers == 0;
	pthread_mutex_unlock(&pool->lock);
	if (last)
		work_pool_free(pool);
	return NULL;
}

/*
 * Starts a worker; the caller holds the lock. If that fails while others run, they do the work.
 */
static int
work_thread_new(struct work_pool *pool)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	rc = pthread_attr_init(&attr);
	if (rc)
		return -rc;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, WORK_STACK);
	/* Only the loop's thread handles signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, work_thread, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		pool->workers++;
	return rc && pool->workers == 0 ? -rc : 0;
}

/* ---- the loop's side ---- */

static void
work_done(void *arg, int events)
{
	struct work_pool *pool = ((struct work *)arg)->pool;
	struct work_queue done = TAILQ_HEAD_INITIALIZER(done);
	struct work_job *job;
	uint64_t n;

	(void)events;
	(void)!read(pool->event_fd, &n, sizeof(n));
	pthread_mutex_lock(&pool->lock);
	TAILQ_CONCAT(&done, &pool->done, next);
	pthread_mutex_unlock(&pool->lock);
	while ((job = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, job, next);
		if (!job->cancelled)
			job->ops->done(job->arg);
		work_job_free(job);
	}
}

static int
work_watch(struct loop *loop, const char *name, struct work *work)
{
	const struct loop_fd_config config = {.fd = work->pool->event_fd,
					      .events = LOOP_READ,
					      .priority = LOOP_PRIORITY_NORMAL,
					      .name = name,
					      .cb = work_done,
					      .arg = work};

	return loop_fd_new(loop, &config, &work->watch);
}

static struct work_pool *
work_pool_new(unsigned int threads)
{
	struct work_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	/* One heap for all: what a thread has freed in one of its own is never used again. */
	mallopt(M_ARENA_MAX, 1);
	pthread_mutex_init(&pool->lock, NULL);
	TAILQ_INIT(&pool->waiting);
	TAILQ_INIT(&pool->done);
	pool->threads = threads;
	pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return pool;
}

int
work_new(struct loop *loop, const char *name, unsigned int threads, struct work **out)
{
	struct work *work = calloc(1, sizeof(*work));
	int rc = -ENOMEM;

	if (!work)
		return rc;
	work->pool = work_pool_new(threads);
	if (work->pool)
		rc = work->pool->event_fd < 0 ? -errno : work_watch(loop, name, work);
	if (rc < 0) {
		work_free(work);
		return rc;
	}
	*out = work;
	return 0;
}

void
work_free(struct work *work)
{
	bool last;

	if (!work)
		return;
	loop_fd_free(work->watch);
	if (work->pool) {
		pthread_mutex_lock(&work->pool->lock);
		work->pool->closed = true;
		last = work->pool->workers == 0;
		pthread_mutex_unlock(&work->pool->lock);
		if (last)
			work_pool_free(work->pool);
	}
	free(work);
}

int
work_start(struct work *work, const struct work_ops *ops, void *arg, struct work_job **out)
{
	struct work_pool *pool = work->pool;
	struct work_job *job = calloc(1, sizeof(*job));
	int rc = 0;

	if (!job)
		return -ENOMEM;
	*job = (struct work_job){.pool = pool, .ops = ops, .arg = arg, .waiting = true};
	/* Set it now, because a worker may be quicker than this thread. */
	*out = job;
	pthread_mutex_lock(&pool->lock);
	TAILQ_INSERT_TAIL(&pool->waiting, job, next);
	if (pool->workers < pool->threads)
		rc = work_thread_new(pool);
	if (rc < 0)
		TAILQ_REMOVE(&pool->waiting, job, next);
	pthread_mutex_unlock(&pool->lock);
	if (rc < 0) {
		free(job);
		*out = NULL;
	}
	return rc;
}

void
work_cancel(struct work_job *job)
{
	struct work_pool *pool;
	bool waiting;

	if (!job)
		return;
	pool = job->pool;
	job->cancelled = true;
	pthread_mutex_lock(&pool->lock);
	waiting = job->waiting;
	if (waiting)
		TAILQ_REMOVE(&pool->waiting, job, next);
	pthread_mutex_unlock(&pool->lock);
	/* Otherwise a worker would run it, and the jobs after it would have to wait. */
	if (waiting)
		work_job_free(job);
}
