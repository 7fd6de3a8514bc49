/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client library against a server of the test's own, a thread behind a Unix socket that says
 * what the test has put down for it, in bytes of the MessagePack specification.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "ctl/wire/pages.h"
#include "record/read.h"

#define MSEC 1000000ULL
#define ANSWER(id) "\x94\x01" id "\xc0" /* [1, id, nil, … */
#define REFUSAL(id) "\x94\x01" id       /* [1, id, …, nil] */

struct said {
	const char *bytes;
	size_t len;
};
#define SAY(text) {text, sizeof(text) - 1}

/* Answers each request with the next of what it is to say; then it hangs up or keeps silent. */
struct server {
	char folder[32], path[64];
	int listener;
	pthread_t thread;
	const struct said *say;
	size_t n, requests;
	bool silent;
};

static void
server_write(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static void *
server_main(void *arg)
{
	struct server *server = arg;
	char request[70000];
	int fd = accept(server->listener, NULL, NULL);
	ssize_t n;

	while (fd >= 0 && (server->silent || server->requests < server->n) &&
	       (n = recv(fd, request, sizeof(request), 0)) > 0) {
		if (server->requests < server->n)
			server_write(fd, server->say[server->requests].bytes,
				     server->say[server->requests].len);
		server->requests++;
	}
	close(fd);
	return NULL;
}

static void
server_start(struct server *server, const struct said *say, size_t n, bool silent)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	*server = (struct server){.folder = "/tmp/test_client.XXXXXX", .say = say, .n = n,
				  .silent = silent};
	assert_non_null(mkdtemp(server->folder));
	snprintf(server->path, sizeof(server->path), "%s/socket", server->folder);
	strcpy(sun.sun_path, server->path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(server->listener, 1), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
}

static void
server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	close(server->listener);
	unlink(server->path);
	rmdir(server->folder);
}

/* One server and a client that has connected to it. */
static struct client *
start(struct server *server, const struct said *say, size_t n)
{
	struct client *client;

	server_start(server, say, n, false);
	assert_int_equal(client_open(server->path, NULL, &client), CLIENT_OK);
	return client;
}

static void
stop(struct server *server, struct client *client)
{
	client_close(client);
	server_stop(server);
}

static void
assert_reason(const struct client *client, const char *part)
{
	if (!strstr(client_reason(client), part))
		fail_msg("no \"%s\" in \"%s\"", part, client_reason(client));
}

/* One call whose answer is these bytes. */
static void
expect(const struct said *say, enum client_rc rc, const char *reason)
{
	const msgpack_object *result = NULL;
	struct server server;
	struct client *client = start(&server, say, 1);
	struct pages pages;

	assert_int_equal(pages_list(client, "peers", &pages, &result), rc);
	assert_reason(client, reason);
	pages_free(&pages);
	stop(&server, client);
}

/* ---- connecting ---- */

static void
test_nobody(void **state)
{
	struct client *client;
	struct server server;
	char longest[200];

	(void)state;
	assert_int_equal(client_open("/nowhere/socket", NULL, &client), CLIENT_LOST);
	assert_reason(client, "/nowhere/socket: no rpingmeshd listens there (no such file)");
	client_close(client);
	assert_int_equal(client_open("/nowhere/central.sock", NULL, &client), CLIENT_LOST);
	assert_reason(client, "/nowhere/central.sock: no rpingmesh-central listens there (no such");
	client_close(client);
	assert_int_equal(client_open("/nowhere/socket", &(struct client_ops){.central = true},
				     &client), CLIENT_LOST);
	assert_reason(client, "/nowhere/socket: no rpingmesh-central listens there (no such file)");
	client_close(client);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(client_open(longest, NULL, &client), CLIENT_LOST);
	assert_reason(client, strerror(ENAMETOOLONG));
	client_close(client);
	client_close(NULL);
	assert_string_equal(client_reason(NULL), "out of memory");

	server_start(&server, NULL, 0, false);
	shutdown(server.listener, SHUT_RDWR);
	close(server.listener);
	assert_int_equal(client_open(server.path, NULL, &client), CLIENT_LOST);
	assert_reason(client, "(connection refused)");
	client_close(client);
	server_stop(&server);
}

static void
test_denied(void **state)
{
	struct client *client;
	struct server server;

	(void)state;
	if (geteuid() == 0 && seteuid(65534) < 0)
		skip();
	server_start(&server, NULL, 0, false);
	assert_int_equal(chmod(server.path, 0), 0);
	assert_int_equal(client_open(server.path, NULL, &client), CLIENT_DENIED);
	assert_reason(client, "permission denied");
	client_close(client);
	server_stop(&server);
	assert_int_equal(seteuid(getuid()), 0);
}

