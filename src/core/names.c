/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: names
 *
 * Lookups wait in the queue `waiting`. Worker threads take them from there and call getaddrinfo(3),
 * which blocks. A worker starts when there is something to do, NAMES_WORKERS at most, and ends when
 * nothing is left. It puts finished lookups into the queue `done`, and an eventfd wakes the loop.
 *
 * The loop's thread and the workers share the pool. The last of them frees it, because the end of
 * the program does not wait for a silent name server. The pool owns a lookup until the loop takes
 * it out of `done`, or cancels it while it waits. Only the loop's thread uses `found` and `arg`.
 * Only one thread at a time uses the address.
 */
#include "core/names.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/loop.h"

#define NAMES_WORKERS 8
#define NAMES_STACK (256 * 1024)

struct names_lookup {
	TAILQ_ENTRY(names_lookup) next;
	struct names_pool *pool;
	bool waiting; /* no worker has taken it; needs the lock */
	void (*found)(void *arg, const struct addr *addr, const char *reason);
	void *arg;
	int result; /* of getaddrinfo(3) */
	bool has;
	struct addr addr;
	char name[];
};

TAILQ_HEAD(names_queue, names_lookup);

struct names_pool {
	pthread_mutex_t lock; /* protects the members below */
	struct names_queue waiting, done;
	unsigned int workers;
	int event_fd;
	bool closed; /* the loop's thread does not use the pool any more */
};

struct names {
	struct names_pool *pool;
	struct loop_fd *watch;
};

static void
names_queue_free(struct names_queue *queue)
{
	struct names_lookup *lookup;

	while ((lookup = TAILQ_FIRST(queue))) {
		TAILQ_REMOVE(queue, lookup, next);
		free(lookup);
	}
}

static void
names_pool_free(struct names_pool *pool)
{
	names_queue_free(&pool->waiting);
	names_queue_free(&pool->done);
	if (pool->event_fd >= 0)
		close(pool->event_fd);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* ---- worker threads ---- */

static void
names_ask(struct names_lookup *lookup)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	const struct addrinfo *best = NULL;
	struct addrinfo *list = NULL;

	lookup->result = getaddrinfo(lookup->name, NULL, &hints, &list);
	if (lookup->result != 0)
		return;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
		if (!best || (best->ai_family != AF_INET && ai->ai_family == AF_INET))
			best = ai;
	lookup->has = best && addr_from_sockaddr(best->ai_addr, &lookup->addr) == 0;
	freeaddrinfo(list);
}

/*
 * Takes the next lookup. If there is none, returns NULL and no longer counts this worker. The
 * caller holds the lock.
 */
static struct names_lookup *
names_next(struct names_pool *pool)
{
	struct names_lookup *lookup = pool->closed ? NULL : TAILQ_FIRST(&pool->waiting);

	if (lookup) {
		TAILQ_REMOVE(&pool->waiting, lookup, next);
		lookup->waiting = false;
	} else {
		pool->workers--;
	}
	return lookup;
}

static void *
names_work(void *arg)
{
	struct names_pool *pool = arg;
	struct names_lookup *lookup;
	const uint64_t one = 1;
	bool last;

	pthread_mutex_lock(&pool->lock);
	while ((lookup = names_next(pool))) {
		pthread_mutex_unlock(&pool->lock);
		names_ask(lookup);
		pthread_mutex_lock(&pool->lock);
		TAILQ_INSERT_TAIL(&pool->done, lookup, next);
		/* This fails only if the eventfd is at 2^64 - 2. */
		(void)!write(pool->event_fd, &one, sizeof(one));
	}
	last = pool->closed && pool->workers == 0;
	pthread_mutex_unlock(&pool->lock);
	if (last)
		names_pool_free(pool);
	return NULL;
}

/*
 * Starts a worker; the caller holds the lock. If that fails while other workers run, they do the
 * work, and this is no error.
 */
static int
names_worker_new(struct names_pool *pool)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	rc = pthread_attr_init(&attr);
	if (rc)
		return -rc;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, NAMES_STACK);
	/* Only the loop's thread handles signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, names_work, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		pool->workers++;
	return rc && pool->workers == 0 ? -rc : 0;
}

/* ---- the loop's side ---- */

static void
names_tell(struct names_lookup *lookup)
{
	if (!lookup->found)
		return;
	if (lookup->has)
		lookup->found(lookup->arg, &lookup->addr, NULL);
	else
		lookup->found(lookup->arg, NULL,
			      lookup->result ? gai_strerror(lookup->result) :
					       "name has no address");
}

