/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/broker.h"
#include "bus/bus_backoff.h"
#include "core/clock.h"

static void
test_parsed(void **state)
{
	static const struct {
		const char *url;
		struct broker broker;
	} cases[] = {
		{"mqtt://broker.example", {false, 1883, "broker.example"}},
		{"mqtts://broker.example", {true, 8883, "broker.example"}},
		{"mqtt://127.0.0.1:1884", {false, 1884, "127.0.0.1"}},
		{"mqtts://[fd00::1]:65535", {true, 65535, "fd00::1"}},
		{"mqtt://[::1]", {false, 1883, "::1"}},
		{"mqtt://my_broker:1", {false, 1, "my_broker"}},
	};
	struct broker broker;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(broker_parse(cases[i].url, &broker));
		assert_int_equal(broker.tls, cases[i].broker.tls);
		assert_int_equal(broker.port, cases[i].broker.port);
		assert_string_equal(broker.host, cases[i].broker.host);
	}
}

static void
test_refused(void **state)
{
	static const char *const cases[] = {
		"", "broker.example", "http://broker", "mqtt:/broker", "MQTT://broker",
		"mqtt://", "mqtts://:8883", "mqtt://broker:", "mqtt://broker:0",
		"mqtt://broker:65536", "mqtt://broker:1883x", "mqtt://broker:+1",
		"mqtt://broker:123456", "mqtt://[fd00::1", "mqtt://[]", "mqtt://[1.2.3.4]",
		"mqtt://[x]", "mqtt://fd00::1", "mqtt://user@broker", "mqtt://broker/topic",
		"mqtt://bro ker", "mqtt://broker\n", "mqtt://[::1]x", "mqtt://br\xc3\xb6ker",
	};
	struct broker broker = {.port = 7};
	char url[300] = "mqtt://";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_non_null(broker_parse(cases[i], &broker));
	memset(url + 7, 'a', 254);
	assert_non_null(broker_parse(url, &broker));
	assert_int_equal(broker.port, 7);
	url[7 + 253] = '\0';
	assert_null(broker_parse(url, &broker));
}

static void
test_backoff(void **state)
{
	static const unsigned int bounds_s[] = {1, 2, 4, 8, 16, 32, 60, 60};

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t bound_ns = bounds_s[i] * NSEC_PER_SEC;

		assert_int_equal(bus_backoff_ns(i + 1, 0), 100 * NSEC_PER_MSEC);
		assert_in_range(bus_backoff_ns(i + 1, UINT32_MAX), bound_ns * 99 / 100, bound_ns);
		/* Evenly: half of them wait for less than half of the time. */
		assert_in_range(bus_backoff_ns(i + 1, UINT32_MAX / 2), bound_ns * 49 / 100,
				bound_ns * 56 / 100);
	}
	assert_in_range(bus_backoff_ns(UINT32_MAX, UINT32_MAX), 59 * NSEC_PER_SEC,
			60 * NSEC_PER_SEC);
	assert_int_equal(bus_backoff_count(0, 0), 1);
	assert_int_equal(bus_backoff_count(7, 0), 8);
	/* A broker that accepts and drops is no good one. */
	assert_int_equal(bus_backoff_count(7, 59 * NSEC_PER_SEC), 8);
	assert_int_equal(bus_backoff_count(7, 60 * NSEC_PER_SEC), 2);
	assert_int_equal(bus_backoff_count(0, 60 * NSEC_PER_SEC), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parsed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests_name("broker", tests, NULL, NULL);
}
