/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To look, a browser sends the token as the password of HTTP's Basic scheme, without being asked
 * again and also if another site makes it do so. So changes need the token in a header of its own,
 * which other sites cannot send.
 */
#include "central/tell/central_access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/config/central_config.h"
#include "core/clock.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/token.h"

enum central_access_status { ACCESS_OK = 0, ACCESS_WHO = 401, ACCESS_NO = 403, ACCESS_LATER = 429 };

struct central_access {
	char change[TOKEN_SIZE], view[TOKEN_SIZE];
	bool open;           /* everybody may look */
	char fault[4096 + SECRET_ERROR + 64]; /* "": there is none */
	struct token_watch watch;
	struct http_guard guard;
};

static int
central_access_wrong(struct central_access *access, const struct http_asked *asked, int status)
{
	token_watch_wrong(&access->watch, asked->who, clock_mono_ns());
	return status;
}

static int
central_access_change(struct central_access *access, const struct http_asked *asked)
{
	if (!asked->token || !access->change[0])
		return ACCESS_NO;
	if (token_watch_is_shut(&access->watch, asked->who, clock_mono_ns()))
		return ACCESS_LATER;
	return token_is(access->change, asked->token) ?
		       ACCESS_OK : central_access_wrong(access, asked, ACCESS_NO);
}

static int
central_access_look(struct central_access *access, const struct http_asked *asked)
{
	char password[TOKEN_SIZE];
	const char *token = asked->token;

	if (access->open)
		return ACCESS_OK;
	if (!token && token_of_basic(asked->authorization, password))
		token = password;
	if (!token || !token[0])
		return ACCESS_WHO;
	if (token_watch_is_shut(&access->watch, asked->who, clock_mono_ns()))
		return ACCESS_LATER;
	return token_is(access->view, token) || token_is(access->change, token) ?
		       ACCESS_OK : central_access_wrong(access, asked, ACCESS_WHO);
}

static int
central_access_may(void *arg, const struct http_asked *asked, bool post)
{
	return post ? central_access_change(arg, asked) : central_access_look(arg, asked);
}

int
central_access_new(struct central_access **out)
{
	struct central_access *access = calloc(1, sizeof(*access));

	if (!access)
		return -ENOMEM;
	access->guard = (struct http_guard){central_access_may, access};
	*out = access;
	return 0;
}

void
central_access_free(struct central_access *access)
{
	if (access)
		explicit_bzero(access, sizeof(*access));
	free(access);
}

static void
central_access_read(struct central_access *access, const char *key, const char *path, char *token)
{
	char why[SECRET_ERROR];

	memset(token, 0, TOKEN_SIZE);
	if (!path[0] || token_read(path, token, why) == 0)
		return;
	snprintf(access->fault, sizeof(access->fault), "%s: cannot read %s: %s", key, path, why);
	log_error(MAIN, "%s", access->fault);
}

void
central_access_sync(struct central_access *access, const struct central_config *config)
{
	access->fault[0] = '\0';
	access->open = !config->view_token_file[0];
	central_access_read(access, "token_file", config->token_file, access->change);
	central_access_read(access, "view_token_file", config->view_token_file, access->view);
}

const struct http_guard *
central_access_guard(const struct central_access *access)
{
	return &access->guard;
}

bool
central_access_sentence(const struct central_access *access, char *text, size_t room)
{
	if (access->fault[0])
		snprintf(text, room, "nobody may use the pages as the token would allow: %s",
			 access->fault);
	return access->fault[0];
}
