/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits the lines of the log that others can cause: another host, a client, a name server. Each
 * place in the code that writes such a line has a limit, a number of lines in LOG_LIMIT_NS. Further
 * lines are only counted: "… (and 6282 more such lines in 58 s)". Not thread-safe, like log.h.
 */
#ifndef RPINGMESH_CORE_LOG_LIMIT_H
#define RPINGMESH_CORE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/log.h"

#define LOG_LIMIT_NS (60 * NSEC_PER_SEC)

/* Static and all zero, except for `lines`: so many are written in LOG_LIMIT_NS. */
struct log_limit {
	uint32_t lines;
	uint32_t written;
	uint64_t held;            /* not written since since_ns */
	uint64_t since_ns;
	uint64_t last_ns;         /* of the last line that was held; so are these three */
	unsigned int sub;
	enum log_level level;
	char text[LOG_TEXT];
	bool listed;
	struct log_limit *next;   /* of those that have been used */
};

/* Calls log_write(), unless the limit is reached. */
void log_limited(struct log_limit *limit, uint64_t now_ns, unsigned int sub, enum log_level level,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Limits this place in the code to `lines_`, a constant, in LOG_LIMIT_NS. */
#define log_some(lines_, sub, level, ...) \
	do { \
		static struct log_limit log_some_limit = {.lines = (lines_)}; \
		log_limited(&log_some_limit, clock_mono_ns(), LOG_SUB_##sub, LOG_LEVEL_##level, \
			    __VA_ARGS__); \
	} while (0)

/*
 * Writes the counts of all limits whose time is over; UINT64_MAX: of all limits. Call it about once
 * in LOG_LIMIT_NS, because a limit that is not used does not notice that its time is over.
 */
void log_limit_tick(uint64_t now_ns);

#endif
