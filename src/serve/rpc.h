/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a method is, and the frames of MessagePack-RPC, as rpingmesh-control(7) has them: what a
 * client's frame says, and the heads of ours. Pure.
 */
#ifndef RPINGMESH_SERVE_RPC_H
#define RPINGMESH_SERVE_RPC_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

struct control_client;

/* Callers: everybody who may connect, or only root and the daemon's own user (SO_PEERCRED). */
enum control_right {
	CONTROL_READ,
	CONTROL_CHANGE,
};

/* What a handler says when it cannot answer: becomes the error map {"code", "message"}. */
struct control_error {
	int code; /* positive errno value */
	char message[512];
};

/*
 * One method. `call` packs exactly one object into `result` and returns 0, or fills *error and
 * returns -errno (whatever it packed is dropped). `params` is the third element of the request, at
 * most one map in an array by our convention; it lives until `call` returns. The client is borrowed
 * and may be kept until `gone` is called for it. `method` strings are kept by reference.
 */
struct control_method {
	const char *name;
	const char *doc; /* one line, shown by the built-in method "methods" */
	enum control_right right;
	int (*call)(void *arg, struct control_client *client, const msgpack_object *params,
		    msgpack_packer *result, struct control_error *error);
};

/* One request, or a notification from the client, which gets no answer. */
struct rpc_request {
	const msgpack_object *method, *params;
	uint32_t id;
	bool answer;
};

/* NULL and *out, which borrows from o; or what is wrong with it. */
const char *rpc_parse(const msgpack_object *o, struct rpc_request *out);

/* o is a string. */
bool rpc_name_is(const msgpack_object *o, const char *name);

void rpc_pack_str(msgpack_packer *pk, const char *s);

/* The payload, one object, follows. */
void rpc_pack_notification(msgpack_packer *pk, const char *method);

/* The whole notification "dropped". */
void rpc_pack_dropped(msgpack_packer *pk, uint64_t count);

/* The result, one object, follows; nil if there is an error. */
void rpc_pack_response(msgpack_packer *pk, uint32_t id, const struct control_error *error);

/* One element of the answer to "methods". */
void rpc_pack_method(msgpack_packer *pk, const struct control_method *m);

/* Fills *error for a method that does not exist; name is a string. */
void rpc_unknown(const msgpack_object *name, struct control_error *error);

#endif
