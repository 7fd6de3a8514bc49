/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/keys.h"

static char path[] = "/tmp/test_keys.XXXXXX";

static int
load(const char *text, mode_t mode, struct keys *out, char error[KEYS_ERROR])
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
	rc = keys_load(path, out, error);
	chmod(path, 0600);
	return rc;
}

/* The second key is the base64 of coreutils: printf '\x00\x01…\x0f' | base64 */
static void
test_good(void **state)
{
	static const char text[] = "# both ways to write a key\n"
				   "\n"
				   "  2026b\tFFeeDDccBBaa99887766554433221100  # the newer one\r\n"
				   "2026a AAECAwQFBgcICQoLDA0ODw==\n"
				   "last //////////////////////8A==";
	struct keys keys;
	char error[KEYS_ERROR];

	(void)state;
	assert_int_equal(load("last /////////////////////w==", 0600, &keys, error), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(keys.key[0].bytes[i], 0xff);
	assert_int_equal(load(text, 0600, &keys, error), -EINVAL); /* 25 characters */
	assert_non_null(strstr(error, "line 5 has a key that is not"));
	assert_int_equal(load("2026b FFeeDDccBBaa99887766554433221100\n"
			      "2026a AAECAwQFBgcICQoLDA0ODw==\n", 0640, &keys, error), 0);
	assert_int_equal(keys.n, 2);
	assert_string_equal(keys.key[0].name, "2026b");
	assert_string_equal(keys.key[1].name, "2026a");
	for (int i = 0; i < 16; i++) {
		assert_int_equal(keys.key[0].bytes[i], 0xff - 0x11 * i);
		assert_int_equal(keys.key[1].bytes[i], i);
	}
}

#define HEX "00112233445566778899aabbccddeeff"

static void
test_bad(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "no key"},
		{"# nothing\n", "no key"},
		{"a\n", "line 1 has no key behind the name"},
		{"\na 0011", "line 2 has a key that is not 32 hexadecimal digits"},
		{"a 0011223344556677889 9aabbccddeeff", "line 1 has a key that is not"},
		{"a g0112233445566778899aabbccddeeff", "line 1 has a key that is not"},
		{"a " HEX "0", "line 1 has a key that is not"},
		{"a AAECAwQFBgcICQoLDA0OD===", "line 1 has a key that is not"},
		{"a AAECAwQFBgcICQoLDA0ODx==", "line 1 has a key that is not"},
		{"a AAECAwQFBgcICQoLDA0O-w==", "line 1 has a key that is not"},
		{"a " HEX " more", "line 1 has more than a name and a key"},
		{"a " HEX "\na " HEX, "line 2 has a name that another key has"},
		{"\xc3\xa4 " HEX, "line 1 has a name that is not printable ASCII"},
		{"123456789012345678901234567890123 " HEX, "line 1 has a name of more than 32"},
		{"1 " HEX "\n2 " HEX "\n3 " HEX "\n4 " HEX "\n5 " HEX "\n6 " HEX "\n7 " HEX
		 "\n8 " HEX "\n9 " HEX, "line 9 has more than 8 keys"},
	};
	struct keys keys = {.n = 7};
	char error[KEYS_ERROR];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(load(rows[i].text, 0600, &keys, error), -EINVAL);
		if (!strstr(error, rows[i].error))
			fail_msg("'%s': %s", rows[i].text, error);
	}
	assert_int_equal(keys.n, 7);
}

static void
test_rights(void **state)
{
	static const mode_t bad[] = {0644, 0604, 0660, 0602, 0601, 0620};
	struct keys keys;
	char error[KEYS_ERROR];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(load("a " HEX, bad[i], &keys, error), -EACCES);
		assert_non_null(strstr(error, "chmod 600 or 640"));
	}
	assert_int_equal(load("a " HEX, 0400, &keys, error), 0);
	assert_int_equal(keys_load("/nonexistent/keys", &keys, error), -ENOENT);
	assert_string_equal(error, "No such file or directory");
	assert_int_equal(keys_load("/tmp", &keys, error), -EACCES);
	assert_string_equal(error, "it is not a file");
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
		assert_int_equal(keys_load(path, &keys, error), -EACCES);
		assert_non_null(strstr(error, "belongs to uid 12345"));
		assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	}
}

static void
test_long(void **state)
{
	char text[4200], error[KEYS_ERROR];
	struct keys keys;

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(load(text, 0600, &keys, error), -EINVAL);
	assert_non_null(strstr(error, "longer than 4 KB"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_long),
	};
	int fd = mkstemp(path), rc;

	if (fd < 0)
		return 99;
	close(fd);
	rc = cmocka_run_group_tests_name("keys", tests, NULL, NULL);
	unlink(path);
	return rc;
}
