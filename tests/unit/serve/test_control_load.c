/* SPDX-License-Identifier: Apache-2.0 */
/* The control server under load: slow readers, floods, many clients, no descriptors. */
#include "../core/log_capture.h"
#include "control_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"

static void
test_slow_reader(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx), *other = client_new(fx);
	uint64_t sent = 20000, queued = 0;
	struct control_client *slow;
	const msgpack_object *payload;

	client_ask(fx, c, 1, "echo", 0);
	check_echo(client_message(fx, c), 1, 0);
	slow = fx->seen;
	for (uint64_t i = 0; i < sent; i++) {
		int rc = fixture_notify(slow, i);

		assert_true(rc == 0 || rc == -ENOBUFS);
		queued += rc == 0;
		if (i % 1000 == 0)
			fixture_spin(fx, 1);
	}
	assert_in_range(queued, 1000, 6000); /* 4 MB of a kilobyte each, and the kernel's buffer */
	assert_int_equal(fixture_stats(fx).notifications, queued);
	assert_int_equal(fixture_stats(fx).dropped, sent - queued);
	client_ask(fx, other, 1, "echo", 4);
	check_echo(client_message(fx, other), 1, 4);

	for (uint64_t i = 0; i < queued; i++)
		assert_int_equal(
			check_notification(client_message(fx, c), "tick")->via.array.ptr[0].via.u64,
			i);
	assert_int_equal(fixture_notify(slow, sent), 0);
	payload = check_notification(client_message(fx, c), "dropped");
	assert_memory_equal(payload->via.map.ptr[0].key.via.str.ptr, "count", 5);
	assert_int_equal(payload->via.map.ptr[0].val.via.u64, sent - queued);
	payload = check_notification(client_message(fx, c), "tick");
	assert_int_equal(payload->via.array.ptr[0].via.u64, sent);
	fixture_notify(slow, sent + 1);
	check_notification(client_message(fx, c), "tick"); /* told once */
	client_free(c);
	client_free(other);
}

/* Whoever asks without reading is not served further, and is served in full once it reads. */
static void
test_asks_without_reading(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx), *other = client_new(fx);
	const uint32_t asked = 300;
	msgpack_sbuffer out;

	msgpack_sbuffer_init(&out);
	for (uint32_t i = 0; i < asked; i++)
		pack_request(&out, i, "big", 60000);
	client_write(fx, c, out.data, out.size);
	fixture_spin(fx, 100);
	assert_in_range(fixture_stats(fx).calls, 1,
			60); /* of 18 MB, the queue takes 1 and the kernel some */
	client_ask(fx, other, 1, "echo", 4);
	check_echo(client_message(fx, other), 1, 4);
	for (uint32_t i = 0; i < asked; i++)
		assert_int_equal(check_answer(client_message(fx, c), i)[3].via.bin.size, 60000);
	assert_int_equal(fixture_stats(fx).slow_clients, 0);
	msgpack_sbuffer_destroy(&out);
	client_free(c);
	client_free(other);
}

/*
 * A flood of requests from one client: another one's answer waits for a few of them, not for all.
 */
static void
test_flood_is_shared(void **state)
{
	struct fixture *fx = *state;
	struct client *flood = client_new(fx), *other = client_new(fx);
	msgpack_sbuffer out;

	msgpack_sbuffer_init(&out);
	for (uint32_t i = 0; i < 3000; i++)
		pack_request(&out, i, "echo", i);
	fixture_spin(fx, 5); /* both are connected */
	assert_true(send(flood->fd, out.data, out.size, MSG_NOSIGNAL) == (ssize_t)out.size);
	client_ask(fx, other, 1, "echo", MARK);
	check_echo(client_message(fx, other), 1, MARK);
	assert_in_range(fx->marked_at, 1, 64);
	for (uint32_t i = 0; i < 3000; i++)
		check_echo(client_message(fx, flood), i, i);
	msgpack_sbuffer_destroy(&out);
	client_free(flood);
	client_free(other);
}

static void
test_hundred_clients(void **state)
{
	struct fixture *fx = *state;
	struct client *c[100];

	for (uint32_t i = 0; i < 100; i++) {
		c[i] = client_new(fx);
		if (i % 20 == 0)
			fixture_spin(fx, 1); /* the backlog holds 64 */
	}
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 100; i++)
			client_ask(fx, c[i], i, "echo", i);
		for (uint32_t i = 0; i < 100; i++)
			check_echo(client_message(fx, c[i]), i, i);
	}
	assert_int_equal(fixture_stats(fx).clients, 100);
	for (int i = 0; i < 100; i++)
		client_free(c[i]);
	for (int i = 0; i < PATIENCE && fx->gone < 100; i++)
		fixture_spin(fx, 1);
	assert_int_equal(fx->gone, 100);
	assert_int_equal(fixture_stats(fx).clients, 0);
}

