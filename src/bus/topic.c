/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/topic.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/siphash.h"

#define TOPIC_PREFIX_MAX 200

static const char topic_digits[] = "0123456789ABCDEF";

static bool
topic_plain(char c)
{
	return c && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~:", c);
}

const char *
topic_prefix_fault(const char *prefix)
{
	size_t n = strlen(prefix);

	if (n == 0)
		return "is empty";
	if (n > TOPIC_PREFIX_MAX)
		return "is longer than 200 bytes";
	if (prefix[0] == '/' || prefix[n - 1] == '/' || strstr(prefix, "//"))
		return "has an empty level";
	for (const char *p = prefix; *p; p++)
		if (*p != '/' && !topic_plain(*p))
			return "has a character other than letters, digits, \"-_~:\" and \"/\"";
	return NULL;
}

/* Appends the encoded name. Returns whether it fits. */
static bool
topic_encode(char *out, size_t size, const char *name)
{
	size_t n = 0;

	for (; *name; name++) {
		if (size - n < 4)
			return false;
		if (topic_plain(*name)) {
			out[n++] = *name;
			continue;
		}
		out[n++] = '%';
		out[n++] = topic_digits[(unsigned char)*name >> 4];
		out[n++] = topic_digits[(unsigned char)*name & 15];
	}
	out[n] = '\0';
	return true;
}

int
topic_make(char *out, size_t size, const char *prefix, const char *kind, const char *name)
{
	int n = snprintf(out, size, "%s/" TOPIC_VERSION "/%s/%s", prefix, kind, name ? "" : "+");

	if (n >= 0 && (size_t)n < size &&
	    (!name || (name[0] && topic_encode(out + n, size - (size_t)n, name))))
		return 0;
	out[0] = '\0';
	return name && !name[0] ? -EINVAL : -ENAMETOOLONG;
}

/* Decodes one character. Returns what stands behind it, or NULL. */
static const char *
topic_decode(const char *text, char *out)
{
	const char *high, *low;

	if (topic_plain(*text)) {
		*out = *text;
		return text + 1;
	}
	if (text[0] != '%' || !text[1] || !text[2])
		return NULL;
	high = strchr(topic_digits, text[1]);
	low = strchr(topic_digits, text[2]);
	if (!high || !low)
		return NULL;
	*out = (char)((high - topic_digits) << 4 | (low - topic_digits));
	return *out && !topic_plain(*out) ? text + 3 : NULL;
}

/* What stands behind `text` at the beginning of the topic, or NULL. */
static const char *
topic_behind(const char *topic, const char *text)
{
	size_t n = strlen(text);

	return topic && strncmp(topic, text, n) == 0 ? topic + n : NULL;
}

int
topic_name(const char *topic, const char *prefix, const char *kind, char *name, size_t size)
{
	const char *p = topic_behind(topic_behind(topic, prefix), "/" TOPIC_VERSION "/");
	size_t n = 0;

	name[0] = '\0';
	p = topic_behind(topic_behind(p, kind), "/");
	if (!p)
		return -ENOENT;
	do {
		if (n + 1 >= size) {
			name[0] = '\0';
			return -ENAMETOOLONG;
		}
		p = topic_decode(p, &name[n++]);
	} while (p && *p);
	name[p ? n : 0] = '\0';
	return p ? 0 : -EINVAL;
}

unsigned int
topic_shard(const char *tor)
{
	static const uint8_t key[SIPHASH_KEY];

	return (unsigned int)(siphash(key, tor, strlen(tor)) % TOPIC_SHARDS);
}

int
topic_make_shard(char *out, size_t size, const char *prefix, const char *kind, const char *tor,
		 const char *name)
{
	char level[64];
	int n = name ? snprintf(level, sizeof(level), "%s/%u", kind, topic_shard(tor)) :
		       snprintf(level, sizeof(level), "%s/+", kind);

	if (n >= 0 && (size_t)n < sizeof(level))
		return topic_make(out, size, prefix, level, name);
	out[0] = '\0';
	return -ENAMETOOLONG;
}

int
topic_shard_name(const char *topic, struct topic_shard *of, char *name, size_t size)
{
	const char *p = topic_behind(topic_behind(topic, of->prefix), "/" TOPIC_VERSION "/");
	char level[64];
	unsigned int shard = 0;

	name[0] = '\0';
	p = topic_behind(topic_behind(p, of->kind), "/");
	if (!p)
		return -ENOENT;
	for (; *p >= '0' && *p <= '9' && shard < TOPIC_SHARDS; p++)
		shard = shard * 10 + (unsigned int)(*p - '0');
	snprintf(level, sizeof(level), "%s/%u", of->kind, shard);
	if (*p != '/' || shard >= TOPIC_SHARDS || topic_name(topic, of->prefix, level, name, size))
		return -EINVAL;
	of->shard = shard;
	return 0;
}
