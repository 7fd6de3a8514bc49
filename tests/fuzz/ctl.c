/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpingmesh-ctl against a daemon that says anything: each command, as JSON and for people, with
 * what "the daemon" answers taken from the input. connect(2) is wrapped by the linker: it finds a
 * socket on which all of that waits, and behind it the end.
 *
 * The input is a byte for the command, a byte of bits (enum ctl_bit), a byte for the width, then
 * what is received, or the file to replay. Whatever that is: what is printed as JSON is JSON, and
 * nothing is printed that a terminal would obey but what the program means to say itself.
 */
#include <ctype.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/utf8.h"
#include "ctl/cmd/cmd.h"
#include "ctl/ctl.h"
#include "ctl/term/signals.h"
#include "fuzz.h"

enum ctl_bit {
	CTL_JSON = 1,
	CTL_TTY = 2,
	CTL_COLOR = 4,
	CTL_WIDE = 8, /* no width: not told */
	CTL_HEADED = 16, /* a recording has a good header in front */
};

#define CTL_ARGS 8
#define REPLAYED_FD 200
#define REPLAYED "/proc/self/fd/200"

static const char *const commands[][CTL_ARGS] = {
	{"status"}, {"devices"}, {"peers"}, {"targets"}, {"flows"}, {"events"}, {"ping",
	 "10.0.0.2"}, {"watch", "-n", "0.1"},
	{"flows", "--by", "job"}, {"flows", "--qps"}, {"events", "-c", "2"}, {"ping", "-q", "-c",
	 "3", "10.0.0.2"}, {"watch", "-c", "1"},
	{"flows", "--by", "remote", "-p", "4711"}, {"flows", "--by", "process"}, {"windows"},
	{"config", "show"}, {"config", "reload"}, {"log-level"}, {"explain", "x"},
	{"replay", REPLAYED}, {"replay", "-i", REPLAYED},
	{"top", "--once"}, {"top", "-t", "-n", "2", "-d", "0.1", "--sort", "p99"}, {"matrix"},
	 {"matrix", "-m", "loss"}, {"histogram"},
	{"histogram", "-c", "2", "-m", "prober"}, {"windows", "-f", "-s"},
};

static struct fuzz answers;
static int daemon_end = -1;

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_signals_start(void (*restore)(void));
int __wrap_screen_start(void);

int
__wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	int ends[2], room = 1 << 20;
	ssize_t n = 0;

	(void)to;
	(void)len;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (answers.left)
		n = send(ends[1], answers.at, answers.left, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		answers = (struct fuzz){answers.at + n, answers.left - (size_t)n};
	shutdown(ends[1], SHUT_WR);
	FUZZ_CHECK(dup2(ends[0], fd) == fd);
	close(ends[0]);
	if (daemon_end >= 0)
		close(daemon_end);
	daemon_end = ends[1];
	return 0;
}

int
__wrap_signals_start(void (*restore)(void))
{
	(void)restore;
	return 0;
}

/* The terminal is the fuzzer's. */
int
__wrap_screen_start(void)
{
	return -ENOTTY;
}

/* ---- what was printed ---- */

/*
 * The end of an escape sequence of ours: colours, and what a screen is drawn with; NULL: it is
 * none.
 */
static const char *
out_sequence(const char *s)
{
	if (s[1] != '[')
		return NULL;
	for (s += 2; isdigit((unsigned char)*s) || *s == ';' || *s == '?'; s++)
		;
	return strchr("mHJKhl", *s) && *s ? s + 1 : NULL;
}

static void
out_check_text(const char *s, const char *end, bool sequences)
{
	while (s < end) {
		uint32_t code = 0;
		size_t n = utf8_next(s, (size_t)(end - s), &code);

		FUZZ_CHECK(n > 0);
		if (code == 0x1b && sequences) {
			s = out_sequence(s);
			FUZZ_CHECK(s);
			continue;
		}
		FUZZ_CHECK(!utf8_is_control(code) || code == '\n' || (code == '\r' && sequences));
		s += n;
	}
}

static const char *json_value(const char *s, unsigned int depth);