static void
test_client_limit(void **state)
{
	struct fixture *fx = *state;
	struct client *c[CONTROL_CLIENTS_MAX + 2];

	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX + 2; i++) {
		c[i] = client_new(fx);
		fixture_spin(fx, 1);
	}
	assert_true(client_sees_eof(fx, c[CONTROL_CLIENTS_MAX]));
	assert_true(client_sees_eof(fx, c[CONTROL_CLIENTS_MAX + 1]));
	assert_int_equal(fixture_stats(fx).refused, 2);
	assert_int_equal(fixture_stats(fx).accepted, CONTROL_CLIENTS_MAX);
	client_free(c[0]);
	for (int i = 0; i < PATIENCE && fx->gone < 1; i++)
		fixture_spin(fx, 1);
	c[0] = client_new(fx);
	client_ask(fx, c[0], 1, "echo", 6);
	check_echo(client_message(fx, c[0]), 1, 6);
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX + 2; i++)
		client_free(c[i]);
}

/* Fills all places with connections that say nothing. */
static void
fill(struct fixture *fx, struct client *silent[CONTROL_CLIENTS_MAX], uid_t uid)
{
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		silent[i] = client_new_as(fx, uid);
		if (i % 16 == 0)
			fixture_spin(fx, 1);
	}
	fixture_spin(fx, 5);
	assert_int_equal(fixture_stats(fx).clients, CONTROL_CLIENTS_MAX);
}

static void
empty(struct client *silent[CONTROL_CLIENTS_MAX])
{
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_free(silent[i]);
}

/* A user without rights who holds every connection shuts out neither root nor another user. */
static void
test_one_user_fills_it(void **state)
{
	struct fixture *fx = *state;
	struct client *silent[CONTROL_CLIENTS_MAX], *root, *other, *same;

	if (geteuid() != 0)
		skip();
	fill(fx, silent, 4711);
	root = client_new(fx);
	client_ask(fx, root, 1, "echo", 5);
	check_echo(client_message(fx, root), 1, 5);
	other = client_new_as(fx, 4712);
	client_ask(fx, other, 1, "echo", 6);
	check_echo(client_message(fx, other), 1, 6);
	same = client_new_as(fx, 4711);
	assert_true(client_sees_eof(fx, same));
	assert_true(client_sees_eof(fx, silent[0]));
	assert_true(client_sees_eof(fx, silent[1]));
	client_read(silent[2]);
	assert_false(silent[2]->eof);
	assert_int_equal(fixture_stats(fx).displaced, 2);
	assert_int_equal(fixture_stats(fx).refused, 1);
	assert_int_equal(fixture_stats(fx).clients, CONTROL_CLIENTS_MAX);
	client_free(root);
	client_free(other);
	client_free(same);
	empty(silent);
}

/* Two users end with half of the places each, however often they connect. */
static void
test_two_users_share(void **state)
{
	struct fixture *fx = *state;
	struct client *first[CONTROL_CLIENTS_MAX], *second[CONTROL_CLIENTS_MAX];
	uint32_t half = CONTROL_CLIENTS_MAX / 2, held = 0;

	if (geteuid() != 0)
		skip();
	fill(fx, first, 4711);
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		second[i] = client_new_as(fx, 4712);
		fixture_spin(fx, 1);
	}
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		client_read(second[i]);
		held += !second[i]->eof;
	}
	assert_int_equal(held, half);
	assert_int_equal(fixture_stats(fx).displaced, half);
	assert_int_equal(fixture_stats(fx).refused, half);
	empty(first);
	empty(second);
}

/* Whoever sends garbage again and again fills no log. */
static void
test_flood_of_garbage(void **state)
{
	struct fixture *fx = *state;
	const char *text;
	int lines = 0;

	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_WARNING);
	capture_begin();
	for (int i = 0; i < 200; i++) {
		struct client *c = client_new(fx);

		client_write(fx, c, "\xc1", 1);
		client_sees_eof(fx, c);
		client_free(c);
	}
	text = capture_end();
	assert_int_equal(fixture_stats(fx).bad_frames, 200);
	for (const char *at = text; (at = strstr(at, "disconnected")); at++)
		lines++;
	assert_int_equal(lines, 1);
}

static void
test_out_of_descriptors(void **state)
{
	struct fixture *fx = *state;
	struct client *c;
	struct rlimit old, low;
	struct loop_stats before, after;

	fixture_spin(fx, 1);
	c = client_new(fx);
	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = (rlim_t)c->fd + 1;
	setrlimit(RLIMIT_NOFILE, &low);
	loop_stats(fx->loop, &before);
	fixture_spin(fx, 350);
	loop_stats(fx->loop, &after);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(fixture_stats(fx).accepted, 0);
	assert_in_range(after.callbacks - before.callbacks, 3, 20);
	client_ask(fx, c, 1, "echo", 6);
	check_echo(client_message(fx, c), 1, 6);
	client_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slow_reader),
		TEST(test_asks_without_reading),
		TEST(test_flood_is_shared),
		TEST(test_hundred_clients),
		TEST(test_client_limit),
		TEST(test_one_user_fills_it),
		TEST(test_two_users_share),
		TEST(test_flood_of_garbage),
		TEST(test_out_of_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
