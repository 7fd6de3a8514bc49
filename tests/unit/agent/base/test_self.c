/* SPDX-License-Identifier: Apache-2.0 */
/* The name of the host, also the longest that Linux has. The linker wraps gethostname(2). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/base/self.h"
#include "agent/config/config.h"
#include "core/conf.h"

static const char *hostname;

int __wrap_gethostname(char *name, size_t len);

int
__wrap_gethostname(char *name, size_t len)
{
	if (strlen(hostname) + 1 > len) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(name, hostname);
	return 0;
}

static void
assert_name(const char *config_text, const char *wanted)
{
	struct conf_errors errors;
	struct config *config;
	struct self self;

	assert_int_equal(config_parse(config_text, "test.conf", &config, &errors), 0);
	self_name(&self, config);
	assert_string_equal(self.hostname, wanted);
	config_free(config);
}

static void
test_name(void **state)
{
	char longest[65];

	(void)state;
	memset(longest, 'h', 64);
	longest[64] = '\0';
	hostname = "node1";
	assert_name("", "node1");
	assert_name("hostname = \"other\";", "other");
	hostname = longest;
	assert_name("", longest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),
	};

	return cmocka_run_group_tests_name("self", tests, NULL, NULL);
}
