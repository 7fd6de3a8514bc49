/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines for the operator: a level, a subsystem, one line of text. Lines go to stderr, with
 * systemd's <N> priority prefix if stderr is the journal (sd-daemon(3)), or to syslog(3). The log
 * is the only process-wide object, because every room writes to it. No log function fails.
 */
#ifndef RPINGMESH_CORE_LOG_H
#define RPINGMESH_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_N
};

#define LOG_TEXT 1024     /* the longest line, without time, level and subsystem */
#define LOG_SUBSYSTEMS 32 /* the most that a program may have */

enum log_target {
	LOG_TARGET_STDERR,
	LOG_TARGET_SYSLOG,
};

/*
 * Sets the names of the program's subsystems: n names, LOG_SUBSYSTEMS at most; the array must
 * remain. The numbers of the subsystems are those of an enum LOG_SUB_NAME of the program
 * (include/rpingmesh/log_subsystems.h). Before this call, lines contain no subsystem.
 */
void log_init(const char *const *names, unsigned int n);

/*
 * Sets the target of the lines and the level from which on they are written. syslog(3) gets the
 * program's own name. Before the first call, the target is stderr and the level is info.
 */
void log_setup(enum log_target target, enum log_level level);

/* Sets the level of one subsystem. It replaces the general level until the next log_setup(). */
void log_set_level(unsigned int sub, enum log_level level);

enum log_level log_get_level(unsigned int sub);

bool log_enabled(unsigned int sub, enum log_level level);

/*
 * Writes one line. If stderr is a pipe, socket or terminal that is not read, the line is dropped;
 * the number of dropped lines is written before the next line. Blocks while a file or syslog(3)
 * blocks. Control characters become '?', so that a host name from the network cannot send them to a
 * terminal. If others can cause a line, use log_some() of log_limit.h.
 */
void log_write(unsigned int sub, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(sub, ...) log_write(LOG_SUB_##sub, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(sub, ...) log_write(LOG_SUB_##sub, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(sub, ...) log_write(LOG_SUB_##sub, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(sub, ...) \
	do { \
		if (log_enabled(LOG_SUB_##sub, LOG_LEVEL_DEBUG)) \
			log_write(LOG_SUB_##sub, LOG_LEVEL_DEBUG, __VA_ARGS__); \
	} while (0)

/* The number of dropped lines since the start. */
uint64_t log_dropped(void);

/* The names of the levels in the configuration, ended by NULL. */
extern const char *const log_level_names[LOG_LEVEL_N + 1];

/* These return NULL if the value is out of range. */
const char *log_level_name(enum log_level level);
const char *log_subsystem_name(unsigned int sub);

/* These set *out and return 0, or -EINVAL if the name is unknown. */
int log_level_parse(const char *name, enum log_level *out);
int log_subsystem_parse(const char *name, unsigned int *out);

#endif
