/* SPDX-License-Identifier: Apache-2.0 */
#include "control_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"

static int
call_echo(const struct control_call *call)
{
	struct fixture *fx = call->arg;

	fx->seen = call->client;
	fx->calls++;
	if (call->params->via.array.size &&
	    call->params->via.array.ptr[0].type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
	    call->params->via.array.ptr[0].via.u64 == MARK)
		fx->marked_at = fx->calls;
	msgpack_pack_object(call->result, *call->params);
	return 0;
}

static int
call_fail(const struct control_call *call)
{
	msgpack_pack_int(call->result, 1); /* to be dropped */
	call->error->code = EBUSY;
	strcpy(call->error->message, "not now");
	return -EBUSY;
}

static int
call_change(const struct control_call *call)
{
	assert_true(control_client_may_change(call->client));
	msgpack_pack_int(call->result, 42);
	return 0;
}

static int
call_big(const struct control_call *call)
{
	size_t n = call->params->via.array.ptr[0].via.u64;
	char *bytes = calloc(1, n);

	msgpack_pack_bin(call->result, n);
	msgpack_pack_bin_body(call->result, bytes, n);
	free(bytes);
	return 0;
}

static int
call_leave(const struct control_call *call)
{
	struct fixture *fx = call->arg;
	msgpack_sbuffer payload;
	msgpack_packer pk;

	close(fx->hang_up);
	fx->hang_up = -1;
	msgpack_sbuffer_init(&payload);
	msgpack_packer_init(&pk, &payload, msgpack_sbuffer_write);
	msgpack_pack_nil(&pk);
	control_notify(call->client, "bye", &payload);
	msgpack_sbuffer_destroy(&payload);
	assert_int_equal(fx->gone, 0);
	msgpack_pack_nil(call->result);
	return 0;
}

static void
client_is_gone(void *arg, struct control_client *client)
{
	struct fixture *fx = arg;

	assert_true(control_client_id(client) > 0);
	fx->gone++;
	if (fx->seen == client)
		fx->seen = NULL;
}

static const struct control_method methods[] = {
	{"echo", "Says it again", CONTROL_READ, call_echo},
	{"fail", "Fails", CONTROL_READ, call_fail},
	{"change", "Changes", CONTROL_CHANGE, call_change},
	{"big", "Says much", CONTROL_READ, call_big},
	{"leave", "The caller leaves meanwhile", CONTROL_READ, call_leave},
};

struct control_config
fixture_config(struct fixture *fx)
{
	return (struct control_config){
		.path = fx->path, .group = "", .methods = methods,
		.n_methods = sizeof(methods) / sizeof(methods[0]), .arg = fx,
		.gone = client_is_gone, .listen_fd = -1,
	};
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

int
fixture_setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));
	struct control_config config;

	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	strcpy(fx->dir, "/tmp/test_control.XXXXXX");
	assert_non_null(mkdtemp(fx->dir));
	chmod(fx->dir, 0755);
	snprintf(fx->path, sizeof(fx->path), "%s/sock", fx->dir);
	fx->hang_up = -1;
	assert_int_equal(loop_new(&fx->loop), 0);
	assert_int_equal(loop_timer_new(fx->loop, "test", stop, fx->loop, &fx->stop), 0);
	config = fixture_config(fx);
	assert_int_equal(control_new(fx->loop, &config, &fx->control), 0);
	*state = fx;
	return 0;
}

int
fixture_teardown(void **state)
{
	struct fixture *fx = *state;

	control_free(fx->control);
	loop_timer_free(fx->stop);
	loop_free(fx->loop);
	unlink(fx->path);
	assert_int_equal(rmdir(fx->dir), 0);
	free(fx);
	return 0;
}

void
fixture_spin(struct fixture *fx, uint64_t ms)
{
	loop_timer_set(fx->stop, ms * NSEC_PER_MSEC);
	assert_int_equal(loop_run(fx->loop), 0);
}

struct client *
client_new(struct fixture *fx)
{
	struct client *c = calloc(1, sizeof(*c));
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	strcpy(sun.sun_path, fx->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	msgpack_unpacker_init(&c->in, 65536);
	msgpack_unpacked_init(&c->message);
	return c;
}

struct client *
client_new_as(struct fixture *fx, uid_t uid)
{
	struct client *c;

	assert_int_equal(chmod(fx->path, 0666), 0);
	assert_int_equal(seteuid(uid), 0);
	c = client_new(fx);
	assert_int_equal(seteuid(0), 0);
	return c;
}

void
client_free(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	msgpack_unpacked_destroy(&c->message);
	msgpack_unpacker_destroy(&c->in);
	free(c);
}

void
client_write(struct fixture *fx, struct client *c, const void *data, size_t len)
{
	const char *p = data;

	for (int i = 0; len > 0 && i < PATIENCE; i++) {
		ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			fixture_spin(fx, 1);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
	assert_int_equal(len, 0);
}

void
client_read(struct client *c)
{
	ssize_t n;

	msgpack_unpacker_reserve_buffer(&c->in, 65536);
	n = recv(c->fd, msgpack_unpacker_buffer(&c->in), 65536, 0);
	if (n > 0) {
		msgpack_unpacker_buffer_consumed(&c->in, (size_t)n);
		c->received += (size_t)n;
	} else if (n == 0 || errno != EAGAIN) {
		c->eof = true;
	}
}

static bool
client_next(struct client *c)
{
	return msgpack_unpacker_next(&c->in, &c->message) == MSGPACK_UNPACK_SUCCESS;
}

const msgpack_object *
client_message(struct fixture *fx, struct client *c)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (client_next(c))
			return &c->message.data;
		if (c->eof)
			return NULL;
		client_read(c);
		if (!client_next(c))
			fixture_spin(fx, 1);
		else
			return &c->message.data;
	}
	fail_msg("no message");
	return NULL;
}

