/* SPDX-License-Identifier: Apache-2.0 */
#include "core/names.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/work.h"

#define NAMES_WORKERS 8

struct names_lookup {
	struct work_job *job;
	const struct addr *keep; /* NULL, or `kept` */
	struct addr kept;
	void (*found)(void *arg, const struct addr *addr, const char *reason);
	void *arg;
	int result; /* of getaddrinfo(3) */
	bool has;
	struct addr addr;
	char name[];
};

struct names {
	struct work *work;
};

static bool
names_has(const struct addrinfo *list, const struct addr *wanted)
{
	struct addr addr;

	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
		if (addr_from_sockaddr(ai->ai_addr, &addr) == 0 && addr_equal(&addr, wanted))
			return true;
	return false;
}

/* Runs in a worker. */
static void
names_ask(void *arg)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	const struct addrinfo *best = NULL;
	struct names_lookup *lookup = arg;
	struct addrinfo *list = NULL;

	lookup->result = getaddrinfo(lookup->name, NULL, &hints, &list);
	if (lookup->result != 0)
		return;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
		if (!best || (best->ai_family != AF_INET && ai->ai_family == AF_INET))
			best = ai;
	lookup->has = best && addr_from_sockaddr(best->ai_addr, &lookup->addr) == 0;
	if (lookup->keep && names_has(list, lookup->keep))
		lookup->addr = *lookup->keep;
	freeaddrinfo(list);
}

static void
names_done(void *arg)
{
	struct names_lookup *lookup = arg;

	if (lookup->has)
		lookup->found(lookup->arg, &lookup->addr, NULL);
	else
		lookup->found(lookup->arg, NULL,
			      lookup->result ? gai_strerror(lookup->result) :
					       "name has no address");
}

static const struct work_ops names_ops = {.run = names_ask, .done = names_done, .free = free};

int
names_new(struct loop *loop, struct names **out)
{
	struct names *names = calloc(1, sizeof(*names));
	int rc = names ? work_new(loop, "names", NAMES_WORKERS, &names->work) : -ENOMEM;

	if (rc < 0)
		free(names);
	else
		*out = names;
	return rc;
}

void
names_free(struct names *names)
{
	if (names)
		work_free(names->work);
	free(names);
}

int
names_find(struct names *names, const char *name, const struct addr *keep,
	   void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
	   struct names_lookup **out)
{
	struct names_lookup *lookup;
	struct addr addr;
	int rc;

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
	if (keep) {
		lookup->kept = *keep;
		lookup->keep = &lookup->kept;
	}
	strcpy(lookup->name, name);
	rc = work_start(names->work, &names_ops, lookup, &lookup->job);
	if (rc < 0)
		free(lookup);
	else
		*out = lookup;
	return rc;
}

void
names_cancel(struct names_lookup *lookup)
{
	if (lookup)
		work_cancel(lookup->job);
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