/* ---- answers ---- */

static void
test_answer(void **state)
{
	static const struct said say[] = {SAY(ANSWER("\x01") "\x91\x81\xa1k\x07"),
					  SAY(ANSWER("\x02") "\xc0")};
	const msgpack_object *result = NULL;
	struct server server;
	struct client *client = start(&server, say, 2);
	struct pages pages;
	uint64_t k = 0;

	(void)state;
	assert_int_equal(pages_list(client, "peers", &pages, &result), CLIENT_OK);
	assert_int_equal(result->via.array.size, 1);
	assert_true(read_u64(&result->via.array.ptr[0], "k", &k));
	assert_int_equal(k, 7);
	pages_free(&pages);
	assert_int_equal(client_call(client, "acknowledge", NULL, &result), CLIENT_OK);
	assert_int_equal(result->type, MSGPACK_OBJECT_NIL);
	assert_int_equal(client_call(client, "acknowledge", NULL, &result), CLIENT_LOST);
	assert_reason(client, "the daemon closed the connection");
	stop(&server, client);
}

/* {"peers": [{"k": 1}, {"k": 2}], "next": 2}, then {"peers": [{"k": 3}], "next": nil} */
static void
test_list(void **state)
{
	static const struct said say[] = {
		SAY(ANSWER("\x01") "\x82\xa5" "peers" "\x92\x81\xa1k\x01\x81\xa1k\x02\xa4"
		    "next" "\x02"),
		SAY(ANSWER("\x02") "\x82\xa5" "peers" "\x91\x81\xa1k\x03\xa4" "next" "\xc0"),
	};
	const msgpack_object *list = NULL;
	struct server server;
	struct client *client = start(&server, say, 2);
	struct pages pages;
	uint64_t k = 0;

	(void)state;
	assert_int_equal(pages_list(client, "peers", &pages, &list), CLIENT_OK);
	assert_int_equal(list->via.array.size, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(read_u64(&list->via.array.ptr[i], "k", &k));
		assert_int_equal(k, i + 1);
	}
	pages_free(&pages);
	stop(&server, client);
}

static void
test_refused(void **state)
{
	static const struct said busy = SAY(REFUSAL("\x01") "\x82\xa4"
							    "code\x10\xa7"
							    "message\xa4"
							    "busy\xc0"),
				 denied = SAY(REFUSAL("\x01") "\x82\xa4"
							      "code\x01\xa7"
							      "message\xa2no\xc0"),
				 older = SAY(REFUSAL("\x01") "\x81\xa4"
							     "code\x26\xc0"),
				 text = SAY(REFUSAL("\x01") "\xa4what\xc0");

	(void)state;
	expect(&busy, CLIENT_REFUSED, "peers: busy");     /* 16: EBUSY */
	expect(&denied, CLIENT_DENIED, "peers: no");      /* 1: EPERM */
	expect(&older, CLIENT_STRANGE, "does not know \"peers\": it is older"); /* 38: ENOSYS */
	expect(&text, CLIENT_REFUSED, "peers: what");
}

/* What a call of `method` ends with, if it is not known and the program has this status. */
static void
expect_other(const char *method, bool central, struct said status, const char *reason)
{
	const struct said say[] = {SAY(REFUSAL("\x01") "\x81\xa4"
							"code\x26\xc0"),
				   status};
	const struct client_ops ops = {.central = central};
	struct server server;
	struct client *client;

	server_start(&server, say, 2, false);
	assert_int_equal(client_open(server.path, &ops, &client), CLIENT_OK);
	assert_int_equal(client_call(client, method, NULL, NULL), CLIENT_STRANGE);
	assert_int_equal(client_code(client), ENOSYS);
	assert_reason(client, reason);
	stop(&server, client);
}

static void
test_other_program(void **state)
{
	static const struct said agent = SAY(ANSWER("\x02") "\x81\xa4"
							    "type\xa6"
							    "status"),
				 central = SAY(ANSWER("\x02") "\x81\xa4"
							      "type\xae"
							      "central_status"),
				 nil = SAY(ANSWER("\x02") "\xc0"),
				 refused = SAY(REFUSAL("\x02") "\x81\xa4"
							       "code\x0b\xc0");

	(void)state;
	expect_other("hosts", true, agent,
		     ": rpingmeshd listens there, which does not know \"hosts\": ask "
		     "rpingmesh-central (use --central, or -S with its socket)");
	expect_other("peers", false, central,
		     ": rpingmesh-central listens there, which does not know \"peers\": ask "
		     "rpingmeshd (use -S with its socket)");
	expect_other("hosts", true, central,
		     "does not know \"hosts\": it is older than this program, restart or upgrade "
		     "rpingmesh-central");
	expect_other("peers", false, agent, "it is older than this program, restart or upgrade "
					    "rpingmeshd");
	expect_other("peers", false, nil, "it is older");
	expect_other("peers", false, refused, "it is older");
}

