/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the control socket, its end, and the rights of who connects. */
#include "control_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_free_with_clients(void **state)
{
	struct fixture *fx = *state;
	struct client *a = client_new(fx), *b = client_new(fx);

	client_ask(fx, a, 1, "echo", 0);
	check_echo(client_message(fx, a), 1, 0);
	assert_int_equal(fixture_notify(fx->seen, 1), 0);
	client_free(b);
	fixture_spin(fx, 1);
	control_free(fx->control);
	fx->control = NULL;
	assert_int_equal(fx->gone, 2);
	assert_null(fx->seen);
	assert_int_equal(access(fx->path, F_OK), -1);
	assert_true(client_sees_eof(fx, a));
	assert_int_equal(fx->gone, 2);
	client_free(a);
}

static void
test_live_socket(void **state)
{
	struct fixture *fx = *state;
	struct control_config config = fixture_config(fx);
	struct control *second = NULL;
	struct client *c;

	assert_int_equal(control_new(fx->loop, &config, &second), -EADDRINUSE);
	assert_null(second);
	c = client_new(fx);
	client_ask(fx, c, 1, "echo", 6);
	check_echo(client_message(fx, c), 1, 6);
	client_free(c);
}

static void
other_path(struct fixture *fx, char *path, size_t size)
{
	snprintf(path, size, "%s/other", fx->dir);
}

static int
bind_at(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void
test_stale_socket(void **state)
{
	struct fixture *fx = *state;
	struct control_config config = fixture_config(fx);
	struct control *second;
	char path[96];

	other_path(fx, path, sizeof(path));
	close(bind_at(path));
	config.path = path;
	assert_int_equal(control_new(fx->loop, &config, &second), 0);
	control_free(second);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_not_ours(void **state)
{
	struct fixture *fx = *state;
	struct control_config config = fixture_config(fx);
	struct control *second = NULL;
	char path[96], target[96], long_path[200];
	int fd;

	other_path(fx, path, sizeof(path));
	config.path = path;
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(control_new(fx->loop, &config, &second),
			 -EEXIST); /* a file is never removed */
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);

	snprintf(target, sizeof(target), "%s/target", fx->dir);
	close(bind_at(target));
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(control_new(fx->loop, &config, &second), -EEXIST);
	unlink(path);
	unlink(target);

	config.path = "/nonexistent/dir/sock";
	assert_int_equal(control_new(fx->loop, &config, &second), -ENOENT);
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	config.path = long_path;
	assert_int_equal(control_new(fx->loop, &config, &second), -ENAMETOOLONG);
	assert_null(second);
}

/* Somebody has replaced the socket meanwhile: theirs stays. */
static void
test_unlinks_only_its_own(void **state)
{
	struct fixture *fx = *state;
	int fd;

	unlink(fx->path);
	fd = bind_at(fx->path);
	control_free(fx->control);
	fx->control = NULL;
	assert_int_equal(access(fx->path, F_OK), 0);
	close(fd);
}

/* Who was connected stays so, who comes can connect again, and the file ends with the daemon. */
static void
test_removed(void **state)
{
	struct fixture *fx = *state;
	struct client *before = client_new(fx), *after;

	client_ask(fx, before, 1, "echo", 1);
	check_echo(client_message(fx, before), 1, 1);
	assert_int_equal(unlink(fx->path), 0);
	control_look(fx->control);
	after = client_new(fx);
	client_ask(fx, after, 2, "echo", 2);
	check_echo(client_message(fx, after), 2, 2);
	client_ask(fx, before, 3, "echo", 3);
	check_echo(client_message(fx, before), 3, 3);
	client_free(before);
	client_free(after);
	control_free(fx->control);
	fx->control = NULL;
	assert_int_equal(access(fx->path, F_OK), -1);
}

static unsigned int lookups;

struct group *__real_getgrnam(const char *name);
struct group *__wrap_getgrnam(const char *name);
struct group *
__wrap_getgrnam(const char *name)
{
	static struct group own;

	lookups++;
	own.gr_gid = getegid();
	return strcmp(name, "own") == 0 ? &own : __real_getgrnam(name);
}

/* The new file is the group's, which is looked up once: a name service may not answer by then. */
static void
test_removed_of_group(void **state)
{
	struct fixture *fx = *state;
	struct control_config config = fixture_config(fx);
	struct control *second;
	struct stat st;
	char path[96];

	other_path(fx, path, sizeof(path));
	config.path = path;
	config.group = "own";
	lookups = 0;
	assert_int_equal(control_new(fx->loop, &config, &second), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(unlink(path), 0);
		control_look(second);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0660);
		assert_int_equal(st.st_gid, getegid());
	}
	assert_int_equal(lookups, 1);
	control_free(second);
}

