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
	uint64_t daemon, helper;
} rows[] = {
	{"", {2, UINT64_MAX}, 0, BPF | PERFMON},
	{"", {3, UINT64_MAX}, 0, BPF | PERFMON | SYS_ADMIN},
	{"", {-1, 512 << 20}, 0, BPF | PERFMON},
	{"", {2, (512 << 20) - 1}, IPC_LOCK, BPF | PERFMON},
	{"port = 1023;", {4, UINT64_MAX}, NET_BIND_SERVICE, BPF | PERFMON | SYS_ADMIN},
	{"port = 1024;", {0, UINT64_MAX}, 0, BPF | PERFMON},
	{"metrics = { listen = \"10.0.0.1:80\"; };", {0, UINT64_MAX}, NET_BIND_SERVICE,
	 BPF | PERFMON},
	{"metrics = { listen = \"[fd00::1]:1023\"; };", {0, UINT64_MAX}, NET_BIND_SERVICE,
	 BPF | PERFMON},
	{"metrics = { listen = \"[fd00::1]:9479\"; };", {0, UINT64_MAX}, 0, BPF | PERFMON},
};

static void
test_needed(void **state)
{
	struct conf_errors errors;
	struct config *config;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct privileges_facts *f = &rows[i].facts;

		assert_int_equal(config_parse(rows[i].config, "test.conf", &config, &errors), 0);
		if (privileges_needed(PRIVILEGES_DAEMON, config, f) != rows[i].daemon ||
		    privileges_needed(PRIVILEGES_HELPER, config, f) != rows[i].helper)
			fail_msg("%s, perf_event_paranoid %d: other capabilities", rows[i].config,
				 f->paranoid);
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
