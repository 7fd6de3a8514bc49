/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE (LOG_TEXT + 128)
static_assert(LOG_LINE <= PIPE_BUF, "a pipe takes a line at once");

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};
static const int level_syslog[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
static_assert(sizeof(level_syslog) / sizeof(level_syslog[0]) == LOG_LEVEL_N,
	      "a priority for each level");

static struct {
	enum log_target target;
	bool journal;
	bool set;
	const char *const *names;
	unsigned int n_names;
	uint64_t dropped, dropped_told;
	enum log_level levels[LOG_SUBSYSTEMS];
} log_state;

void
log_init(const char *const *names, unsigned int n)
{
	assert(n <= LOG_SUBSYSTEMS);
	log_state.names = names;
	log_state.n_names = n;
}


void
log_setup(enum log_target target, enum log_level level)
{
	if (log_state.set && log_state.target == LOG_TARGET_SYSLOG && target != LOG_TARGET_SYSLOG)
		closelog();
	if (target == LOG_TARGET_SYSLOG)
		openlog(NULL, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	log_state.target = target;
	log_state.journal = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO);
	for (int i = 0; i < LOG_SUBSYSTEMS; i++)
		log_state.levels[i] = level;
	log_state.set = true;
}

void
log_set_level(unsigned int sub, enum log_level level)
{
	if (!log_state.set)
		log_setup(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	log_state.levels[sub] = level;
}

enum log_level
log_get_level(unsigned int sub)
{
	return log_state.set ? log_state.levels[sub] : LOG_LEVEL_INFO;
}

bool
log_enabled(unsigned int sub, enum log_level level)
{
	return level <= log_get_level(sub);
}

static void
log_clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 &&
			 c[1] < 0xa0) /* U+0080 to U+009F are control characters, too */
			c[0] = c[1] = '?';
	}
}

/* "device: ", or "" before log_init(). */
static const char *
log_prefix(unsigned int sub, char text[64])
{
	const char *name = log_subsystem_name(sub);

	snprintf(text, 64, "%s%s", name ? name : "", name ? ": " : "");
	return text;
}

/* Makes the line, with its '\n', and returns its length. */
static int
log_format(unsigned int sub, enum log_level level, const char *text, char line[LOG_LINE])
{
	struct timespec now;
	struct tm tm;
	char stamp[32], prefix[64];

	if (log_state.journal)
		return snprintf(line, LOG_LINE, "<%d>%s%s\n", level_syslog[level],
				log_prefix(sub, prefix), text);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	return snprintf(line, LOG_LINE, "%s.%03ldZ %-7s %s%s\n", stamp, now.tv_nsec / 1000000,
			log_level_names[level], log_prefix(sub, prefix), text);
}

/*
 * All processes with our stderr share its flags, so it stays blocking. If poll(2) reports that it
 * can be written, a pipe accepts PIPE_BUF bytes at once, and a terminal or a socket accepts a line.
 */
static bool
log_line_written(const char *line, int len)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&fd, 1, 0) == 0)
		return false;
	/* A line that cannot be written (the disk is full, the reader has gone) is lost. */
	(void)!write(STDERR_FILENO, line, (size_t)len);
	return true;
}

static void
log_to_stderr(unsigned int sub, enum log_level level, const char *text)
{
	uint64_t missing = log_state.dropped - log_state.dropped_told;
	char line[LOG_LINE], told[96];

	if (missing) {
		snprintf(told, sizeof(told),
			 "%llu lines of the log are missing here: nobody read stderr",
			 (unsigned long long)missing);
		if (log_line_written(line, log_format(sub, LOG_LEVEL_WARNING, told, line)))
			log_state.dropped_told = log_state.dropped;
	}
	if (!log_line_written(line, log_format(sub, level, text, line)))
		log_state.dropped++;
}

void
log_write(unsigned int sub, enum log_level level, const char *fmt, ...)
{
	char text[LOG_TEXT], prefix[64];
	va_list ap;
	int saved = errno;

	if (!log_enabled(sub, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_clean(text);
	if (log_state.target == LOG_TARGET_SYSLOG)
		syslog(level_syslog[level], "%s%s", log_prefix(sub, prefix), text);
	else
		log_to_stderr(sub, level, text);
	errno = saved;
}

uint64_t
log_dropped(void)
{
	return log_state.dropped;
}

const char *
log_level_name(enum log_level level)
{
	return level < LOG_LEVEL_N ? log_level_names[level] : NULL;
}

const char *
log_subsystem_name(unsigned int sub)
{
	return sub < log_state.n_names ? log_state.names[sub] : NULL;
}

static int
log_find(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -EINVAL;
}

int
log_level_parse(const char *name, enum log_level *out)
{
	int i = log_find(log_level_names, LOG_LEVEL_N, name);

	if (i < 0)
		return i;
	*out = (enum log_level)i;
	return 0;
}

int
log_subsystem_parse(const char *name, unsigned int *out)
{
	int i = log_find(log_state.names, (int)log_state.n_names, name);

	if (i < 0)
		return i;
	*out = (unsigned int)i;
	return 0;
}
