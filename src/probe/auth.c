/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/auth.h"

#include <string.h>

#include "core/keys.h"
#include "core/siphash.h"
#include "rpingmesh/probe_wire.h"

_Static_assert(PROBE_WIRE_REQUEST_MAX + PROBE_WIRE_SIGNATURE <= PROBE_WIRE_REQUEST_FULL, "room");
_Static_assert(PROBE_WIRE_REPLY_MAX + PROBE_WIRE_SIGNATURE <= PROBE_WIRE_REPLY_FULL, "room");

static void
auth_hash(const uint8_t *key, const uint8_t *buf, size_t n, uint8_t out[PROBE_WIRE_SIGNATURE])
{
	uint64_t hash = siphash(key, buf, n);

	for (size_t i = 0; i < PROBE_WIRE_SIGNATURE; i++)
		out[i] = (uint8_t)(hash >> 8 * i);
}

/* Puts the signature after the n bytes that it signs. */
static void
auth_put(const struct keys *keys, uint8_t *buf, size_t n)
{
	auth_hash(keys->key[0].bytes, buf, n, buf + n);
}

static bool
auth_is_good(const struct keys *keys, const uint8_t *buf, size_t n)
{
	uint8_t good[PROBE_WIRE_SIGNATURE], differs;
	bool found = false;

	for (size_t i = 0; i < keys->n; i++) {
		auth_hash(keys->key[i].bytes, buf, n, good);
		/* This takes the same time however many bytes are right. */
		differs = 0;
		for (size_t j = 0; j < PROBE_WIRE_SIGNATURE; j++)
			differs |= good[j] ^ buf[n + j];
		found |= !differs;
	}
	return found;
}

/* The number of signed bytes. */
static size_t
auth_size(int type)
{
	return type == PROBE_WIRE_ACK2 ? PROBE_WIRE_SIZE_MIN :
					 PROBE_WIRE_SIZE_MIN - PROBE_WIRE_SIGNATURE;
}

size_t
auth_extra(const struct keys *keys, int type)
{
	return keys && keys->n && type == PROBE_WIRE_ACK2 ? PROBE_WIRE_SIGNATURE : 0;
}

void
auth_sign(const struct keys *keys, uint8_t *buf, size_t len)
{
	size_t n = auth_size(buf[PROBE_WIRE_OFF_TYPE]);

	if (keys && keys->n && len >= n + PROBE_WIRE_SIGNATURE)
		auth_put(keys, buf, n);
}

bool
auth_check(const struct keys *keys, const uint8_t *buf, size_t len)
{
	size_t n = auth_size(buf[PROBE_WIRE_OFF_TYPE]);

	if (!keys || !keys->n)
		return true;
	return len >= n + PROBE_WIRE_SIGNATURE && auth_is_good(keys, buf, n);
}

size_t
auth_sign_private(const struct keys *keys, uint8_t *buf, size_t len, size_t full)
{
	if (!keys || !keys->n || len > full - PROBE_WIRE_SIGNATURE)
		return len;
	memset(buf + len, 0, full - len);
	auth_put(keys, buf, full - PROBE_WIRE_SIGNATURE);
	return full;
}

bool
auth_check_private(const struct keys *keys, const uint8_t *buf, size_t len, size_t full)
{
	if (!keys || !keys->n)
		return true;
	return len >= full && auth_is_good(keys, buf, full - PROBE_WIRE_SIGNATURE);
}
