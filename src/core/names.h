/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names to addresses without blocking: /etc/hosts and DNS, by libevent's resolver (evdns). NSS
 * modules (nsswitch.conf(5)) are not asked, since getaddrinfo(3) would block.
 */
#ifndef RPINGMESH_CORE_NAMES_H
#define RPINGMESH_CORE_NAMES_H

#include "core/addr.h"

struct loop;
struct names;
struct names_lookup;

/* Files are read at the first lookup of a name. 0 and *out, or -ENOMEM. */
int names_new(struct loop *loop, struct names **out);
/*
 * Lookups must have ended or been cancelled. What evdns has still to say to cancelled ones is heard
 * now: nothing else may be on the loop that must not run. NULL is allowed.
 */
void names_free(struct names *names);

/*
 * Looks up a name, IPv4 first. `found` is called once: from within for a numeric address, from the
 * loop otherwise; addr is NULL on failure, with the reason. *out is for names_cancel(); NULL when
 * it has ended already. 0, or -ENOMEM.
 */
int names_find(struct names *names, const char *name,
	       void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
	       struct names_lookup **out);
/* `found` will not be called. NULL is allowed. */
void names_cancel(struct names_lookup *lookup);

#endif
