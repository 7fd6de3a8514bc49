/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics of the cluster: PREFIX/1/KIND/NAME, for example rpingmesh/1/host/node1%2Eexample. NAME is
 * percent-encoded (RFC 3986): letters, digits and "-_~:" stand for themselves, every other byte
 * for its "%XX". So a name of any bytes fits into one level of a topic. MQTT refuses or interprets
 * "/", "+", "#", a leading "$", control characters and what is no UTF-8 (MQTT 3.1.1, sections 1.5.3
 * and 4.7); NATS also refuses "." and space. A name has exactly one encoding.
 */
#ifndef RPINGMESH_BUS_TOPIC_H
#define RPINGMESH_BUS_TOPIC_H

#include <stddef.h>

#define TOPIC_SIZE 1024 /* of the longest topic, with its '\0' */
#define TOPIC_VERSION "1"

/*
 * Checks a prefix: levels like "site/rpingmesh", without characters that a topic encodes, 200 bytes
 * at most. Returns NULL, or what is wrong with it.
 */
const char *topic_prefix_fault(const char *prefix);

/*
 * Writes the topic of a name. `name` may be NULL, for the filter of all names ("+"). `kind` may
 * have levels of its own ("report/7"). Returns 0, -EINVAL if the name is empty, or -ENAMETOOLONG;
 * then out is empty.
 */
int topic_make(char *out, size_t size, const char *prefix, const char *kind, const char *name);

/*
 * Decodes the name of a topic that topic_make() has written with this prefix and kind. Returns 0,
 * -ENOENT if it is another kind of topic, -EINVAL if the name is not encoded as described above or
 * contains a '\0', or -ENAMETOOLONG; then name is empty. The topic may contain any bytes.
 */
int topic_name(const char *topic, const char *prefix, const char *kind, char *name, size_t size);

/*
 * The shard of a switch, 0 to TOPIC_SHARDS - 1: what hosts send often has it as a level of its
 * topic ("report/17"), so that several readers can share the work. It is SipHash-2-4 of the name,
 * with a key of 16 zero bytes, modulo TOPIC_SHARDS; "" if the host does not know its switch.
 */
#define TOPIC_SHARDS 64u
unsigned int topic_shard(const char *tor);

/* topic_make() of the topic PREFIX/1/KIND/SHARD/NAME. If name is NULL, all shards and names. */
int topic_make_shard(char *out, size_t size, const char *prefix, const char *kind,
		     const char *tor, const char *name);

/* topic_name() of such a topic; any shard is right, and sets of->shard. */
struct topic_shard {
	const char *prefix, *kind;
	unsigned int shard;
};
int topic_shard_name(const char *topic, struct topic_shard *of, char *name, size_t size);

#endif
