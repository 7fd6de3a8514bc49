/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The description of a method, and the frames of MessagePack-RPC (rpingmesh-control(7)): parses a
 * client's frame, and packs the first part of ours. Pure.
 */
#ifndef RPINGMESH_SERVE_RPC_H
#define RPINGMESH_SERVE_RPC_H

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

struct control_client;

/*
 * Who may call a method: all who may connect (READ), or only root and the daemon's own user, by
 * SO_PEERCRED (CHANGE).
 */
enum control_right {
	CONTROL_READ,
	CONTROL_CHANGE,
};

/* The error of a method. It becomes the map {"code", "message"}. */
struct control_error {
	int code; /* positive errno value */
	char message[512];
};

/* A call of a method. All of it is borrowed and valid during the call. */
struct control_call {
	void *arg;                     /* of struct control_config */
	struct control_client *client; /* may be kept until gone() is called for it */
	const msgpack_object *params;  /* by our convention an array with at most one map */
	msgpack_packer *result;
	struct control_error *error;
};

/*
 * One method. call() packs exactly one object into call->result and returns 0, or fills
 * *call->error and returns -errno; then all that it has packed is dropped. The strings must remain.
 */
struct control_method {
	const char *name;
	const char *doc; /* one line for the answer to the built-in method "methods" */
	enum control_right right;
	int (*call)(const struct control_call *call);
};

/* A request of a client, or a notification, which gets no answer. */
struct rpc_request {
	const msgpack_object *method, *params;
	uint32_t id;
	bool answer;
};

/* Returns NULL and sets *out, which borrows from o. Or returns what is wrong, as static text. */
const char *rpc_parse(const msgpack_object *o, struct rpc_request *out);

/* Whether o, which must be a string, is this name. */
bool rpc_name_is(const msgpack_object *o, const char *name);

void rpc_pack_str(msgpack_packer *pk, const char *s);

/* The caller then packs the payload, which is one object. */
void rpc_pack_notification(msgpack_packer *pk, const char *method);

/* Packs the whole notification "dropped". */
void rpc_pack_dropped(msgpack_packer *pk, uint64_t count);

/* The caller then packs the result, which is one object; nil if there is an error. */
void rpc_pack_response(msgpack_packer *pk, uint32_t id, const struct control_error *error);

/* Packs one element of the answer to "methods". */
void rpc_pack_method(msgpack_packer *pk, const struct control_method *m);

/* Fills *error for a method that does not exist; name is a string. */
void rpc_unknown(const msgpack_object *name, struct control_error *error);

#endif
