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
	/* All but one of these are NULL. */
	void (*found)(void *arg, const struct addr *addr, const char *reason);
	void (*found_all)(void *arg, const struct addr *addrs, size_t n, const char *reason);
	void (*found_name)(void *arg, const char *name, const char *reason);
	void *arg;
	int result; /* of getaddrinfo(3) or getnameinfo(3) */
	struct addr *all; /* owned, of NAMES_ADDRESSES; NULL unless found_all is set */
	size_t n;
	bool has;
	struct addr addr;
	char host[NI_MAXHOST]; /* of found_name */
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

static void
names_take_all(struct names_lookup *lookup, const struct addrinfo *list)
{
	if (!lookup->all)
		return;
	for (const struct addrinfo *ai = list; ai && lookup->n < NAMES_ADDRESSES; ai = ai->ai_next)
		lookup->n += addr_from_sockaddr(ai->ai_addr, &lookup->all[lookup->n]) == 0;
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
	names_take_all(lookup, list);
	freeaddrinfo(list);
}

static void
names_done(void *arg)
{
	struct names_lookup *lookup = arg;
	const char *reason = lookup->has    ? NULL :
			     lookup->result ? gai_strerror(lookup->result) :
					      "name has no address";

	if (lookup->found)
		lookup->found(lookup->arg, reason ? NULL : &lookup->addr, reason);
	else
		lookup->found_all(lookup->arg, lookup->all, lookup->n, reason);
}

static void
names_lookup_free(void *arg)
{
	struct names_lookup *lookup = arg;

	free(lookup->all);
	free(lookup);
}

static const struct work_ops names_ops = {.run = names_ask, .done = names_done,
					  .free = names_lookup_free};

/* ---- names of addresses ---- */

/* Runs in a worker. */
static void
names_ask_reverse(void *arg)
{
	struct names_lookup *lookup = arg;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&lookup->addr, 0, &ss);

	lookup->result = getnameinfo((struct sockaddr *)&ss, len, lookup->host,
				     sizeof(lookup->host), NULL, 0, NI_NAMEREQD);
}

static void
names_done_reverse(void *arg)
{
	struct names_lookup *lookup = arg;

	const int rc = lookup->result;

	lookup->found_name(lookup->arg, rc ? NULL : lookup->host,
			   rc && rc != EAI_NONAME ? gai_strerror(rc) : NULL);
}

static const struct work_ops names_reverse_ops = {
	.run = names_ask_reverse, .done = names_done_reverse, .free = names_lookup_free};

int
names_reverse(struct names *names, const struct addr *addr,
	      void (*found)(void *arg, const char *name, const char *reason), void *arg,
	      struct names_lookup **out)
{
	struct names_lookup *lookup = calloc(1, sizeof(*lookup) + 1);
	int rc;

	if (!lookup)
		return -ENOMEM;
	lookup->found_name = found;
	lookup->arg = arg;
	lookup->addr = *addr;
	rc = work_start(names->work, &names_reverse_ops, lookup, &lookup->job);
	if (rc < 0)
		names_lookup_free(lookup);
	else
		*out = lookup;
	return rc;
}

/* ---- start and stop ---- */

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

/* Starts a copy of `asked`, and its name. Returns 0, or -errno. */
static int
names_start(struct names *names, const char *name, const struct names_lookup *asked,
	    struct names_lookup **out)
{
	struct names_lookup *lookup = calloc(1, sizeof(*lookup) + strlen(name) + 1);
	int rc;

	if (!lookup)
		return -ENOMEM;
	*lookup = *asked;
	if (asked->keep) {
		lookup->kept = *asked->keep;
		lookup->keep = &lookup->kept;
	}
	strcpy(lookup->name, name);
	if (asked->found_all)
		lookup->all = calloc(NAMES_ADDRESSES, sizeof(*lookup->all));
	rc = asked->found_all && !lookup->all ? -ENOMEM :
	     work_start(names->work, &names_ops, lookup, &lookup->job);
	if (rc < 0)
		names_lookup_free(lookup);
	else
		*out = lookup;
	return rc;
}

int
names_find(struct names *names, const char *name, const struct addr *keep,
	   void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
	   struct names_lookup **out)
{
	struct names_lookup asked = {.keep = keep, .found = found, .arg = arg};
	struct addr addr;

	*out = NULL;
	if (addr_parse(name, &addr) < 0)
		return names_start(names, name, &asked, out);
	found(arg, &addr, NULL);
	return 0;
}

int
names_find_all(struct names *names, const char *name,
	       void (*found)(void *arg, const struct addr *addrs, size_t n, const char *reason),
	       void *arg, struct names_lookup **out)
{
	struct names_lookup asked = {.found_all = found, .arg = arg};
	struct addr addr;

	*out = NULL;
	if (addr_parse(name, &addr) < 0)
		return names_start(names, name, &asked, out);
	found(arg, &addr, 1, NULL);
	return 0;
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
