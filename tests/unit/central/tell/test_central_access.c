/* SPDX-License-Identifier: Apache-2.0 */
/* Who may look at the pages and who may change something, with tokens in real files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "central/config/central_config.h"
#include "central/tell/central_access.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/token.h"

#define CHANGE "change-0123456789abcdef"
#define VIEW "view-0123456789abcdefgh"
/* base64 of "any:" and VIEW, by coreutils' base64. */
#define BASIC "Basic YW55OnZpZXctMDEyMzQ1Njc4OWFiY2RlZmdo"

struct files {
	char dir[32], change[64], view[64], none[64];
	struct central_config config;
	struct central_access *access;
};

static void
files_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int
files_begin(void **state)
{
	static const char *const subsystems[LOG_SUB_N] = LOG_SUBSYSTEM_NAMES;
	struct files *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	log_init(subsystems, LOG_SUB_N);
	strcpy(t->dir, "/tmp/test-access-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->change, sizeof(t->change), "%s/change", t->dir);
	snprintf(t->view, sizeof(t->view), "%s/view", t->dir);
	snprintf(t->none, sizeof(t->none), "%s/none", t->dir);
	files_write(t->change, CHANGE "\n");
	files_write(t->view, VIEW "\n");
	assert_int_equal(central_access_new(&t->access), 0);
	*state = t;
	return 0;
}

static int
files_end(void **state)
{
	struct files *t = *state;

	central_access_free(t->access);
	unlink(t->change);
	unlink(t->view);
	rmdir(t->dir);
	free(t);
	return 0;
}

static void
sync_with(struct files *t, char *change, char *view)
{
	t->config.token_file = change;
	t->config.view_token_file = view;
	central_access_sync(t->access, &t->config);
}

static int
may(const struct files *t, bool post, const char *token, const char *authorization, uint64_t who)
{
	const struct http_guard *guard = central_access_guard(t->access);
	const struct http_asked asked = {.token = token, .authorization = authorization,
					 .who = who};

	return guard->may(guard->arg, &asked, post);
}

static void
test_without_tokens(void **state)
{
	struct files *t = *state;
	char none[] = "", text[256];

	assert_int_equal(may(t, false, NULL, NULL, 1), 401); /* before it is told anything */
	assert_int_equal(may(t, true, "", NULL, 1), 403);
	sync_with(t, none, none);
	assert_int_equal(may(t, false, NULL, NULL, 1), 0);
	assert_int_equal(may(t, true, NULL, NULL, 1), 403);
	assert_int_equal(may(t, true, "", NULL, 1), 403);
	assert_int_equal(may(t, true, CHANGE, NULL, 1), 403);
	assert_false(central_access_sentence(t->access, text, sizeof(text)));
}

static void
test_tokens(void **state)
{
	struct files *t = *state;

	sync_with(t, t->change, t->view);
	assert_int_equal(may(t, false, NULL, NULL, 1), 401);
	assert_int_equal(may(t, false, VIEW, NULL, 1), 0);
	assert_int_equal(may(t, false, CHANGE, NULL, 1), 0);
	assert_int_equal(may(t, false, NULL, BASIC, 1), 0);
	assert_int_equal(may(t, false, "view-0123456789abcdefgX", NULL, 1), 401);
	assert_int_equal(may(t, true, CHANGE, NULL, 1), 0);
	assert_int_equal(may(t, true, VIEW, NULL, 1), 403);
	/* What a browser sends by itself changes nothing. */
	assert_int_equal(may(t, true, NULL, BASIC, 1), 403);
}

/* Who sends wrong ones is not heard for a while, whatever follows; others are. */
static void
test_guessing(void **state)
{
	struct files *t = *state;

	sync_with(t, t->change, t->view);
	for (unsigned int i = 0; i < TOKEN_WRONG_MAX; i++)
		assert_int_equal(may(t, i % 2, "wrong-0123456789abcdef", NULL, 7),
				 i % 2 ? 403 : 401);
	assert_int_equal(may(t, true, CHANGE, NULL, 7), 429);
	assert_int_equal(may(t, false, VIEW, NULL, 7), 429);
	assert_int_equal(may(t, true, CHANGE, NULL, 8), 0);
}

/* A token that cannot be read is nobody's, and this is said; a reload mends it. */
static void
test_unreadable(void **state)
{
	struct files *t = *state;
	char text[256] = "";

	sync_with(t, t->change, t->none);
	assert_int_equal(may(t, false, NULL, NULL, 1), 401);
	assert_int_equal(may(t, false, "", NULL, 1), 401);
	assert_int_equal(may(t, false, VIEW, NULL, 1), 401);
	assert_true(central_access_sentence(t->access, text, sizeof(text)));
	assert_non_null(strstr(text, "view_token_file"));
	assert_non_null(strstr(text, t->none));
	sync_with(t, t->change, t->view);
	assert_int_equal(may(t, false, VIEW, NULL, 1), 0);
	assert_false(central_access_sentence(t->access, text, sizeof(text)));
	/* The old one does not hold any more. */
	files_write(t->view, "other-0123456789abcdef\n");
	sync_with(t, t->change, t->view);
	assert_int_equal(may(t, false, VIEW, NULL, 1), 401);
	assert_int_equal(may(t, false, "other-0123456789abcdef", NULL, 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_without_tokens, files_begin, files_end),
		cmocka_unit_test_setup_teardown(test_tokens, files_begin, files_end),
		cmocka_unit_test_setup_teardown(test_guessing, files_begin, files_end),
		cmocka_unit_test_setup_teardown(test_unreadable, files_begin, files_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
