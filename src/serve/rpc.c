/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rpingmesh/control.h"

static bool
rpc_is_uint(const msgpack_object *o, uint64_t max)
{
	return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= max;
}

const char *
rpc_parse(const msgpack_object *o, struct rpc_request *out)
{
	const msgpack_object *a = o->via.array.ptr;
	uint32_t n;

	if (o->type != MSGPACK_OBJECT_ARRAY)
		return "a frame that is not an array";
	n = o->via.array.size;
	*out = (struct rpc_request){0};
	if (n == 4 && rpc_is_uint(&a[0], 0) && rpc_is_uint(&a[1], UINT32_MAX)) {
		out->answer = true;
		out->id = (uint32_t)a[1].via.u64;
	} else if (n != 3 || a[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
		   a[0].via.u64 != CONTROL_RPC_NOTIFICATION) {
		return "a frame that is no MessagePack-RPC request";
	}
	out->method = &a[n - 2];
	out->params = &a[n - 1];
	return out->method->type == MSGPACK_OBJECT_STR ? NULL : "a method that is not a string";
}

bool
rpc_name_is(const msgpack_object *o, const char *name)
{
	return o->via.str.size == strlen(name) &&
	       memcmp(o->via.str.ptr, name, o->via.str.size) == 0;
}

void
rpc_pack_str(msgpack_packer *pk, const char *s)
{
	msgpack_pack_str(pk, strlen(s));
	msgpack_pack_str_body(pk, s, strlen(s));
}

void
rpc_pack_notification(msgpack_packer *pk, const char *method)
{
	msgpack_pack_array(pk, 3);
	msgpack_pack_int(pk, CONTROL_RPC_NOTIFICATION);
	rpc_pack_str(pk, method);
	msgpack_pack_array(pk, 1);
}

void
rpc_pack_dropped(msgpack_packer *pk, uint64_t count)
{
	rpc_pack_notification(pk, "dropped");
	msgpack_pack_map(pk, 1);
	rpc_pack_str(pk, "count");
	msgpack_pack_uint64(pk, count);
}

void
rpc_pack_response(msgpack_packer *pk, uint32_t id, const struct control_error *error)
{
	msgpack_pack_array(pk, 4);
	msgpack_pack_int(pk, CONTROL_RPC_RESPONSE);
	msgpack_pack_uint32(pk, id);
	if (!error) {
		msgpack_pack_nil(pk);
		return;
	}
	msgpack_pack_map(pk, 2);
	rpc_pack_str(pk, "code");
	msgpack_pack_int(pk, error->code);
	rpc_pack_str(pk, "message");
	rpc_pack_str(pk, error->message[0] ? error->message : strerror(error->code));
}

void
rpc_pack_method(msgpack_packer *pk, const struct control_method *m)
{
	msgpack_pack_map(pk, 3);
	rpc_pack_str(pk, "name");
	rpc_pack_str(pk, m->name);
	rpc_pack_str(pk, "doc");
	rpc_pack_str(pk, m->doc ? m->doc : "");
	rpc_pack_str(pk, "change");
	if (m->right == CONTROL_CHANGE)
		msgpack_pack_true(pk);
	else
		msgpack_pack_false(pk);
}

/* The name comes from a client, so all but printable ASCII becomes '?'. */
void
rpc_unknown(const msgpack_object *name, struct control_error *error)
{
	char text[64];
	size_t n = name->via.str.size < sizeof(text) - 1 ? name->via.str.size : sizeof(text) - 1;

	for (size_t i = 0; i < n; i++)
		text[i] = name->via.str.ptr[i] >= 0x20 && name->via.str.ptr[i] < 0x7f ?
				  name->via.str.ptr[i] :
				  '?';
	text[n] = '\0';
	error->code = ENOSYS;
	snprintf(error->message, sizeof(error->message), "no method \"%s\"", text);
}
