/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolves host names without blocking. Worker threads (core/work.h) call getaddrinfo(3), and the
 * loop never waits for them. So a name has the addresses that nsswitch.conf(5), hosts(5) and
 * resolv.conf(5) give it on this host, and changes of these files count at once.
 */
#ifndef RPINGMESH_CORE_NAMES_H
#define RPINGMESH_CORE_NAMES_H

#include <stddef.h>

#include "core/addr.h"

struct loop;
struct names;
struct names_lookup;

/*
 * Returns 0 and sets *out, which the caller owns, or -errno. Threads begin with the first lookup,
 * eight at most, and end when there is nothing to do.
 */
int names_new(struct loop *loop, struct names **out);
/*
 * All lookups must have ended or been cancelled. Does not wait for threads. NULL is allowed.
 */
void names_free(struct names *names);

/*
 * Looks up a name and takes its first IPv4 address or, if it has none, its first address. If `keep`
 * is one of its addresses, takes that one, because name servers rotate them; NULL: none. Calls
 * `found` once: before it returns if the name is a numeric address, otherwise from the loop. On
 * failure addr is NULL and reason is static text. *out is for names_cancel(), or NULL if the lookup
 * has ended already. Returns 0, or -errno if there is no memory or no thread.
 */
int names_find(struct names *names, const char *name, const struct addr *keep,
	       void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
	       struct names_lookup **out);
/*
 * Like names_find(), but passes on all addresses of the name, NAMES_ADDRESSES at most, in the order
 * of getaddrinfo(3): the one to try first comes first. On failure n is 0.
 */
#define NAMES_ADDRESSES 16
int names_find_all(struct names *names, const char *name,
		   void (*found)(void *arg, const struct addr *addrs, size_t n, const char *reason),
		   void *arg, struct names_lookup **out);
/*
 * Looks up the name of an address (PTR, or whatever nsswitch.conf(5) says), and calls `found` from
 * the loop: name is NULL if there is none. If this could not be found out, because no server has
 * answered, reason is static text; else it is NULL. Returns the same as names_find().
 */
int names_reverse(struct names *names, const struct addr *addr,
		  void (*found)(void *arg, const char *name, const char *reason), void *arg,
		  struct names_lookup **out);
/* Ends the lookup without calling `found`. NULL is allowed. */
void names_cancel(struct names_lookup *lookup);

/*
 * A number that changes whenever hosts(5), resolv.conf(5) or nsswitch.conf(5) changes.
 */
uint64_t names_files(void);

#endif
