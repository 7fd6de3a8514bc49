/* SPDX-License-Identifier: Apache-2.0 */
#undef _FORTIFY_SOURCE /* which makes a macro of syslog() */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <stdbool.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "log_capture.h"
#include "rpingmesh/log_subsystems.h"

/*
 * The system's logger, in the place of libc's; __syslog_chk() is what syslog() becomes under
 * _FORTIFY_SOURCE elsewhere.
 */
static char logged[4096];
static int logged_priority;
static bool logger_open;
void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void
openlog(const char *ident, int option, int facility)
{
	assert_null(ident); /* the name of the program */
	assert_int_equal(facility, LOG_DAEMON);
	(void)option;
	logger_open = true;
}

void
closelog(void)
{
	logger_open = false;
}

void
syslog(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(logged, sizeof(logged), format, args);
	va_end(args);
	logged_priority = priority;
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	vsnprintf(logged, sizeof(logged), format, args);
	va_end(args);
	logged_priority = priority;
}

static void
assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" does not match %s", text, pattern);
	regfree(&re);
}

static int
setup(void **state)
{
	static const char *const names[LOG_SUB_N] = LOG_SUBSYSTEM_NAMES;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_init(names, LOG_SUB_N);
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	return 0;
}

static void
test_names(void **state)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	static const char *const subs[] = {"main", "config",	"device", "cm",
					   "peer", "responder", "trace",  "control", "cluster"};
	enum log_level level;
	unsigned int sub;

	(void)state;
	for (int i = 0; i < LOG_LEVEL_N; i++) {
		assert_string_equal(log_level_name((enum log_level)i), levels[i]);
		assert_int_equal(log_level_parse(levels[i], &level), 0);
		assert_int_equal(level, i);
	}
	for (int i = 0; i < LOG_SUB_N; i++) {
		assert_string_equal(log_subsystem_name((unsigned int)i), subs[i]);
		assert_int_equal(log_subsystem_parse(subs[i], &sub), 0);
		assert_int_equal(sub, i);
	}
	assert_null(log_level_name(LOG_LEVEL_N));
	assert_null(log_subsystem_name(LOG_SUB_N));
	level = LOG_LEVEL_DEBUG;
	assert_int_equal(log_level_parse("Error", &level), -EINVAL);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_subsystem_parse("mainx", &sub), -EINVAL);
}

static void
test_line(void **state)
{
	(void)state;
	capture_begin();
	log_warning(PEER, "peer %s: %d lost", "10.0.0.2", 3);
	assert_matches(capture_end(),
		       "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warning "
		       "peer: peer 10\\.0\\.0\\.2: 3 lost\n$");
}

/* Times are UTC, as everywhere else, whatever the host's zone is. */
static void
test_utc(void **state)
{
	time_t before = time(NULL), after;
	char first[32], last[32];
	const char *line;

	(void)state;
	setenv("TZ", "XXX-9", 1);
	tzset();
	capture_begin();
	log_warning(PEER, "x");
	line = capture_end();
	unsetenv("TZ");
	tzset();
	after = time(NULL);
	strftime(first, sizeof(first), "%Y-%m-%dT%H:%M:", gmtime(&before));
	strftime(last, sizeof(last), "%Y-%m-%dT%H:%M:", gmtime(&after));
	assert_true(strncmp(line, first, strlen(first)) == 0 ||
		    strncmp(line, last, strlen(last)) == 0);
}

static void
test_journal(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	capture_begin();
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_DEBUG);
	log_error(MAIN, "a");
	log_warning(CM, "b");
	log_info(TRACE, "c");
	log_debug(CONTROL, "d");
	assert_string_equal(capture_end(), "<3>main: a\n<4>cm: b\n<6>trace: c\n<7>control: d\n");
}

static void
test_levels(void **state)
{
	(void)state;
	for (int at = 0; at < LOG_LEVEL_N; at++) {
		log_setup(LOG_TARGET_STDERR, (enum log_level)at);
		for (int level = 0; level < LOG_LEVEL_N; level++) {
			assert_int_equal(log_enabled(LOG_SUB_CM, (enum log_level)level),
					 level <= at);
			capture_begin();
			log_write(LOG_SUB_CM, (enum log_level)level, "x");
			assert_int_equal(*capture_end() != '\0', level <= at);
		}
	}
}