static void
test_garbage(void **state)
{
	static const struct said reserved = SAY("\xc1\xc1\xc1"), http = SAY("HTTP/1.1 400 Bad\r\n"),
				 map = SAY(ANSWER("\x01") "\x80"),
				 /* an array of 2^32 - 1, a string of 2^32 - 1 bytes */
				 array = SAY("\xdd\xff\xff\xff\xff"),
				 string = SAY("\x94\x01\x01\xc0\xdb\xff\xff\xff\xff");

	(void)state;
	expect(&reserved, CLIENT_LOST, "does not speak MessagePack-RPC");
	expect(&map, CLIENT_STRANGE, "is not a list");
	expect(&array, CLIENT_LOST, "does not speak MessagePack-RPC");
	expect(&string, CLIENT_LOST, "does not speak MessagePack-RPC");
	/* integers, none of which is an answer */
	expect(&http, CLIENT_LOST, "closed the connection");
}

/* A string of a byte more than is taken, all of which comes. */
static void
test_huge_frame(void **state)
{
	static const char head[] = ANSWER("\x01") "\xdb\x01\x00\x00\x01";
	size_t len = sizeof(head) - 1 + CLIENT_FRAME_MAX + 1;
	char *bytes = calloc(1, len);
	struct said say = {bytes, len};

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, head, sizeof(head) - 1);
	expect(&say, CLIENT_LOST, "does not speak MessagePack-RPC");
	free(bytes);
}

static void
test_schema(void **state)
{
	static const struct said say[] = {SAY(ANSWER("\x01") "\x81\xa6schema\x00"),
					  SAY(ANSWER("\x02") "\x81\xa6schema\x07")};
	const msgpack_object *result = NULL;
	struct server server;
	struct client *client = start(&server, say, 2);

	(void)state;
	assert_int_equal(client_call(client, "status", NULL, &result), CLIENT_OK);
	assert_int_equal(client_check_schema(client, result), CLIENT_STRANGE);
	assert_reason(client, "records have schema 0, this program needs 1");
	assert_int_equal(client_call(client, "status", NULL, &result), CLIENT_OK);
	assert_int_equal(client_check_schema(client, result), CLIENT_OK); /* keys are added */
	stop(&server, client);
}

static void
test_timeout(void **state)
{
	const msgpack_object *result = NULL;
	struct server server;
	struct client *client;
	uint64_t before_ns;

	(void)state;
	server_start(&server, NULL, 0, true);
	assert_int_equal(client_open(server.path, NULL, &client), CLIENT_OK);
	client_set_patience(client, 100 * MSEC);
	before_ns = clock_mono_ns();
	assert_int_equal(client_call(client, "status", NULL, &result), CLIENT_LOST);
	assert_true(clock_mono_ns() - before_ns >= 100 * MSEC);
	assert_reason(client, "the daemon has not answered \"status\"");
	stop(&server, client);
	assert_int_equal(server.requests, 1);
}

static void
test_too_long(void **state)
{
	static const struct said say[] = {SAY(ANSWER("\x02") "\xc0")};
	struct server server;
	struct client *client = start(&server, say, 1);
	msgpack_sbuffer param;
	msgpack_packer pk;

	(void)state;
	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_bin(&pk, 65536);
	for (int i = 0; i < 65536; i++)
		msgpack_pack_bin_body(&pk, "", 1);
	assert_int_equal(client_call(client, "explain", &param, NULL), CLIENT_TOO_LONG);
	assert_reason(client, "explain: an argument is too long");
	msgpack_sbuffer_destroy(&param);
	/* The client is none the worse, and the next answer is that of the second request. */
	assert_int_equal(client_call(client, "status", NULL, NULL), CLIENT_OK);
	stop(&server, client);
	assert_int_equal(server.requests, 1);
}

/* ---- notifications, and what wakes ---- */

struct heard {
	size_t n;
	char names[64];
	size_t woken;
};

static void
heard_notified(void *arg, const msgpack_object *method, const msgpack_object *params)
{
	struct heard *heard = arg;

	assert_int_equal(params->type, MSGPACK_OBJECT_ARRAY);
	snprintf(heard->names + strlen(heard->names), sizeof(heard->names) - strlen(heard->names),
		 "%.*s ", (int)method->via.str.size, method->via.str.ptr);
	heard->n++;
}

static bool
heard_woken(void *arg)
{
	struct heard *heard = arg;

	return ++heard->woken > 0;
}