bool
client_sees_eof(struct fixture *fx, struct client *c)
{
	for (int i = 0; i < PATIENCE && !c->eof; i++) {
		fixture_spin(fx, 1);
		client_read(c);
	}
	return c->eof;
}

void
pack_text(msgpack_packer *pk, const char *s)
{
	msgpack_pack_str(pk, strlen(s));
	msgpack_pack_str_body(pk, s, strlen(s));
}

void
pack_request(msgpack_sbuffer *out, uint32_t id, const char *method, uint64_t n)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, 4);
	msgpack_pack_int(&pk, CONTROL_RPC_REQUEST);
	msgpack_pack_uint32(&pk, id);
	pack_text(&pk, method);
	msgpack_pack_array(&pk, 1);
	msgpack_pack_uint64(&pk, n);
}

void
client_ask(struct fixture *fx, struct client *c, uint32_t id, const char *method, uint64_t n)
{
	msgpack_sbuffer out;

	msgpack_sbuffer_init(&out);
	pack_request(&out, id, method, n);
	client_write(fx, c, out.data, out.size);
	msgpack_sbuffer_destroy(&out);
}

const msgpack_object *
check_answer(const msgpack_object *o, uint64_t id)
{
	assert_non_null(o);
	assert_int_equal(o->type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(o->via.array.size, 4);
	assert_int_equal(o->via.array.ptr[0].via.u64, CONTROL_RPC_RESPONSE);
	assert_int_equal(o->via.array.ptr[1].via.u64, id);
	return o->via.array.ptr;
}

void
check_echo(const msgpack_object *o, uint64_t id, uint64_t n)
{
	const msgpack_object *a = check_answer(o, id);

	assert_int_equal(a[2].type, MSGPACK_OBJECT_NIL);
	assert_int_equal(a[3].type, MSGPACK_OBJECT_ARRAY);
	assert_int_equal(a[3].via.array.ptr[0].via.u64, n);
}

void
check_error(const msgpack_object *o, uint64_t id, int64_t code, const char *message)
{
	const msgpack_object *a = check_answer(o, id);
	const msgpack_object_kv *kv = a[2].via.map.ptr;

	assert_int_equal(a[2].type, MSGPACK_OBJECT_MAP);
	assert_int_equal(a[2].via.map.size, 2);
	assert_memory_equal(kv[0].key.via.str.ptr, "code", 4);
	assert_int_equal(kv[0].val.via.i64, code);
	assert_memory_equal(kv[1].key.via.str.ptr, "message", 7);
	assert_int_equal(kv[1].val.via.str.size, strlen(message));
	assert_memory_equal(kv[1].val.via.str.ptr, message, strlen(message));
	assert_int_equal(a[3].type, MSGPACK_OBJECT_NIL);
}

struct control_stats
fixture_stats(struct fixture *fx)
{
	struct control_stats stats;

	control_stats(fx->control, &stats);
	return stats;
}

int
fixture_notify(struct control_client *client, uint64_t n)
{
	static const char fill[1000];
	msgpack_sbuffer payload;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&payload);
	msgpack_packer_init(&pk, &payload, msgpack_sbuffer_write);
	msgpack_pack_array(&pk, 2);
	msgpack_pack_uint64(&pk, n);
	msgpack_pack_bin(&pk, sizeof(fill));
	msgpack_pack_bin_body(&pk, fill, sizeof(fill));
	rc = control_notify(client, "tick", &payload);
	msgpack_sbuffer_destroy(&payload);
	return rc;
}

const msgpack_object *
check_notification(const msgpack_object *o, const char *method)
{
	assert_non_null(o);
	assert_int_equal(o->via.array.size, 3);
	assert_int_equal(o->via.array.ptr[0].via.u64, CONTROL_RPC_NOTIFICATION);
	assert_int_equal(o->via.array.ptr[1].via.str.size, strlen(method));
	assert_memory_equal(o->via.array.ptr[1].via.str.ptr, method, strlen(method));
	assert_int_equal(o->via.array.ptr[2].via.array.size, 1);
	return &o->via.array.ptr[2].via.array.ptr[0];
}