static void
test_subsystem_level(void **state)
{
	(void)state;
	log_set_level(LOG_SUB_PEER, LOG_LEVEL_DEBUG);
	log_set_level(LOG_SUB_CM, LOG_LEVEL_ERROR);
	assert_true(log_enabled(LOG_SUB_PEER, LOG_LEVEL_DEBUG));
	assert_false(log_enabled(LOG_SUB_CM, LOG_LEVEL_WARNING));
	assert_true(log_enabled(LOG_SUB_DEVICE, LOG_LEVEL_INFO));
	assert_false(log_enabled(LOG_SUB_DEVICE, LOG_LEVEL_DEBUG));
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_WARNING);
	assert_false(log_enabled(LOG_SUB_PEER, LOG_LEVEL_INFO));
}

/*
 * One line per call, and nothing that a terminal would obey, whatever the network put into a name.
 */
static void
test_control_characters(void **state)
{
	const char *text;

	(void)state;
	capture_begin();
	log_info(PEER, "[%s]", "a\nb\r\x1b[31m\x7f\t\xc2\x9b" "31m\xc3\xa4");
	text = capture_end();
	assert_non_null(strstr(text, "[a?b??[31m????31m\xc3\xa4]\n"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void
test_long(void **state)
{
	static char name[5000];
	const char *text;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	capture_begin();
	log_info(MAIN, "%s", name);
	text = capture_end();
	assert_true(strlen(text) > 1000 && strlen(text) < 1100);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void
test_errno_kept(void **state)
{
	(void)state;
	capture_begin();
	close(STDERR_FILENO);
	errno = ENOLINK;
	log_error(MAIN, "nowhere to go");
	assert_int_equal(errno, ENOLINK);
	assert_string_equal(capture_end(), "");
}

static void
test_syslog(void **state)
{
	(void)state;
	log_setup(LOG_TARGET_SYSLOG, LOG_LEVEL_INFO);
	assert_true(logger_open);
	capture_begin();
	log_warning(CONFIG, "100 %% of %s", "it\x1b[2J");
	assert_string_equal(capture_end(), "");
	assert_string_equal(logged, "config: 100 % of it?[2J");
	assert_int_equal(logged_priority, LOG_WARNING);
	log_error(MAIN, "over");
	assert_int_equal(logged_priority, LOG_ERR);
	log_debug(MAIN, "too much");
	assert_string_equal(logged, "main: over");
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	assert_false(logger_open);
}

/*
 * A pipe that nobody reads does not stop the caller; what is missing is said once somebody does.
 * Four pages are the smallest that F_SETPIPE_SZ leaves of which more than one line fits.
 */
static void
test_full_pipe(void **state)
{
	static char text[65536];
	uint64_t before = log_dropped(), dropped;
	int pipe_fd[2], saved = dup(STDERR_FILENO);
	char expected[128];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	fcntl(pipe_fd[1], F_SETPIPE_SZ, 16384);
	dup2(pipe_fd[1], STDERR_FILENO);
	alarm(20); /* ends a test that blocks */
	for (int i = 0; i < 1000; i++)
		log_warning(MAIN, "line %d %s", i, "0123456789012345678901234567890123456789");
	dropped = log_dropped() - before;
	n = read(pipe_fd[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	assert_non_null(strstr(text, "main: line 0 "));
	assert_null(strstr(text, "missing"));
	log_warning(MAIN, "heard");
	n = read(pipe_fd[0], text, sizeof(text) - 1);
	alarm(0);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	assert_true(n > 0);
	text[n] = '\0';
	assert_in_range(dropped, 500, 999);
	snprintf(expected, sizeof(expected),
		 "Z warning main: %llu lines of the log are missing here: nobody read stderr\n",
		 (unsigned long long)dropped);
	assert_non_null(strstr(text, expected));
	assert_non_null(strstr(text, "Z warning main: heard\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_line, setup),
		cmocka_unit_test_setup(test_utc, setup),
		cmocka_unit_test_setup(test_journal, setup),
		cmocka_unit_test_setup(test_syslog, setup),
		cmocka_unit_test_setup(test_levels, setup),
		cmocka_unit_test_setup(test_subsystem_level, setup),
		cmocka_unit_test_setup(test_control_characters, setup),
		cmocka_unit_test_setup(test_long, setup),
		cmocka_unit_test_setup(test_errno_kept, setup),
		cmocka_unit_test_setup(test_full_pipe, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
