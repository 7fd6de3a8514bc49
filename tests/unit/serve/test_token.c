/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: files as operators write them, headers as RFC 7617 encodes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/token.h"

#define GOOD "0123456789abcdefghij"
#define TEN "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN /* 120 */

static void
test_read(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int rc;
	} cases[] = {
		{GOOD, 0600, 0},          {GOOD "\n", 0640, 0},
		{GOOD "\r\n", 0400, 0},   {"", 0600, -EINVAL},
		{"short\n", 0600, -EINVAL}, {GOOD "\n" GOOD "\n", 0600, -EINVAL},
		{GOOD " x", 0600, -EINVAL}, {GOOD "\x7f", 0600, -EINVAL},
		{LONG "12345678", 0600, 0}, {LONG "123456789", 0600, -EINVAL},
		{LONG LONG LONG, 0600, -EINVAL}, {GOOD "\n", 0644, -EACCES},
		{GOOD "\n", 0660, -EACCES},
	};
	char path[] = "/tmp/rpingmesh-token-XXXXXX", token[TOKEN_SIZE], error[SECRET_ERROR];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, cases[i].text, len, 0), len);
		assert_int_equal(fchmod(fd, cases[i].mode), 0);
		assert_int_equal(token_read(path, token, error), cases[i].rc);
		if (cases[i].rc < 0) {
			assert_string_not_equal(error, "");
			assert_string_equal(token, "");
		} else {
			assert_int_equal(strncmp(token, cases[i].text, strlen(token)), 0);
			assert_in_range(strlen(token), 20, 128);
		}
	}
	close(fd);
	unlink(path);
	assert_int_equal(token_read(path, token, error), -ENOENT);
}

static void
test_is(void **state)
{
	char token[TOKEN_SIZE] = GOOD, none[TOKEN_SIZE] = "";

	(void)state;
	assert_true(token_is(token, GOOD));
	assert_false(token_is(token, NULL));
	assert_false(token_is(token, ""));
	assert_false(token_is(token, "0123456789abcdefghi"));
	assert_false(token_is(token, GOOD "k"));
	assert_false(token_is(token, "x123456789abcdefghij"));
	assert_false(token_is(token, GOOD LONG LONG));
	assert_false(token_is(none, ""));
	assert_false(token_is(none, NULL));
}

static void
test_basic(void **state)
{
	static const struct {
		const char *header, *token; /* NULL: none */
	} cases[] = {
		/* RFC 7617, section 2 and 2.1 */
		{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "open sesame"},
		{"Basic dGVzdDoxMjPCow==", "123\xc2\xa3"},
		{"basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ", "open sesame"},
		{"Basic Og==", ""},              /* ":" */
		{"Basic YQ==", NULL},            /* "a" */
		{"Basic QQ=x", NULL},            {"Basic", NULL},
		{"Bearer abc", NULL},            {"", NULL},
		{"Basic !!", NULL},              {NULL, NULL},
	};
	char token[TOKEN_SIZE], text[3000] = "Basic ";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(token_of_basic(cases[i].header, token), cases[i].token != NULL);
		if (cases[i].token)
			assert_string_equal(token, cases[i].token);
	}
	memset(text + 6, 'Q', sizeof(text) - 7);
	assert_false(token_of_basic(text, token));
}

static void
test_watch(void **state)
{
	struct token_watch *watch = calloc(1, sizeof(*watch));
	uint64_t now = 1000;

	(void)state;
	assert_non_null(watch);
	for (int i = 0; i < 10; i++) {
		assert_false(token_watch_is_shut(watch, 7, now));
		token_watch_wrong(watch, 7, now++);
	}
	assert_true(token_watch_is_shut(watch, 7, now));
	assert_false(token_watch_is_shut(watch, 8, now));
	/* More than are remembered: the oldest is forgotten, and nothing else is. */
	for (uint64_t i = 0; i < 63; i++)
		token_watch_wrong(watch, 100 + i, now++);
	assert_true(token_watch_is_shut(watch, 7, now));
	assert_false(token_watch_is_shut(watch, 7, 1000 + 60000000000u));
	token_watch_wrong(watch, 7, 1000 + 60000000000u);
	assert_false(token_watch_is_shut(watch, 7, 1001 + 60000000000u));
	free(watch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
