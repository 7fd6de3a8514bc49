/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: log_limit
 *
 * Limits are static objects of the places that use them. From its first use on, a limit is in a
 * list, so that log_limit_tick() finds those with a count. A count contains the last line that was
 * not written.
 */
#include "core/log_limit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct log_limit *log_limit_first;

static bool
log_limit_is_over(const struct log_limit *limit, uint64_t now_ns)
{
	return now_ns - limit->since_ns >= LOG_LIMIT_NS;
}

static void
log_limit_say(const struct log_limit *limit)
{
	uint64_t ns = limit->last_ns - limit->since_ns;

	if (limit->held > 1)
		log_write(limit->sub, limit->level, "%.960s (and %llu more such lines in %llu s)",
			  limit->text, (unsigned long long)limit->held - 1,
			  (unsigned long long)((ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC));
	else if (limit->held == 1)
		log_write(limit->sub, limit->level, "%s", limit->text);
}

/* The line about the last period counts as the first line of the new one. */
static void
log_limit_begin(struct log_limit *limit, uint64_t now_ns)
{
	log_limit_say(limit);
	limit->since_ns = now_ns;
	limit->written = limit->held > 0;
	limit->held = 0;
}

static void
log_limit_list(struct log_limit *limit)
{
	if (limit->listed)
		return;
	limit->listed = true;
	limit->next = log_limit_first;
	log_limit_first = limit;
}

void
log_limited(struct log_limit *limit, uint64_t now_ns, unsigned int sub, enum log_level level,
	    const char *fmt, ...)
{
	char text[LOG_TEXT];
	va_list ap;

	if (!log_enabled(sub, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!limit->listed || log_limit_is_over(limit, now_ns))
		log_limit_begin(limit, now_ns);
	log_limit_list(limit);
	if (limit->written < limit->lines) {
		limit->written++;
		log_write(sub, level, "%s", text);
		return;
	}
	limit->held++;
	limit->last_ns = now_ns;
	limit->sub = sub;
	limit->level = level;
	memcpy(limit->text, text, sizeof(text));
}

void
log_limit_tick(uint64_t now_ns)
{
	for (struct log_limit *limit = log_limit_first; limit; limit = limit->next)
		if (limit->held > 0 && log_limit_is_over(limit, now_ns))
			log_limit_begin(limit, now_ns);
}
