/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/named.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "agent/peer/service.h"
#include "core/addr.h"
#include "serve/rpc.h"

#define NAMED_SHOWN 6 /* addresses that an error names */

enum named_how {
	NAMED_EXACTLY, /* as it is configured or asked for */
	NAMED_OTHERWISE,
	NAMED_HOST,    /* by the host in HOST/DEVICE, for an error */
};

struct named_search {
	const struct peers *peers;
	const char *name, *device;
	char host[254];          /* of HOST/DEVICE; "": the name is none */
	const char *its_device;
	struct addr addr;
	bool numeric;
	enum named_how how;
	bool several;            /* addresses */
	char shown[NAMED_SHOWN * (ADDR_TEXT + 140)]; /* those that were found */
	size_t n_shown, at;
	struct addr last[NAMED_SHOWN];
};

static bool
named_is_host(const struct peer_info *peer, const char *host)
{
	return strcasecmp(peer->address, host) == 0 ||
	       (peer->hostname && strcasecmp(peer->hostname, host) == 0) ||
	       (peer->listed && strcasecmp(peer->listed->host, host) == 0);
}

static bool
named_matches(const struct named_search *s, const struct peer_info *peer)
{
	const char *from = peer->nic ? nic_name(peer->nic) : peer->device;

	if (s->device && (!from || strcmp(from, s->device) != 0))
		return false;
	if (s->how == NAMED_EXACTLY)
		return strcasecmp(peer->address, s->name) == 0;
	if (s->how == NAMED_HOST)
		return named_is_host(peer, s->host);
	if (s->host[0])
		return named_is_host(peer, s->host) && peer->listed &&
		       strcmp(peer->listed->device, s->its_device) == 0;
	return named_is_host(peer, s->name) ||
	       (s->numeric && peer->remote && addr_equal(peer->remote, &s->addr));
}

/* Adds "10.0.0.1 (gpu-7/mlx5_0)" to what was found, if the address is new. */
static void
named_show(struct named_search *s, const struct peer_info *peer)
{
	char text[ADDR_TEXT];

	if (!peer->remote)
		return;
	for (size_t i = 0; i < s->n_shown; i++)
		if (addr_equal(peer->remote, &s->last[i]))
			return;
	s->several = s->n_shown > 0;
	if (s->n_shown == NAMED_SHOWN)
		return;
	s->at += (size_t)snprintf(s->shown + s->at, sizeof(s->shown) - s->at, "%s%s",
				  s->n_shown ? ", " : "", addr_text(peer->remote, text));
	if (peer->listed)
		s->at += (size_t)snprintf(s->shown + s->at, sizeof(s->shown) - s->at, " (%s/%s)",
					  peer->listed->host, peer->listed->device);
	s->last[s->n_shown++] = *peer->remote;
}

static void
named_search(struct named_search *s, enum named_how how, struct named *out)
{
	int rank = -1, its;

	s->how = how;
	for (struct peer *p = NULL; (p = peers_next(s->peers, p));) {
		struct peer_info info;

		peer_info(p, &info);
		if (!named_matches(s, &info))
			continue;
		named_show(s, &info);
		out->matches++;
		its = 2 * peer_is_up(p) + info.configured;
		if (its <= rank)
			continue;
		rank = its;
		out->peer = p;
	}
}

static void
named_parse(struct named_search *s)
{
	const char *slash = strrchr(s->name, '/');

	s->numeric = addr_parse(s->name, &s->addr) == 0;
	if (!slash || slash == s->name || (size_t)(slash - s->name) >= sizeof(s->host))
		return;
	memcpy(s->host, s->name, (size_t)(slash - s->name));
	s->its_device = slash + 1;
}

/* There is none. Names the peers of that host, if it is known. */
static int
named_missing(struct named_search *s, struct control_error *error)
{
	struct named host = {.matches = 0};

	if (s->host[0])
		named_search(s, NAMED_HOST, &host);
	error->code = ENOENT;
	if (s->n_shown)
		snprintf(error->message, sizeof(error->message),
			 "no peer is known as \"%.100s\"; peers of that host are %.340s", s->name,
			 s->shown);
	else if (s->device)
		snprintf(error->message, sizeof(error->message),
			 "no peer \"%.160s\" is probed from a device \"%.63s\"", s->name,
			 s->device);
	else
		snprintf(error->message, sizeof(error->message), "there is no peer \"%.200s\"",
			 s->name);
	return -ENOENT;
}

int
named_find(const struct peers *peers, const char *name, const char *device, struct named *out,
	   struct control_error *error)
{
	struct named_search s = {.peers = peers, .name = name, .device = device};

	*out = (struct named){.matches = 0};
	named_parse(&s);
	named_search(&s, NAMED_EXACTLY, out);
	if (!out->peer)
		named_search(&s, NAMED_OTHERWISE, out);
	if (!out->peer)
		return named_missing(&s, error);
	if (!s.several)
		return 0;
	error->code = ENOTUNIQ;
	snprintf(error->message, sizeof(error->message),
		 "\"%.100s\" has several addresses; name one of them: %.340s", name, s.shown);
	return -ENOTUNIQ;
}

const struct flow *
named_flow(const struct services *services, const char *what)
{
	const struct flows *flows = services_flows(services);
	const char *digits = strncmp(what, "flow:", 5) == 0 ? what + 5 : what;
	unsigned long long id =
		digits[0] >= '1' && digits[0] <= '9' ? strtoull(digits, NULL, 10) : 0;
	const struct flow *flow;
	struct flow_info info;

	if (!flows || id == 0 || strspn(digits, "0123456789") != strlen(digits))
		return NULL;
	flow = flows_next(flows, id - 1);
	if (flow)
		flow_info(flow, &info);
	return flow && info.id == id ? flow : NULL;
}
