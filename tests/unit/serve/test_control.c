/* SPDX-License-Identifier: Apache-2.0 */
/* The control server: frames, good and bad, and calls. */
#include "control_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
test_byte_by_byte(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx);
	msgpack_sbuffer out;

	msgpack_sbuffer_init(&out);
	pack_request(&out, 7, "echo", 1ull << 40);
	pack_request(&out, 8, "echo", 5);
	for (size_t i = 0; i < out.size; i++) {
		client_write(fx, c, out.data + i, 1);
		fixture_spin(fx, 1);
	}
	check_echo(client_message(fx, c), 7, 1ull << 40);
	check_echo(client_message(fx, c), 8, 5);
	assert_int_equal(fixture_stats(fx).calls, 2);
	msgpack_sbuffer_destroy(&out);
	client_free(c);
}

static void
test_many_in_one_write(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx);
	msgpack_sbuffer out;

	msgpack_sbuffer_init(&out);
	for (uint32_t i = 0; i < 300; i++)
		pack_request(&out, i, "echo", i * 3);
	client_write(fx, c, out.data, out.size);
	for (uint32_t i = 0; i < 300; i++)
		check_echo(client_message(fx, c), i, i * 3);
	msgpack_sbuffer_destroy(&out);
	client_free(c);
}

static void
drops(struct fixture *fx, const char *bytes, size_t len)
{
	uint64_t before = fixture_stats(fx).bad_frames;
	struct client *good = client_new(fx), *bad = client_new(fx);

	client_write(fx, bad, bytes, len);
	if (!client_sees_eof(fx, bad))
		fail_msg("not dropped: %02x %02x", (unsigned char)bytes[0],
			 (unsigned char)bytes[1]);
	assert_int_equal(bad->received, 0);
	assert_int_equal(fixture_stats(fx).bad_frames, before + 1);
	client_ask(fx, good, 1, "echo", 2);
	check_echo(client_message(fx, good), 1, 2);
	client_free(good);
	client_free(bad);
}

static void
test_huge_declared(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} heads[] = {
		{"\xdd\xff\xff\xff\xff", 5}, {"\xdf\xff\xff\xff\xff", 5}, {"\xdb\xff\xff\xff\xff",
		 5}, {"\xc6\xff\xff\xff\xff", 5},
		{"\xc9\xff\xff\xff\xff\x01", 6}, {"\xdc\xff\xff", 3}, {"\xde\xff\xff", 3},
		 {"\xda\xff\xff", 3},
		{"\x94\x00\x01\xa4" "echo" "\xdd\x40\x00\x00\x00", 13},
		{"\x94\x00\x01\xa4" "echo" "\x91\xdb\x7f\xff\xff\xff", 14},
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		drops(*state, heads[i].bytes, heads[i].len);
}

static void
test_garbage(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} frames[] = {
		{"\xc1", 1}, {"GET / HTTP/1.1\r\n", 16}, {"\x80", 1}, {"\x90", 1}, {"\x91\x00", 2},
		{"\x94\x00\xff\xa4" "echo" "\x90", 9},                       /* a negative id */
		{"\x94\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xa4" "echo" "\x90", 17},
		 /* of more than 32 bits */
		{"\x94\x00\x01\x05\x90", 5},
		                                 /* the method is a number */
		{"\x94\x01\x01\xc0\xc0", 5},                                 /* a response */
		{"\x93\x00\xa4" "echo" "\x90", 8},
		                           /* a request without id */
		{"\x95\x00\x01\xa4" "echo" "\x90\xc0", 10}, {"\x95\x00\x01\xc0\xa4" "echo" "\x90",
		 10},
	};

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		drops(*state, frames[i].bytes, frames[i].len);
}

static void
test_nesting(void **state)
{
	char frame[64] = "\x94\x00\x01\xa4" "echo";
	struct fixture *fx = *state;
	struct client *c = client_new(fx);

	memset(frame + 8, '\x91', 40);
	frame[8 + 15] = '\xc0'; /* 16 deep with the frame itself */
	client_write(fx, c, frame, 8 + 16);
	check_answer(client_message(fx, c), 1);
	client_free(c);
	frame[8 + 15] = '\x91';
	drops(fx, frame, 48);
}

/* A request whose length is exactly n bytes. */
static void
pack_sized(msgpack_sbuffer *out, size_t n)
{
	char *fill = calloc(1, n);
	msgpack_packer pk;

	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, 4);
	msgpack_pack_int(&pk, CONTROL_RPC_REQUEST);
	msgpack_pack_int(&pk, 3);
	pack_text(&pk, "echo");
	msgpack_pack_array(&pk, 2);
	msgpack_pack_int(&pk, 9);
	n -= out->size + 3;
	msgpack_pack_bin(&pk, n);
	msgpack_pack_bin_body(&pk, fill, n);
	free(fill);
}

