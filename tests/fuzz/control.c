/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control frames: any bytes into the daemon's control socket, with the daemon behind it: its
 * control server, all its methods and their parameters, on a real Unix socket and loop. It has no
 * device (device_set() is wrapped by the linker) and asks no DNS (names_find() likewise: a name
 * that is no address is being looked up for ever).
 *
 * The input is a byte of bits (enum control_bit), then what a client sends. What comes back is
 * MessagePack-RPC.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <msgpack.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/addr.h"
#include "agent/config/config.h"
#include "record/frame.h"
#include "record/record.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/names.h"
#include "agent/agent.h"
#include "agent/tell/ping.h"
#include "agent/tell/tell.h"
#include "agent/tell/subscriptions.h"
#include "fuzz.h"
#include "serve/control.h"
#include "rpingmesh/log_subsystems.h"

enum control_bit {
	CONTROL_DRIP = 1,   /* a few bytes at a time */
	CONTROL_SHUT = 2,   /* the client says that it has said all */
	CONTROL_LEAVE = 4,  /* it closes without reading */
	CONTROL_TWICE = 8,  /* another client says the same beside it */
};

#define CONTROL_TURNS 40

static char directory[] = "/tmp/rpingmesh-fuzz-XXXXXX";
static char path[64];
static struct loop *loop;
static char no_lookup;

uint64_t __wrap_device_set(void);
int __wrap_names_find(struct names *names, const char *name, const struct addr *keep,
		      void (*found)(void *arg, const struct addr *addr, const char *reason),
		      void *arg, struct names_lookup **out);
void __wrap_names_cancel(struct names_lookup *lookup);

uint64_t
__wrap_device_set(void)
{
	return 0;
}

int
__wrap_names_find(struct names *names, const char *name, const struct addr *keep,
		  void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
		  struct names_lookup **out)
{
	struct addr addr;

	(void)names;
	(void)keep;
	*out = NULL;
	if (addr_parse(name, &addr) == 0)
		found(arg, &addr, NULL);
	else
		*out = (struct names_lookup *)(void *)&no_lookup;
	return 0;
}

void
__wrap_names_cancel(struct names_lookup *lookup)
{
	FUZZ_CHECK(!lookup || (void *)lookup == &no_lookup);
}

static void
control_clean_up(void)
{
	unlink(path);
	rmdir(directory);
}

static struct agent *
control_daemon(void)
{
	static const char format[] = "socket = \"%s\"; socket_group = \"\"; hostname = \"fuzz\"; "
				     "tracing = { enable = false; };\n"
				     "log = { level = \"error\"; };\n"
				     "peers = (\"10.0.0.2\", \"node7\", { address = \"10.0.0.3\"; "
				     "flow_labels = (1, 2); });\n";
	struct conf_errors errors;
	char text[512];
	static const char *const subsystems[LOG_SUB_N] = LOG_SUBSYSTEM_NAMES;
	struct agent_start start = {.config_path = NULL};
	struct agent *d;

	if (!path[0]) {
		FUZZ_CHECK(mkdtemp(directory));
		snprintf(path, sizeof(path), "%s/s", directory);
		atexit(control_clean_up);
	}
	log_init(subsystems, LOG_SUB_N);
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	snprintf(text, sizeof(text), format, path);
	FUZZ_CHECK(config_parse(text, "fuzz.conf", &start.config, &errors) == 0);
	FUZZ_CHECK(loop_new(&loop) == 0 && agent_new(loop, &start, &d) == 0);
	return d;
}

static void
control_turn(unsigned int times)
{
	for (; times > 0; times--)
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
}

static int
control_connect(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	FUZZ_CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	control_turn(2);
	return fd;
}

static void
control_check_message(const msgpack_object *o)
{
	const msgpack_object *a = o->via.array.ptr;

	FUZZ_CHECK(o->type == MSGPACK_OBJECT_ARRAY &&
		   (o->via.array.size == 4 || o->via.array.size == 3));
	FUZZ_CHECK(a[0].type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
		   a[0].via.u64 == (o->via.array.size == 4 ? 1 : 2));
	if (o->via.array.size == 3) {
		FUZZ_CHECK(a[1].type == MSGPACK_OBJECT_STR && a[2].type == MSGPACK_OBJECT_ARRAY &&
			   a[2].via.array.size == 1);
		return;
	}
	FUZZ_CHECK(a[1].type == MSGPACK_OBJECT_POSITIVE_INTEGER && a[1].via.u64 <= UINT32_MAX);
	FUZZ_CHECK(a[2].type == MSGPACK_OBJECT_NIL ||
		   (a[2].type == MSGPACK_OBJECT_MAP && a[3].type == MSGPACK_OBJECT_NIL));
}

/* All that has come. */
static void
control_read(int fd)
{
	char buf[65536];
	msgpack_unpacker unpacker;
	msgpack_unpacked unpacked;
	msgpack_unpack_return rc = MSGPACK_UNPACK_CONTINUE;
	ssize_t n;

	FUZZ_CHECK(msgpack_unpacker_init(&unpacker, sizeof(buf)));
	msgpack_unpacked_init(&unpacked);
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		FUZZ_CHECK(msgpack_unpacker_reserve_buffer(&unpacker, (size_t)n));
		memcpy(msgpack_unpacker_buffer(&unpacker), buf, (size_t)n);
		msgpack_unpacker_buffer_consumed(&unpacker, (size_t)n);
		while ((rc = msgpack_unpacker_next(&unpacker, &unpacked)) == MSGPACK_UNPACK_SUCCESS)
			control_check_message(&unpacked.data);
		FUZZ_CHECK(rc == MSGPACK_UNPACK_CONTINUE);
		control_turn(2);
	}
	msgpack_unpacked_destroy(&unpacked);
	msgpack_unpacker_destroy(&unpacker);
}

static void
control_say(int fd, const struct fuzz *said, uint8_t bits)
{
	size_t step = bits & CONTROL_DRIP ? 1 + said->left / CONTROL_TURNS : said->left;

	for (size_t at = 0; at < said->left; at += step) {
		size_t n = step < said->left - at ? step : said->left - at;

		if (send(fd, said->at + at, n, MSG_NOSIGNAL) < 0)
			return; /* it has been disconnected */
		control_turn(2);
	}
	if (bits & CONTROL_SHUT)
		shutdown(fd, SHUT_WR);
}

static void
control_check_daemon(const struct agent *d)
{
	const struct tell *t = agent_tell(d);
	struct control_stats stats;

	control_turn(4);
	loop_flush(loop);
	control_stats(t->control, &stats);
	FUZZ_CHECK(stats.clients == 0 && !pings_any(t->pings) &&
		   !subscriptions_any(t->subscriptions));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	uint8_t bits = fuzz_u8(&f);
	struct agent *d = control_daemon();
	int fds[2];
	int n = bits & CONTROL_TWICE ? 2 : 1;

	record_checked = true;
	for (int i = 0; i < n; i++)
		fds[i] = control_connect();
	for (int i = 0; i < n; i++)
		control_say(fds[i], &f, bits);
	for (int i = 0; i < n; i++) {
		if (!(bits & CONTROL_LEAVE)) {
			control_turn(CONTROL_TURNS);
			control_read(fds[i]);
		}
		close(fds[i]);
	}
	control_check_daemon(d);
	agent_free(d);
	loop_free(loop);
	return 0;
}
