/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens: who has one may do what it is for. A token is a random text in a file, so nobody can
 * guess it, and it needs no slow hash as a password that people choose. Comparing it takes the same
 * time whatever is wrong with it. A source that sends wrong ones is not heard for a while, so that
 * it costs little.
 */
#ifndef RPINGMESH_SERVE_TOKEN_H
#define RPINGMESH_SERVE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secret.h"

#define TOKEN_MIN 20   /* characters: 100 bits if they are random letters and digits */
#define TOKEN_SIZE 129 /* with the '\0' */
#define TOKEN_WRONG_MAX 10u           /* of a source, within TOKEN_WRONG_NS */
#define TOKEN_WRONG_NS 60000000000ULL
#define TOKEN_SOURCES 64u             /* that are remembered; of these, the oldest goes */

/*
 * Reads a token: printable characters without spaces on one line of a file that secret_read()
 * accepts. Returns 0, or clears `token`, puts the reason into error and returns -errno.
 */
int token_read(const char *path, char token[TOKEN_SIZE], char error[SECRET_ERROR]);

/* Whether text is the token. An empty token is nobody's, and text may be NULL. */
bool token_is(const char token[TOKEN_SIZE], const char *text);

/*
 * The password of a header "Authorization: Basic …" (RFC 7617), whoever the user is. Returns false
 * if there is none, or none that may be a token. header may be NULL.
 */
bool token_of_basic(const char *header, char token[TOKEN_SIZE]);

/* Sources that have sent wrong tokens. All zero at first. */
struct token_source {
	uint64_t who;
	uint64_t begin_ns;  /* of the minute that its wrong ones are counted in; 0: unused */
	uint32_t wrong;
};
struct token_watch {
	struct token_source sources[TOKEN_SOURCES];
};

void token_watch_wrong(struct token_watch *watch, uint64_t who, uint64_t now_ns);
/* Whether the source has sent so many that it is not to be heard now. */
bool token_watch_is_shut(const struct token_watch *watch, uint64_t who, uint64_t now_ns);

#endif
