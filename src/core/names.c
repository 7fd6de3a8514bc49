/* SPDX-License-Identifier: Apache-2.0 */
#include "core/names.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/loop.h"

struct names {
	struct loop *loop;
	struct evdns_base *dns; /* NULL until a name is looked up */
	unsigned int n_lookups; /* that evdns has not called back for */
};

/* Freed by evdns's callback, which comes also for a cancelled request, later. */
struct names_lookup {
	struct names *names;
	void (*found)(void *arg, const struct addr *addr, const char *reason);
	void *arg;
	struct evdns_getaddrinfo_request *request;
	bool starting, ended;
};

int
names_new(struct loop *loop, struct names **out)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->loop = loop;
	*out = names;
	return 0;
}

void
names_free(struct names *names)
{
	if (!names)
		return;
	if (names->dns) {
		/*
		 * evdns calls back later even for what is cancelled, once for A and once for AAAA;
		 * that would leak, or come after its base is freed. What it does for itself (it
		 * probes name servers that have failed) must go without callbacks then.
		 */
		for (unsigned int turns = 16 + 4 * names->n_lookups; turns; turns--)
			event_base_loop(loop_base(names->loop), EVLOOP_NONBLOCK);
		evdns_base_free(names->dns, 0);
	}
	free(names);
}

/* Without a usable resolv.conf /etc/hosts still counts. */
static int
names_start(struct names *names)
{
	if (names->dns)
		return 0;
	names->dns = evdns_base_new(loop_base(names->loop), EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!names->dns)
		return -ENOMEM;
	evdns_base_load_hosts(names->dns, "/etc/hosts");
	evdns_base_resolv_conf_parse(names->dns,
				     DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC,
				     "/etc/resolv.conf");
	return 0;
}

static void
names_answered(int result, struct evutil_addrinfo *list, void *arg)
{
	struct names_lookup *lookup = arg;
	const struct evutil_addrinfo *best = NULL;
	struct addr addr;

	for (const struct evutil_addrinfo *ai = list; ai; ai = ai->ai_next)
		if (!best || (best->ai_family != AF_INET && ai->ai_family == AF_INET))
			best = ai;
	if (lookup->found) {
		if (best && addr_from_sockaddr(best->ai_addr, &addr) == 0)
			lookup->found(lookup->arg, &addr, NULL);
		else
			lookup->found(lookup->arg, NULL,
				      result ? evutil_gai_strerror(result) : "name has no address");
	}
	if (list)
		evutil_freeaddrinfo(list);
	lookup->names->n_lookups--;
	if (lookup->starting)
		lookup->ended = true;
	else
		free(lookup);
}

int
names_find(struct names *names, const char *name,
	   void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
	   struct names_lookup **out)
{
	struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	struct names_lookup *lookup;
	struct addr addr;

	*out = NULL;
	if (addr_parse(name, &addr) == 0) {
		found(arg, &addr, NULL);
		return 0;
	}
	lookup = calloc(1, sizeof(*lookup));
	if (!lookup || names_start(names) < 0) {
		free(lookup);
		return -ENOMEM;
	}
	lookup->names = names;
	lookup->found = found;
	lookup->arg = arg;
	names->n_lookups++;
	lookup->starting = true;
	lookup->request = evdns_getaddrinfo(names->dns, name, NULL, &hints, names_answered, lookup);
	lookup->starting = false;
	if (lookup->ended)
		free(lookup);
	else
		*out = lookup;
	return 0;
}

void
names_cancel(struct names_lookup *lookup)
{
	if (!lookup)
		return;
	lookup->found = NULL;
	evdns_getaddrinfo_cancel(lookup->request);
}