static void
names_done(void *arg, int events)
{
	struct names *names = arg;
	struct names_queue done = TAILQ_HEAD_INITIALIZER(done);
	struct names_lookup *lookup;
	uint64_t n;

	(void)events;
	(void)!read(names->pool->event_fd, &n, sizeof(n));
	pthread_mutex_lock(&names->pool->lock);
	TAILQ_CONCAT(&done, &names->pool->done, next);
	pthread_mutex_unlock(&names->pool->lock);
	while ((lookup = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, lookup, next);
		names_tell(lookup);
		free(lookup);
	}
}

static int
names_watch(struct loop *loop, struct names *names)
{
	const struct loop_fd_config config = {.fd = names->pool->event_fd,
					      .events = LOOP_READ,
					      .priority = LOOP_PRIORITY_NORMAL,
					      .name = "names",
					      .cb = names_done,
					      .arg = names};

	return loop_fd_new(loop, &config, &names->watch);
}

static struct names_pool *
names_pool_new(void)
{
	struct names_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	TAILQ_INIT(&pool->waiting);
	TAILQ_INIT(&pool->done);
	pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return pool;
}

int
names_new(struct loop *loop, struct names **out)
{
	struct names *names = calloc(1, sizeof(*names));
	int rc = -ENOMEM;

	if (!names)
		return rc;
	names->pool = names_pool_new();
	if (names->pool)
		rc = names->pool->event_fd < 0 ? -errno : names_watch(loop, names);
	if (rc < 0) {
		names_free(names);
		return rc;
	}
	*out = names;
	return 0;
}

void
names_free(struct names *names)
{
	bool last;

	if (!names)
		return;
	loop_fd_free(names->watch);
	if (names->pool) {
		pthread_mutex_lock(&names->pool->lock);
		names->pool->closed = true;
		last = names->pool->workers == 0;
		pthread_mutex_unlock(&names->pool->lock);
		if (last)
			names_pool_free(names->pool);
	}
	free(names);
}

int
names_find(struct names *names, const char *name,
	   void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
	   struct names_lookup **out)
{
	struct names_pool *pool = names->pool;
	struct names_lookup *lookup;
	struct addr addr;
	int rc = 0;

	*out = NULL;
	if (addr_parse(name, &addr) == 0) {
		found(arg, &addr, NULL);
		return 0;
	}
	lookup = calloc(1, sizeof(*lookup) + strlen(name) + 1);
	if (!lookup)
		return -ENOMEM;
	lookup->found = found;
	lookup->arg = arg;
	lookup->pool = pool;
	lookup->waiting = true;
	strcpy(lookup->name, name);
	pthread_mutex_lock(&pool->lock);
	TAILQ_INSERT_TAIL(&pool->waiting, lookup, next);
	if (pool->workers < NAMES_WORKERS)
		rc = names_worker_new(pool);
	if (rc < 0)
		TAILQ_REMOVE(&pool->waiting, lookup, next);
	pthread_mutex_unlock(&pool->lock);
	if (rc < 0) {
		free(lookup);
		return rc;
	}
	*out = lookup;
	return 0;
}

void
names_cancel(struct names_lookup *lookup)
{
	struct names_pool *pool = lookup ? lookup->pool : NULL;
	bool waiting;

	if (!lookup)
		return;
	/* A worker may still use the lookup, but only the loop's thread uses `found`. */
	lookup->found = NULL;
	pthread_mutex_lock(&pool->lock);
	waiting = lookup->waiting;
	if (waiting)
		TAILQ_REMOVE(&pool->waiting, lookup, next);
	pthread_mutex_unlock(&pool->lock);
	/* Otherwise a worker would look it up, and the lookups after it would have to wait. */
	if (waiting)
		free(lookup);
}

uint64_t
names_files(void)
{
	static const char *const files[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"};
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a, by words */
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (stat(files[i], &st) < 0)
			memset(&st, 0, sizeof(st));
		hash = (hash ^ (uint64_t)st.st_ino) * 1099511628211ULL;
		hash = (hash ^ (uint64_t)st.st_size) * 1099511628211ULL;
		hash = (hash ^ (uint64_t)st.st_mtim.tv_sec) * 1099511628211ULL;
		hash = (hash ^ (uint64_t)st.st_mtim.tv_nsec) * 1099511628211ULL;
	}
	return hash;
}
