/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: screen
 *
 * The original settings of the terminal are kept in a static object, where a signal handler finds
 * them. The keys Ctrl-C and Ctrl-Z still send signals.
 */
#include "ctl/term/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/clock.h"
#include "ctl/term/signals.h"

#define SCREEN_TAKE "\033[?1049h\033[?25l\033[2J"
#define SCREEN_GIVE "\033[0m\033[?25h\033[?1049l"
#define SCREEN_KEYS 256

static struct {
	struct termios was;
	volatile sig_atomic_t taken;
	unsigned char keys[SCREEN_KEYS]; /* read, but not returned by screen_key() yet */
	size_t n_keys, at;
	bool eof;
} screen;

/* A signal handler calls this, too, so it uses only write(2) and tcsetattr(3). */
static void
screen_restore(void)
{
	ssize_t n;

	if (!screen.taken)
		return;
	screen.taken = 0;
	n = write(STDOUT_FILENO, SCREEN_GIVE, strlen(SCREEN_GIVE));
	(void)n;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.was);
}

static int
screen_take(void)
{
	struct termios raw = screen.was;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return -errno;
	screen.taken = 1;
	fputs(SCREEN_TAKE, stdout);
	fflush(stdout);
	return 0;
}

int
screen_start(void)
{
	const char *term = getenv("TERM");
	int rc;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !*term ||
	    strcmp(term, "dumb") == 0)
		return -ENOTTY;
	if (tcgetattr(STDIN_FILENO, &screen.was) < 0)
		return -errno;
	rc = signals_start(screen_restore);
	return rc < 0 ? rc : screen_take();
}

void
screen_stop(void)
{
	fflush(stdout);
	screen_restore();
}

bool
screen_suspend(void)
{
	bool again = false;

	if (signals_suspend()) {
		screen_stop();
		raise(SIGSTOP);
		again = true;
	}
	/*
	 * This is also true after a SIGSTOP, which we cannot notice; the shell has changed the
	 * terminal meanwhile.
	 */
	if (signals_continued())
		again = true;
	if (again)
		screen_take();
	return again;
}

/* ---- keys ---- */

int
screen_fd(void)
{
	return screen.eof ? -1 : STDIN_FILENO;
}

void
screen_wait(uint64_t until_ns)
{
	struct pollfd fds[2] = {{.fd = signals_fd(), .events = POLLIN},
				{.fd = screen_fd(), .events = POLLIN}};
	uint64_t now_ns = clock_mono_ns(),
		 left_ms = until_ns > now_ns ? (until_ns - now_ns) / NSEC_PER_MSEC + 1 : 0;

	if (poll(fds, 2, left_ms > 3600000 ? 3600000 : (int)left_ms) > 0 && fds[0].revents)
		signals_drain();
}

void
screen_read(void)
{
	struct pollfd fd = {.fd = screen_fd(), .events = POLLIN};
	ssize_t n;

	if (poll(&fd, 1, 0) <= 0)
		return;
	memmove(screen.keys, screen.keys + screen.at, screen.n_keys - screen.at);
	screen.n_keys -= screen.at;
	screen.at = 0;
	n = read(STDIN_FILENO, screen.keys + screen.n_keys, sizeof(screen.keys) - screen.n_keys);
	if (n > 0)
		screen.n_keys += (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		screen.eof = true;
}

/*
 * Reads the parameters and the final byte after ESC [ or ESC O. Terminals send whole sequences; a
 * part of one is taken as single keys.
 */
static int
screen_sequence(void)
{
	static const struct {
		char last;
		int number; /* -1: any */
		int key;
	} known[] = {
		{'A', -1, SCREEN_UP}, {'B', -1, SCREEN_DOWN}, {'H', -1, SCREEN_HOME}, {'F', -1,
		 SCREEN_END}, {'~', 1, SCREEN_HOME},
		{'~', 4, SCREEN_END}, {'~', 5, SCREEN_PAGE_UP}, {'~', 6, SCREEN_PAGE_DOWN}, {'~', 7,
		 SCREEN_HOME}, {'~', 8, SCREEN_END},
	};
	int number = 0;

	screen.at++;
	while (screen.at < screen.n_keys) {
		unsigned char c = screen.keys[screen.at++];

		if (c >= '0' && c <= '9' && number < 1000)
			number = 10 * number + (c - '0');
		if (c < 0x40)
			continue;
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (known[i].last == c &&
			    (known[i].number < 0 || known[i].number == number))
				return known[i].key;
		return SCREEN_OTHER;
	}
	return SCREEN_OTHER;
}

int
screen_key(void)
{
	unsigned char c;

	if (screen.at == screen.n_keys)
		return screen.eof ? SCREEN_EOF : SCREEN_NONE;
	c = screen.keys[screen.at++];
	if (c == SCREEN_ESCAPE && screen.at < screen.n_keys &&
	    (screen.keys[screen.at] == '[' || screen.keys[screen.at] == 'O'))
		return screen_sequence();
	return c == '\b' ? SCREEN_BACKSPACE : c;
}

void
screen_draw(const char *text, size_t len)
{
	fputs("\033[H\033[K", stdout);
	fwrite(text, 1, len, stdout);
	fflush(stdout);
}