/* Its directory has gone too, and comes back later. */
static void
test_removed_with_directory(void **state)
{
	struct fixture *fx = *state;
	struct client *c;

	assert_int_equal(unlink(fx->path), 0);
	assert_int_equal(rmdir(fx->dir), 0);
	control_look(fx->control);
	control_look(fx->control);
	assert_int_equal(mkdir(fx->dir, 0700), 0);
	control_look(fx->control);
	c = client_new(fx);
	client_ask(fx, c, 1, "echo", 1);
	check_echo(client_message(fx, c), 1, 1);
	client_free(c);
}

/* Somebody else's file in its place is left alone. */
static void
test_replaced(void **state)
{
	struct fixture *fx = *state;
	struct stat st;
	int fd;

	assert_int_equal(unlink(fx->path), 0);
	fd = open(fx->path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	control_look(fx->control);
	assert_int_equal(lstat(fx->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(fx->path), 0);
}

static void
test_mode(void **state)
{
	struct fixture *fx = *state;
	struct control_config config = fixture_config(fx);
	struct control *second;
	const struct group *group = getgrnam("nogroup");
	struct stat st;
	char path[96];
	mode_t mask = umask(0);

	assert_int_equal(stat(fx->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	other_path(fx, path, sizeof(path));
	config.path = path;
	config.group = "no such group";
	assert_int_equal(control_new(fx->loop, &config, &second), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	control_free(second);
	assert_int_equal(umask(mask), 0); /* as it was */
	if (geteuid() != 0 || !group)
		skip();
	config.group = "nogroup";
	assert_int_equal(control_new(fx->loop, &config, &second), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, group->gr_gid);
	control_free(second);
}

static void
test_passed_descriptor(void **state)
{
	struct fixture *fx = *state;
	struct control_config config = fixture_config(fx);
	struct control *second;
	struct client *c;
	char path[96];

	control_free(fx->control);
	other_path(fx, path, sizeof(path));
	config.listen_fd = bind_at(path);
	assert_int_equal(listen(config.listen_fd, 5), 0);
	strcpy(fx->path, path);
	assert_int_equal(control_new(fx->loop, &config, &second), 0);
	fx->control = second;
	c = client_new(fx);
	client_ask(fx, c, 1, "echo", 6);
	check_echo(client_message(fx, c), 1, 6);
	client_free(c);
	control_free(second);
	fx->control = NULL;
	assert_int_equal(access(path, F_OK), 0); /* whoever made it removes it */
}

static void
test_change_by_owner(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx);

	client_ask(fx, c, 1, "change", 0);
	assert_int_equal(check_answer(client_message(fx, c), 1)[3].via.u64, 42);
	client_free(c);
}

/* Exit status 0: "change" was refused with EPERM, and "echo" was not. */
static void
stranger(const char *path)
{
	static const char ask[] = "\x94\x00\x01\xa6" "change" "\x90\x94\x00\x02\xa4" "echo" "\x90";
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	unsigned char buf[512];
	size_t len = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (setgid(65534) < 0 || setuid(65534) < 0)
		_exit(10);
	strcpy(sun.sun_path, path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		_exit(11);
	if (write(fd, ask, sizeof(ask) - 1) < 0)
		_exit(12);
	while (len < 5 || buf[len - 1] != 0x90 || buf[len - 2] != 0xc0) { /* … nil, [] */
		ssize_t n = read(fd, buf + len, sizeof(buf) - len);

		if (n <= 0)
			_exit(13);
		len += (size_t)n;
	}
	/* [1, 1, {"code": 1 … */
	_exit(memcmp(buf + 3,
		     "\x82\xa4"
		     "code"
		     "\x01",
		     7) == 0 ||
			      memcmp(buf + 7,
				     "\x82\xa4"
				     "code"
				     "\x01",
				     7) == 0 ?
		      0 :
		      14);
}

static void
test_change_by_stranger(void **state)
{
	struct fixture *fx = *state;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fx->path, 0666), 0);
	pid = fork();
	if (pid == 0)
		stranger(fx->path);
	for (int i = 0; i < PATIENCE; i++) {
		fixture_spin(fx, 1);
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(fixture_stats(fx).errors, 1);
	assert_int_equal(fixture_stats(fx).calls, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_free_with_clients),
		TEST(test_live_socket),
		TEST(test_stale_socket),
		TEST(test_not_ours),
		TEST(test_unlinks_only_its_own),
		TEST(test_removed),
		TEST(test_removed_of_group),
		TEST(test_removed_with_directory),
		TEST(test_replaced),
		TEST(test_mode),
		TEST(test_passed_descriptor),
		TEST(test_change_by_owner),
		TEST(test_change_by_stranger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
