/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names to addresses without blocking: getaddrinfo(3), which asks whatever this host is set up
 * to ask (nsswitch.conf(5), hosts(5), resolv.conf(5)) and sees it when that has changed, in worker
 * threads that the loop never waits for. The only threads of a program.
 */
#ifndef RPINGMESH_CORE_NAMES_H
#define RPINGMESH_CORE_NAMES_H

#include "core/addr.h"

struct loop;
struct names;
struct names_lookup;

/*
 * 0 and *out, or -errno. Threads begin with the first lookup and end when there is nothing to do.
 */
int names_new(struct loop *loop, struct names **out);
/* Lookups must have ended or been cancelled. Does not wait for threads. NULL is allowed. */
void names_free(struct names *names);

/*
 * Looks up a name, of its addresses the first IPv4 one, else the first. `found` is called once:
 * from within for a numeric address, from the loop otherwise; addr is NULL on failure, with the
 * reason, a static string. *out is for names_cancel(); NULL when it has ended already. 0, or
 * -errno: no memory, no thread.
 */
int names_find(struct names *names, const char *name,
	       void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
	       struct names_lookup **out);
/* `found` will not be called. NULL is allowed. */
void names_cancel(struct names_lookup *lookup);

#endif
