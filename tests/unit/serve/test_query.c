/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters as the URL Standard encodes them (application/x-www-form-urlencoded). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "serve/query.h"

static void
test_text(void **state)
{
	static const struct {
		const char *query, *key, *text;
		int rc;
	} cases[] = {
		{NULL, "a", "", 0},
		{"", "a", "", 0},
		{"a=1", "a", "1", 0},
		{"b=2&a=1&c", "a", "1", 0},
		{"ab=2", "a", "", 0},
		{"a", "a", "", 0},
		{"a=&b=1", "a", "", 0},
		{"a=x+y%2Fz%c3%a4", "a", "x y/z\xc3\xa4", 0},
		{"a=1&a=2", "a", "1", 0},
		{"a=%", "a", NULL, -EINVAL},
		{"a=%4", "a", NULL, -EINVAL},
		{"a=%4&b", "a", NULL, -EINVAL},
		{"a=%zz", "a", NULL, -EINVAL},
		{"a=%00", "a", NULL, -EINVAL},
		{"a=1234567", "a", "1234567", 0},
		{"a=12345678", "a", NULL, -EINVAL},
	};
	char out[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(query_text(cases[i].query, cases[i].key, out, sizeof(out)),
				 cases[i].rc);
		if (cases[i].rc == 0)
			assert_string_equal(out, cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
