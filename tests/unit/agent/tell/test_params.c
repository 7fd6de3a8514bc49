/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>
#include <string.h>

#include "core/clock.h"
#include "agent/tell/params.h"

/* Unpacks bytes that a client may have sent. */
struct params {
	msgpack_unpacked msg;
};

static const msgpack_object *
params_from(struct params *p, const char *bytes, size_t len)
{
	size_t at = 0;

	msgpack_unpacked_init(&p->msg);
	assert_int_equal(msgpack_unpack_next(&p->msg, bytes, len, &at), MSGPACK_UNPACK_SUCCESS);
	return &p->msg.data;
}

#define FROM(p, bytes) params_from(p, bytes, sizeof(bytes) - 1)

static void
test_ping_defaults(void **state)
{
	struct control_error error;
	struct params_ping out;
	struct params p;

	(void)state;
	/* [{"host": "h"}] */
	assert_int_equal(params_ping(FROM(&p, "\x91\x81\xa4host\xa1h"), 5 * NSEC_PER_SEC, &out,
				     &error),
			 0);
	assert_string_equal(out.request.host, "h");
	assert_null(out.request.device);
	assert_null(out.request.source);
	assert_int_equal(out.request.target.interval_ns, NSEC_PER_SEC);
	assert_int_equal(out.request.target.timeout_ns, 5 * NSEC_PER_SEC);
	assert_int_equal(out.request.target.sizes[0], 50);
	assert_int_equal(out.request.target.count, 0);
	assert_int_equal(out.request.target.kind, PROBE_KIND_PING);
	msgpack_unpacked_destroy(&p.msg);
}

static void
test_ping_refusals(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *names;
	} cases[] = {
#define CASE(bytes, names) {bytes, sizeof(bytes) - 1, names}
		CASE("\x90", "host"),                                                /* [] */
		CASE("\x80", "params"),                                              /* {} */
		CASE("\x92\x80\x80", "params"),                                      /* [{}, {}] */
		CASE("\x91\x01", "params"),                                          /* [1] */
		CASE("\x91\x81\xa4host\xa0", "host"),                                /* empty */
		CASE("\x91\x81\xa4host\x01", "host"),                                /* a number */
		CASE("\x91\x81\xa4host\xa2\x61\x00", "host"),                        /* with NUL */
		CASE("\x91\x82\xa4host\xa1h\xa4size\x31", "size"),                   /* 49 */
		CASE("\x91\x82\xa4host\xa1h\xa4size\xcd\x10\x01", "size"),           /* 4097 */
		CASE("\x91\x82\xa4host\xa1h\xa4size\xff", "size"),                   /* -1 */
		CASE("\x91\x82\xa4host\xa1h\xabinterval_ns\x01", "interval_ns"),
		CASE("\x91\x82\xa4host\xa1h\xaa" "flow_label\xce\x00\x10\x00\x00", "flow_label"),
		CASE("\x91\x82\xa4host\xa1h\xadtraffic_class\xcd\x01\x00", "traffic_class"),
		CASE("\x91\x82\xa4host\xa1h\xa6source\xa1x", "source"),
#undef CASE
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct control_error error = {0};
		struct params_ping out;
		struct params p;

		assert_true(params_ping(params_from(&p, cases[i].bytes, cases[i].len), 1, &out,
					&error) < 0);
		assert_memory_equal(error.message, cases[i].names, strlen(cases[i].names));
		msgpack_unpacked_destroy(&p.msg);
	}
}

static void
test_kinds(void **state)
{
	struct control_error error;
	unsigned int kinds;
	struct params p;

	(void)state;
	assert_int_equal(params_kinds(FROM(&p, "\x90"), &kinds, &error), 0);
	assert_int_equal(kinds, 7);
	msgpack_unpacked_destroy(&p.msg);
	assert_int_equal(params_kinds(FROM(&p, "\x91\x81\xa5kinds\x91\xa4ping"), &kinds, &error),
			 0);
	assert_int_equal(kinds, 1u << PROBE_KIND_PING);
	msgpack_unpacked_destroy(&p.msg);
	assert_true(params_kinds(FROM(&p, "\x91\x81\xa5kinds\x91\xa4pong"), &kinds, &error) < 0);
	msgpack_unpacked_destroy(&p.msg);
	assert_true(params_kinds(FROM(&p, "\x91\x81\xa5kinds\x90"), &kinds, &error) < 0);
	msgpack_unpacked_destroy(&p.msg);
}

/* [{"device": "rxe0"}], [] and what is none. */
static void
test_device(void **state)
{
	struct control_error error;
	struct params p;
	char name[64];

	(void)state;
	assert_int_equal(params_device(FROM(&p, "\x91\x81\xa6""device\xa4rxe0"), name, &error), 0);
	assert_string_equal(name, "rxe0");
	msgpack_unpacked_destroy(&p.msg);
	assert_int_equal(params_device(FROM(&p, "\x90"), name, &error), 0);
	assert_string_equal(name, "");
	msgpack_unpacked_destroy(&p.msg);
	assert_int_equal(params_device(FROM(&p, "\x91\x81\xa6"
						"device\x05"),
				       name, &error),
			 -EINVAL);
	assert_non_null(strstr(error.message, "device"));
	msgpack_unpacked_destroy(&p.msg);
}

static void
test_window_by(void **state)
{
	struct control_error error = {0};
	enum record_window_by by;
	unsigned int bys;
	struct params p;

	(void)state;
	assert_int_equal(params_window_by(FROM(&p, "\x90"), &by, &error), 0);
	assert_int_equal(by, RECORD_WINDOW_TARGET);
	msgpack_unpacked_destroy(&p.msg);
	assert_int_equal(params_window_by(FROM(&p, "\x91\x81\xa2"
						   "by\xa6"
						   "device"),
					  &by, &error),
			 0);
	assert_int_equal(by, RECORD_WINDOW_DEVICE);
	msgpack_unpacked_destroy(&p.msg);
	assert_true(params_window_by(FROM(&p, "\x91\x81\xa2" "by\xa3" "job"), &by, &error) < 0);
	assert_memory_equal(error.message, "by: ", 4);
	msgpack_unpacked_destroy(&p.msg);
	assert_true(params_window_by(FROM(&p, "\x91\x81\xa2"
					      "by\x91\xa4"
					      "flow"),
				     &by, &error) < 0);
	msgpack_unpacked_destroy(&p.msg);
	assert_int_equal(params_window_bys(FROM(&p, "\x90"), &bys, &error), 0);
	assert_int_equal(bys, 7);
	msgpack_unpacked_destroy(&p.msg);
	assert_int_equal(params_window_bys(FROM(&p, "\x91\x81\xa2"
						    "by\x92\xa4"
						    "flow\xa6"
						    "device"),
					   &bys, &error),
			 0);
	assert_int_equal(bys, 1u << RECORD_WINDOW_FLOW | 1u << RECORD_WINDOW_DEVICE);
	msgpack_unpacked_destroy(&p.msg);
	assert_true(params_window_bys(FROM(&p, "\x91\x81\xa2" "by\xa4" "flow"), &bys, &error) < 0);
	msgpack_unpacked_destroy(&p.msg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ping_defaults),
		cmocka_unit_test(test_ping_refusals),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_window_by),
	};

	return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