static void
test_longest_frame(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx);
	msgpack_sbuffer out;

	msgpack_sbuffer_init(&out);
	pack_sized(&out, CONTROL_FRAME_MAX);
	assert_int_equal(out.size, CONTROL_FRAME_MAX);
	client_write(fx, c, out.data, CONTROL_FRAME_MAX);
	check_echo(client_message(fx, c), 3, 9);
	client_ask(fx, c, 4, "echo", 10);
	check_echo(client_message(fx, c), 4, 10);
	msgpack_sbuffer_clear(&out);
	pack_sized(&out, CONTROL_FRAME_MAX + 1);
	drops(fx, out.data, 4096);
	msgpack_sbuffer_destroy(&out);
	client_free(c);
}

static void
test_errors(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx);

	client_ask(fx, c, 1, "fail", 0);
	check_error(client_message(fx, c), 1, EBUSY, "not now");
	client_ask(fx, c, 2, "no\x1bsuch", 0);
	check_error(client_message(fx, c), 2, ENOSYS, "no method \"no?such\"");
	client_write(fx, c, "\x94\x00\x03\xa4" "echo" "\x05", 9);
	check_error(client_message(fx, c), 3, EINVAL, "echo: params must be an array");
	client_ask(fx, c, 4, "echo", 1);
	check_echo(client_message(fx, c), 4, 1);
	assert_int_equal(fixture_stats(fx).errors, 3);
	assert_int_equal(fixture_stats(fx).bad_frames, 0);
	client_free(c);
}

static void
test_methods(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx);
	const msgpack_object *a, *m;

	client_ask(fx, c, 1, "methods", 0);
	a = check_answer(client_message(fx, c), 1);
	assert_int_equal(a[3].via.array.size, 6);
	m = &a[3].via.array.ptr[3]; /* methods, echo, fail, change */
	assert_memory_equal(m->via.map.ptr[0].val.via.str.ptr, "change", 6);
	assert_memory_equal(m->via.map.ptr[1].val.via.str.ptr, "Changes", 7);
	assert_true(m->via.map.ptr[2].val.via.boolean);
	assert_false(a[3].via.array.ptr[1].via.map.ptr[2].val.via.boolean);
	client_free(c);
}

static void
test_notification_from_client(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx);

	client_write(fx, c, "\x93\x02\xa4" "echo" "\x90", 8);
	client_ask(fx, c, 1, "echo", 1);
	check_echo(client_message(fx, c), 1, 1); /* and nothing before it */
	assert_int_equal(fixture_stats(fx).calls, 2);
	client_free(c);
}

static void
test_client_gone_during_call(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx), *other = client_new(fx);

	client_ask(fx, c, 1, "leave", 0);
	client_ask(fx, c, 2, "echo", 0);
	fx->hang_up = c->fd;
	c->fd = -1;
	for (int i = 0; i < PATIENCE && fx->gone == 0; i++)
		fixture_spin(fx, 1);
	assert_int_equal(fx->gone, 1);
	assert_int_equal(fixture_stats(fx).clients, 1);
	client_ask(fx, other, 1, "echo", 3);
	check_echo(client_message(fx, other), 1, 3);
	client_free(c);
	client_free(other);
}

static void
test_half_closed(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx);

	for (uint32_t i = 0; i < 50; i++)
		client_ask(fx, c, i, "echo", i);
	shutdown(c->fd, SHUT_WR);
	for (uint32_t i = 0; i < 50; i++)
		check_echo(client_message(fx, c), i, i);
	assert_null(client_message(fx, c));
	client_free(c);

	c = client_new(fx);
	client_ask(fx, c, 1, "big", 900000); /* more than the kernel takes at once */
	shutdown(c->fd, SHUT_WR);
	fixture_spin(fx, 20);
	assert_int_equal(check_answer(client_message(fx, c), 1)[3].via.bin.size, 900000);
	assert_null(client_message(fx, c));
	client_free(c);
}

static void
test_response_too_big(void **state)
{
	struct fixture *fx = *state;
	struct client *c = client_new(fx), *other = client_new(fx);

	client_ask(fx, other, 1, "big", CONTROL_QUEUE_MAX - 100);
	assert_int_equal(check_answer(client_message(fx, other), 1)[3].via.bin.size,
			 CONTROL_QUEUE_MAX - 100);
	client_ask(fx, c, 1, "big", CONTROL_QUEUE_MAX - 5);
	check_error(client_message(fx, c), 1, EMSGSIZE,
		    "the answer of 4194304 bytes is too long: ask for pages (after, limit)");
	client_ask(fx, c, 2, "echo", 3);
	check_echo(client_message(fx, c), 2, 3);
	assert_int_equal(fixture_stats(fx).slow_clients, 0);
	client_free(c);
	client_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_byte_by_byte),
		TEST(test_many_in_one_write),
		TEST(test_huge_declared),
		TEST(test_garbage),
		TEST(test_nesting),
		TEST(test_longest_frame),
		TEST(test_errors),
		TEST(test_methods),
		TEST(test_notification_from_client),
		TEST(test_client_gone_during_call),
		TEST(test_half_closed),
		TEST(test_response_too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