static void
test_notified(void **state)
{
	/* Two before the answer, one behind it; an answer that nobody waits for. */
	static const struct said say[] = {
		SAY("\x93\x02\xa5probe\x91\x80"
		    "\x93\x02\xa6window\x91\x80" REFUSAL("\x09") "\xa2no\xc0" ANSWER("\x01") "\xc0"
		    "\x93\x02\xa7"
		    "dropped\x91\x80"),
	};
	struct heard heard = {0};
	const struct client_ops ops = {.notified = heard_notified, .arg = &heard};
	struct server server;
	struct client *client;

	(void)state;
	server_start(&server, say, 1, true);
	assert_int_equal(client_open(server.path, &ops, &client), CLIENT_OK);
	assert_int_equal(client_call(client, "subscribe", NULL, NULL), CLIENT_OK);
	assert_string_equal(heard.names, "probe window ");
	assert_int_equal(client_wait(client, clock_mono_ns() + 5000 * MSEC), CLIENT_OK);
	assert_string_equal(heard.names, "probe window dropped ");
	assert_int_equal(client_wait(client, clock_mono_ns() + MSEC), CLIENT_OK); /* nothing */
	assert_int_equal(heard.n, 3);
	stop(&server, client);
}

static int signal_pipe[2];

static int
signal_fd(void)
{
	return signal_pipe[0];
}

static void
signal_drain(void)
{
	char byte;

	assert_int_equal(read(signal_pipe[0], &byte, 1), 1);
}

static void
test_woken(void **state)
{
	struct heard heard = {0};
	const struct client_ops ops = {.woken = heard_woken, .arg = &heard, .signal_fd = signal_fd,
				       .signal_drain = signal_drain};
	struct server server;
	struct client *client;

	(void)state;
	assert_int_equal(pipe(signal_pipe), 0);
	server_start(&server, NULL, 0, true);
	assert_int_equal(client_open(server.path, &ops, &client), CLIENT_OK);
	assert_int_equal(write(signal_pipe[1], "", 1), 1);
	assert_int_equal(client_wait(client, UINT64_MAX), CLIENT_OK);
	assert_int_equal(heard.woken, 0); /* a wait just ends */
	assert_int_equal(write(signal_pipe[1], "", 1), 1);
	assert_int_equal(client_call(client, "peers", NULL, NULL), CLIENT_STOPPED);
	assert_int_equal(heard.woken, 1);
	stop(&server, client);
	close(signal_pipe[0]);
	close(signal_pipe[1]);
}

/* ---- pages ---- */

static int
count(void *arg, const msgpack_object *list)
{
	size_t *n = arg;

	*n += list->via.array.size;
	return 0;
}

static void
expect_pages(const struct said *say, size_t n_say, enum client_rc rc, size_t records)
{
	static const struct pages_query query = {.method = "flows", .key = "flows"};
	struct server server;
	struct client *client = start(&server, say, n_say);
	struct pages pages;
	size_t n = 0;

	assert_int_equal(pages_fetch(client, &query, &pages), rc);
	assert_int_equal(pages_each(&pages, count, &n), 0);
	assert_int_equal(n, records);
	if (rc == CLIENT_STRANGE)
		assert_reason(client, "the daemon's answer to \"flows\"");
	pages_free(&pages);
	stop(&server, client);
}

#define PAGE(id, next, list) SAY(ANSWER(id) "\x82\xa5" "flows" list "\xa4" "next" next)

static void
test_pages(void **state)
{
	static const struct said two[] = {PAGE("\x01", "\x05", "\x93\x01\x02\x03"),
					  PAGE("\x02", "\xc0", "\x91\x04")},
				 again[] = {PAGE("\x01", "\x05", "\x91\x01"),
					    PAGE("\x02", "\x05", "\x91\x01")},
				 empty[] = {PAGE("\x01", "\x05", "\x90")},
				 none[] = {PAGE("\x01", "\xc0", "\x80")},
				 text[] = {PAGE("\x01", "\xa1x", "\x90")};

	(void)state;
	expect_pages(two, 2, CLIENT_OK, 4);
	expect_pages(two, 1, CLIENT_LOST, 3);      /* what has come is kept */
	expect_pages(again, 2, CLIENT_STRANGE, 1); /* it would never end */
	expect_pages(empty, 1, CLIENT_STRANGE, 0);
	expect_pages(none, 1, CLIENT_STRANGE, 0);
	expect_pages(text, 1, CLIENT_STRANGE, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),     cmocka_unit_test(test_denied),
		cmocka_unit_test(test_answer),     cmocka_unit_test(test_list),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_program),
		cmocka_unit_test(test_garbage),    cmocka_unit_test(test_huge_frame),
		cmocka_unit_test(test_schema),     cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_too_long),   cmocka_unit_test(test_notified),
		cmocka_unit_test(test_woken),      cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
