/* SPDX-License-Identifier: Apache-2.0 */
/* Names of addresses by DNS: which are due, and what is taken of the answers. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "central/roads/roads_impl.h"

#define ROADS_DNS_S 3600u      /* a name, or that there is none, holds so long */
#define ROADS_DNS_LATER_S 300u /* what no server has answered is asked for again after this */
#define ROADS_DNS_LOOK 10000u  /* addresses that one call looks at, 1 ms */

static bool
roads_dns_is_due(const struct roads *r, const struct roads_node *n)
{
	if (!n->steps || (n->sw && n->by > ROADS_BY_DNS))
		return false;
	return n->dns_round != r->dns_round || (int32_t)(r->now_s - n->dns_due_s) >= 0;
}

bool
roads_next_unnamed(struct roads *r, struct addr *out)
{
	for (uint32_t i = 0; i < ROADS_DNS_LOOK; i++) {
		struct roads_node *n;

		r->dns_cursor = roads_pool_after(&r->nodes, r->dns_cursor);
		if (!r->dns_cursor)
			return false;
		n = roads_node_at(r, r->dns_cursor);
		if (!roads_dns_is_due(r, n))
			continue;
		n->dns_round = r->dns_round;
		n->dns_due_s = r->now_s + ROADS_DNS_S;
		*out = n->key;
		return true;
	}
	return false;
}

void
roads_dns_later(struct roads *r, const struct addr *a)
{
	uint32_t node = roads_pool_find(&r->nodes, a);

	if (node)
		roads_node_at(r, node)->dns_due_s = r->now_s + ROADS_DNS_LATER_S;
}

void
roads_dns_again(struct roads *r)
{
	r->dns_round = (uint8_t)(r->dns_round % UINT8_MAX + 1);
}

/* Host names (RFC 1123), and the underscore that many use. */
static bool
roads_dns_is_name(const char *name)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.";
	size_t len = strlen(name);

	return len > 0 && len < ROADS_NAME && strspn(name, bytes) == len;
}

/* The name with one more reference. Case does not count (RFC 4343). */
static int
roads_dns_get(struct roads *r, const struct roads_node *n, const char *name, uint32_t *out)
{
	struct roads_name *known;
	char lower[ROADS_NAME];

	if (!roads_dns_is_name(name))
		return -EINVAL;
	for (size_t i = 0; i <= strlen(name); i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	*out = roads_name_get(r, lower);
	if (!*out)
		return -ENOMEM;
	known = roads_name_at(r, *out);
	if (n->dns == *out || known->by[ROADS_BY_DNS] < ROADS_DNS_ADDRESSES)
		return 0;
	roads_name_put(r, *out);
	*out = 0;
	return -ENOSPC;
}

int
roads_name_dns(struct roads *r, const struct addr *a, const char *name)
{
	uint32_t node = roads_pool_find(&r->nodes, a), id = 0;
	struct roads_node *n;
	int rc, rc_name;

	if (!node)
		return 0;
	n = roads_node_at(r, node);
	rc = name ? roads_dns_get(r, n, name, &id) : 0;
	if (id == n->dns) {
		roads_name_put(r, id);
		return rc;
	}
	roads_name_put(r, n->dns);
	n->dns = id;
	rc_name = roads_name_node(r, node);
	return rc < 0 ? rc : rc_name;
}
