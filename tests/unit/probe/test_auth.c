/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signatures are those of openssl over bytes that were written by hand (Python's struct):
 *   openssl mac -macopt hexkey:KEY -macopt size:8 -in BYTES SIPHASH
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/keys.h"
#include "probe/auth.h"
#include "probe/wire.h"

#define FIRST {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
#define SECOND \
	{0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96, 0x87, \
	 0x78, 0x69, 0x5a, 0x4b, 0x3c, 0x2d, 0x1e, 0x0f}

static const struct keys first = {.n = 1, .key = {{"a", FIRST}}};
static const struct keys second = {.n = 1, .key = {{"b", SECOND}}};
static const struct keys both = {.n = 2, .key = {{"a", FIRST}, {"b", SECOND}}};
static const struct keys none = {.n = 0};

static const struct {
	struct wire_message message;
	size_t at;
	uint8_t signature[2][8]; /* by the first key, by the second */
} rows[] = {
	{{.type = PROBE_WIRE_PROBE, .length = 50, .probe = {0xbeef, 96, 3, true, 0, 0}}, 42,
	 {{0x38, 0xdf, 0x2d, 0xe6, 0xe4, 0x0d, 0x34, 0x2c},
	  {0x1f, 0x61, 0xaa, 0x65, 0xea, 0xf3, 0x3f, 0x73}}},
	{{.type = PROBE_WIRE_PROBE, .length = 1024, .probe = {0xbeef, 96, 3, true, 0, 0}}, 42,
	 {{0x7c, 0x3c, 0xfb, 0x92, 0x9c, 0xbf, 0x78, 0x34},
	  {0x36, 0xee, 0x5e, 0x10, 0xd9, 0x60, 0xd5, 0x07}}},
	{{.type = PROBE_WIRE_ACK1, .length = 50}, 42,
	 {{0xf9, 0x6a, 0x51, 0x67, 0x62, 0x21, 0xc1, 0x3f},
	  {0xdc, 0x85, 0xb7, 0x3b, 0xad, 0xd0, 0xce, 0x1c}}},
	{{.type = PROBE_WIRE_ACK2, .length = 58,
	  .ack2 = {123456789, 987654321, 40, 1, true, 250, 57236}}, 50,
	 {{0x4d, 0xfe, 0xd8, 0x9e, 0xc9, 0xb7, 0xc9, 0x0c},
	  {0x92, 0xf3, 0xc6, 0x6f, 0x82, 0xbe, 0xd0, 0x20}}},
	{{.type = PROBE_WIRE_REFUSED, .length = 50, .refused = {1}}, 42,
	 {{0xb5, 0x9a, 0x1a, 0xf5, 0xb7, 0xae, 0x0e, 0x35},
	  {0x71, 0xeb, 0x63, 0x70, 0xf2, 0xc5, 0x81, 0xac}}},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void
encode(size_t row, uint8_t *buf)
{
	struct wire_message message = rows[row].message;

	message.seq = 0x1122334455667788;
	message.session = 0x99aabbccddeeff01;
	wire_encode(&message, buf);
}

static void
test_signatures(void **state)
{
	uint8_t buf[1024];

	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		size_t len = rows[i].message.length;

		encode(i, buf);
		assert_false(auth_check(&both, buf, len));
		auth_sign(&first, buf, len);
		assert_memory_equal(buf + rows[i].at, rows[i].signature[0], 8);
		assert_true(auth_check(&first, buf, len));
		assert_true(auth_check(&both, buf, len));
		assert_false(auth_check(&second, buf, len));
		encode(i, buf);
		auth_sign(&second, buf, len);
		assert_memory_equal(buf + rows[i].at, rows[i].signature[1], 8);
		assert_true(auth_check(&both, buf, len));
		encode(i, buf);
		auth_sign(&both, buf, len);
		assert_memory_equal(buf + rows[i].at, rows[i].signature[0], 8);
	}
}

/* Each bit counts. */
static void
test_changed(void **state)
{
	uint8_t buf[1024];

	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		encode(i, buf);
		auth_sign(&first, buf, rows[i].message.length);
		for (size_t bit = 0; bit < 8 * (rows[i].at + 8); bit++) {
			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
			/* The type says where the signature is. */
			assert_false(auth_check(&both, buf, rows[i].message.length));
			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(auth_check(&both, buf, rows[i].message.length));
	}
}

/* Nothing is written, and nothing asked for. An ACK2 of 50 bytes has no signature. */
static void
test_no_keys(void **state)
{
	uint8_t buf[1024], as_it_was[1024];

	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		size_t len = rows[i].message.length;

		encode(i, buf);
		memcpy(as_it_was, buf, len);
		auth_sign(&none, buf, len);
		auth_sign(NULL, buf, len);
		assert_memory_equal(buf, as_it_was, len);
		assert_true(auth_check(&none, buf, len) && auth_check(NULL, buf, len));
		assert_int_equal(auth_extra(&none, (int)rows[i].message.type), 0);
		assert_int_equal(auth_extra(&both, (int)rows[i].message.type),
				 rows[i].message.type == PROBE_WIRE_ACK2 ? 8 : 0);
	}
	encode(3, buf);
	assert_false(auth_check(&both, buf, 50));
}

static void
test_private(void **state)
{
	static const uint8_t request[8] = {0x2e, 0xac, 0xc8, 0x6e, 0x40, 0x99, 0xb3, 0xbd},
			     reply[8] = {0xb0, 0xe6, 0xa7, 0x6d, 0xc0, 0x68, 0x43, 0x76};
	uint8_t buf[180];

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	for (size_t i = 0; i < 100; i++)
		buf[i] = (uint8_t)i;
	assert_int_equal(auth_sign_private(&none, buf, 100, 180), 100);
	assert_int_equal(buf[100], 0xff);
	assert_true(auth_check_private(&none, buf, 100, 180));
	assert_int_equal(auth_sign_private(&first, buf, 100, 180), 180);
	assert_memory_equal(buf + 172, request, 8);
	assert_true(auth_check_private(&both, buf, 180, 180));
	assert_false(auth_check_private(&second, buf, 180, 180));
	assert_false(auth_check_private(&both, buf, 179, 180));
	buf[120]++;
	assert_false(auth_check_private(&both, buf, 180, 180));
	for (size_t i = 0; i < 50; i++)
		buf[i] = (uint8_t)(200 + i);
	assert_int_equal(auth_sign_private(&both, buf, 50, 136), 136);
	assert_memory_equal(buf + 128, reply, 8);
	/* Without data, there is none to look at. */
	assert_false(auth_check_private(&both, NULL, 0, 136));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_no_keys),
		cmocka_unit_test(test_private),
	};

	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
