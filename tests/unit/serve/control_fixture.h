/* SPDX-License-Identifier: Apache-2.0 */
/* A control server with a real socket and a real loop; the clients live in the same thread. */
#ifndef RPINGMESH_TESTS_CONTROL_FIXTURE_H
#define RPINGMESH_TESTS_CONTROL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>
#include <msgpack.h>

#include "core/loop.h"
#include "serve/control.h"
#include "rpingmesh/control.h"

#define PATIENCE 3000 /* ms */
#define MARK 0xbeefcafe /* what an "echo" whose turn is remembered says */

struct fixture {
	char dir[64], path[96];
	struct loop *loop;
	struct loop_timer *stop;
	struct control *control;
	struct control_client *seen;  /* who called last */
	int hang_up;                  /* a client's end that "leave" closes; -1 */
	unsigned int gone;
	unsigned int calls, marked_at; /* of echo; which of them said MARK */
};

struct client {
	int fd;
	msgpack_unpacker in;
	msgpack_unpacked message;
	size_t received;
	bool eof;
};

/* Runs the loop for that long: less than 1 ms would not let the control priority run. */
void fixture_spin(struct fixture *fx, uint64_t ms);
struct client *client_new(struct fixture *fx);
/* Connects as this user; the test must run as root. */
struct client *client_new_as(struct fixture *fx, uid_t uid);
void client_free(struct client *c);
/* All of it, running the loop when the kernel takes no more. */
void client_write(struct fixture *fx, struct client *c, const void *data, size_t len);
/* Takes what is there. */
void client_read(struct client *c);
/* The next message, valid until the following one; NULL: the server hung up. */
const msgpack_object *client_message(struct fixture *fx, struct client *c);
bool client_sees_eof(struct fixture *fx, struct client *c);
void pack_text(msgpack_packer *pk, const char *s);
/* [0, id, method, [n]] */
void pack_request(msgpack_sbuffer *out, uint32_t id, const char *method, uint64_t n);
void client_ask(struct fixture *fx, struct client *c, uint32_t id, const char *method, uint64_t n);
/* The four elements of an answer to request id. */
const msgpack_object *check_answer(const msgpack_object *o, uint64_t id);
/* An answer to "echo" of [n]. */
void check_echo(const msgpack_object *o, uint64_t id, uint64_t n);
void check_error(const msgpack_object *o, uint64_t id, int64_t code, const char *message);
struct control_stats fixture_stats(struct fixture *fx);
/* "tick" with [n, a kilobyte]. */
int fixture_notify(struct control_client *client, uint64_t n);
/* The payload. */
const msgpack_object *check_notification(const msgpack_object *o, const char *method);
struct control_config fixture_config(struct fixture *fx);
int fixture_setup(void **state);
int fixture_teardown(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
