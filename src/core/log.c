/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};
static const int level_syslog[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
static const char *const subsystem_names[] = {
	"main", "config", "device", "cm", "peer", "responder", "trace", "control",
};
static_assert(sizeof(level_syslog) / sizeof(level_syslog[0]) == LOG_LEVEL_N,
	      "a priority for each level");
static_assert(sizeof(subsystem_names) / sizeof(subsystem_names[0]) == LOG_SUB_N,
	      "a name for each subsystem");

static struct {
	enum log_target target;
	bool journal;
	bool set;
	enum log_level levels[LOG_SUB_N];
} log_state;

void
log_setup(enum log_target target, enum log_level level)
{
	if (log_state.set && log_state.target == LOG_TARGET_SYSLOG && target != LOG_TARGET_SYSLOG)
		closelog();
	if (target == LOG_TARGET_SYSLOG)
		openlog(NULL, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	log_state.target = target;
	log_state.journal = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO);
	for (int i = 0; i < LOG_SUB_N; i++)
		log_state.levels[i] = level;
	log_state.set = true;
}

void
log_set_level(enum log_subsystem sub, enum log_level level)
{
	if (!log_state.set)
		log_setup(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	log_state.levels[sub] = level;
}

enum log_level
log_get_level(enum log_subsystem sub)
{
	return log_state.set ? log_state.levels[sub] : LOG_LEVEL_INFO;
}

bool
log_enabled(enum log_subsystem sub, enum log_level level)
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
			 c[1] < 0xa0) /* U+0080 to U+009F: control, too */
			c[0] = c[1] = '?';
	}
}

static void
log_to_stderr(enum log_subsystem sub, enum log_level level, const char *text)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	if (log_state.journal) {
		fprintf(stderr, "<%d>%s: %s\n", level_syslog[level], subsystem_names[sub], text);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(stderr, "%s.%03ld %-7s %s: %s\n", stamp, now.tv_nsec / 1000000,
		log_level_names[level], subsystem_names[sub], text);
}

void
log_write(enum log_subsystem sub, enum log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int saved = errno;

	if (!log_enabled(sub, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_clean(text);
	if (log_state.target == LOG_TARGET_SYSLOG)
		syslog(level_syslog[level], "%s: %s", subsystem_names[sub], text);
	else
		log_to_stderr(sub, level, text);
	errno = saved;
}

const char *
log_level_name(enum log_level level)
{
	return level < LOG_LEVEL_N ? log_level_names[level] : NULL;
}

const char *
log_subsystem_name(enum log_subsystem sub)
{
	return sub < LOG_SUB_N ? subsystem_names[sub] : NULL;
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
log_subsystem_parse(const char *name, enum log_subsystem *out)
{
	int i = log_find(subsystem_names, LOG_SUB_N, name);

	if (i < 0)
		return i;
	*out = (enum log_subsystem)i;
	return 0;
}