static const char *
json_string(const char *s)
{
	FUZZ_CHECK(*s == '"');
	for (s++; *s != '"'; s++) {
		FUZZ_CHECK((unsigned char)*s >= 0x20);
		if (*s != '\\')
			continue;
		FUZZ_CHECK(*++s && strchr("\"\\/bfnrtu", *s));
		for (int i = 0; *s == 'u' && i < 4; i++)
			FUZZ_CHECK(isxdigit((unsigned char)s[i + 1]));
	}
	return s + 1;
}

/* After the opening bracket: members or elements up to the closing one. */
static const char *
json_inside(const char *s, char close, unsigned int depth)
{
	if (*s == close)
		return s + 1;
	for (;; s++) {
		if (close == '}') {
			s = json_string(s);
			FUZZ_CHECK(*s++ == ':');
		}
		s = json_value(s, depth + 1);
		if (*s == close)
			return s + 1;
		FUZZ_CHECK(*s == ',');
	}
}

static const char *
json_scalar(const char *s)
{
	static const char *const words[] = {"true", "false", "null"};
	char *end;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(s, words[i], strlen(words[i])) == 0)
			return s + strlen(words[i]);
	FUZZ_CHECK(isdigit((unsigned char)s[*s == '-']));
	strtod(s, &end);
	return end;
}

static const char *
json_value(const char *s, unsigned int depth)
{
	FUZZ_CHECK(depth < 32);
	switch (*s) {
	case '{':
		return json_inside(s + 1, '}', depth);
	case '[':
		return json_inside(s + 1, ']', depth);
	case '"':
		return json_string(s);
	default:
		return json_scalar(s);
	}
}

static void
out_check_json(const char *s)
{
	while (*s) {
		s = json_value(s, 0);
		FUZZ_CHECK(*s == '\n');
		s++;
	}
}

/* What is left of the input, as a file. */
static void
replayed(bool headed)
{
	static const char head[] = "\xb1rpingmesh-records\x82\xa7version\x01\xa8start_ns\x05";
	int fd = memfd_create("recording", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	if (headed)
		FUZZ_CHECK(write(fd, head, sizeof(head) - 1) == (ssize_t)sizeof(head) - 1);
	if (answers.left)
		FUZZ_CHECK(write(fd, answers.at, answers.left) == (ssize_t)answers.left);
	FUZZ_CHECK(dup2(fd, REPLAYED_FD) == REPLAYED_FD);
	close(fd);
}

/* ---- one run ---- */

struct ctl_out {
	FILE *file;
	char *text;
	size_t len;
};

static void
out_begin(struct ctl_out *out)
{
	out->file = open_memstream(&out->text, &out->len);
	FUZZ_CHECK(out->file);
}

static void
ctl_run_once(struct ctl *ctl, const char *const *command)
{
	struct ctl_out out, errors;
	FILE *real_out = stdout, *real_errors = stderr;
	char *argv[CTL_ARGS + 2] = {NULL};
	int argc = 1;

	argv[0] = strdup("rpingmesh-ctl");
	for (; argc <= CTL_ARGS && command[argc - 1]; argc++)
		argv[argc] = strdup(command[argc - 1]);
	out_begin(&out);
	out_begin(&errors);
	stdout = out.file;
	stderr = errors.file;
	ctl_run(ctl, argc, argv);
	stdout = real_out;
	stderr = real_errors;
	fclose(out.file);
	fclose(errors.file);
	out_check_text(out.text, out.text + out.len, ctl->tty || ctl->color);
	out_check_text(errors.text, errors.text + errors.len, false);
	if (ctl->json)
		out_check_json(out.text);
	free(out.text);
	free(errors.text);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl ctl = {.socket = "/fuzz/socket"};
	uint32_t command;
	uint8_t bits;
	char width[8];

	answers = (struct fuzz){data, size};
	command = fuzz_below(&answers, sizeof(commands) / sizeof(commands[0]));
	bits = fuzz_u8(&answers);
	snprintf(width, sizeof(width), "%u", fuzz_u8(&answers));
	if (bits & CTL_WIDE)
		unsetenv("COLUMNS");
	else
		setenv("COLUMNS", width, 1);
	ctl.json = bits & CTL_JSON;
	ctl.tty = (bits & CTL_TTY) && !ctl.json;
	ctl.color = (bits & CTL_COLOR) && ctl.tty;
	if (strcmp(commands[command][0], "replay") == 0)
		replayed(bits & CTL_HEADED);
	ctl_run_once(&ctl, commands[command]);
	close(daemon_end);
	daemon_end = -1;
	return 0;
}
