/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/base/privileges.h"
#include "agent/config/config.h"
#include "core/conf.h"

/* <linux/capability.h> */
#define NET_BIND_SERVICE (UINT64_C(1) << 10)
#define IPC_LOCK (UINT64_C(1) << 14)
#define SYS_ADMIN (UINT64_C(1) << 21)
#define PERFMON (UINT64_C(1) << 38)
#define BPF (UINT64_C(1) << 39)

static const struct {
	const char *config;
	struct privileges_facts facts;
	uint64_t needed;
} rows[] = {
	{"", {2, UINT64_MAX}, BPF | PERFMON},
	{"", {3, UINT64_MAX}, BPF | PERFMON | SYS_ADMIN},
	{"", {-1, 512 << 20}, BPF | PERFMON},
	{"", {2, (512 << 20) - 1}, BPF | PERFMON | IPC_LOCK},
	{"tracing = { enable = false; };", {4, UINT64_MAX}, 0},
	{"tracing = { enable = false; }; port = 1023;", {4, UINT64_MAX}, NET_BIND_SERVICE},
	{"tracing = { enable = false; }; port = 1024;", {4, UINT64_MAX}, 0},
	{"tracing = { enable = false; }; metrics = { listen = \"10.0.0.1:80\"; };",
	 {4, UINT64_MAX}, NET_BIND_SERVICE},
	{"tracing = { enable = false; }; metrics = { listen = \"[fd00::1]:1023\"; };",
	 {4, UINT64_MAX}, NET_BIND_SERVICE},
	{"tracing = { enable = false; }; metrics = { listen = \"[fd00::1]:9479\"; };",
	 {4, UINT64_MAX}, 0},
};

static void
test_needed(void **state)
{
	struct conf_errors errors;
	struct config *config;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(config_parse(rows[i].config, "test.conf", &config, &errors), 0);
		if (privileges_needed(config, &rows[i].facts) != rows[i].needed)
			fail_msg("%s, perf_event_paranoid %d: other capabilities", rows[i].config,
				 rows[i].facts.paranoid);
		config_free(config);
	}
}

static void
test_name(void **state)
{
	char buf[PRIVILEGES_NAME];

	(void)state;
	assert_string_equal(privileges_name(39, buf), "CAP_BPF");
	assert_string_equal(privileges_name(38, buf), "CAP_PERFMON");
	assert_string_equal(privileges_name(21, buf), "CAP_SYS_ADMIN");
	assert_string_equal(privileges_name(14, buf), "CAP_IPC_LOCK");
	assert_string_equal(privileges_name(10, buf), "CAP_NET_BIND_SERVICE");
	assert_string_equal(privileges_name(63, buf), "CAP_63");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_name),
	};

	return cmocka_run_group_tests_name("privileges", tests, NULL, NULL);
}
