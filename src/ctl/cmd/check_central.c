/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/check_central.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/view/format.h"
#include "ctl/view/view.h"
#include "record/json.h"
#include "record/read.h"
#include "record/record.h"

#define CHECK_TEXT 256
#define CHECK_ASK_NS (500 * NSEC_PER_MSEC)       /* between two questions whether it is done */
#define CHECK_BUSY_NS (60 * NSEC_PER_SEC)        /* so long another check may be in the way */
#define CHECK_GRACE_NS (30 * NSEC_PER_SEC)       /* beyond the time that central has named */

static void
check_pause(void)
{
	const struct timespec pause = {0, CHECK_ASK_NS};

	nanosleep(&pause, NULL); /* a signal ends it, and the program */
}

/* ---- asking ---- */

static void
check_pack(msgpack_sbuffer *param, const struct check_central *c)
{
	msgpack_packer pk;

	msgpack_sbuffer_init(param);
	msgpack_packer_init(&pk, param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 2);
	record_pack_str(&pk, "hosts");
	msgpack_pack_array(&pk, c->n);
	for (size_t i = 0; i < c->n; i++)
		record_pack_str(&pk, c->hosts[i]);
	record_pack_str(&pk, "count");
	msgpack_pack_uint64(&pk, c->count);
}

/* That no check was made, or that there is no result, is no bad news of the network. */
static int
check_told(const struct client *client, enum client_rc rc)
{
	int told = ask_told(client, rc);

	return told == CMD_BAD_NEWS ? CMD_NO_DAEMON : told;
}

static int
check_begin(const struct check_central *c, const msgpack_object **result)
{
	uint64_t until_ns = clock_mono_ns() + CHECK_BUSY_NS;
	msgpack_sbuffer param;
	enum client_rc rc;

	check_pack(&param, c);
	while ((rc = client_call(c->client, "check", &param, result)) == CLIENT_REFUSED &&
	       client_code(c->client) == EBUSY && clock_mono_ns() < until_ns)
		check_pause();
	msgpack_sbuffer_destroy(&param);
	return check_told(c->client, rc);
}

static int
check_done(const struct check_central *c, uint64_t id, const msgpack_object **result, bool *done)
{
	msgpack_sbuffer param;
	msgpack_packer pk;
	enum client_rc rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 1);
	record_pack_str(&pk, "id");
	msgpack_pack_uint64(&pk, id);
	rc = client_call(c->client, "checked", &param, result);
	msgpack_sbuffer_destroy(&param);
	*done = false;
	if (rc == CLIENT_OK)
		read_bool(*result, "done", done);
	return check_told(c->client, rc);
}

static int
check_wait(const struct check_central *c, const msgpack_object *begun,
	   const msgpack_object **result)
{
	uint64_t id = 0, left_ns = 0, until_ns;
	bool done = false;
	int rc;

	read_u64(begun, "id", &id);
	read_u64(begun, "left_ns", &left_ns);
	until_ns = clock_mono_ns() + left_ns + CHECK_GRACE_NS;
	for (;;) {
		rc = check_done(c, id, result, &done);
		if (rc != CMD_OK || done)
			return rc;
		if (clock_mono_ns() >= until_ns) {
			cmd_complain("check: rpingmesh-central does not come to an end: see "
				     "rpingmesh-ctl --central status");
			return CMD_NO_DAEMON;
		}
		check_pause();
	}
}

/* ---- lines ---- */

static uint64_t
check_number(const msgpack_object *host, const char *key)
{
	uint64_t n = 0;

	read_u64(host, key, &n);
	return n;
}

static void
check_bad(const msgpack_object *host)
{
	const msgpack_object *bad = read_array(host, "bad");
	char name[CHECK_TEXT];

	if (!bad || !bad->via.array.size)
		return;
	printf("; not well with %u of %" PRIu64 ":", bad->via.array.size,
	       check_number(host, "others"));
	for (uint32_t i = 0; i < bad->via.array.size; i++) {
		view_clean(&bad->via.array.ptr[i], name, sizeof(name));
		printf(" %s", name);
	}
}

static void
check_line(const msgpack_object *host, bool well)
{
	char name[CHECK_TEXT], error[CHECK_TEXT], rtt[FORMAT_TEXT];
	uint64_t rtt_ns;

	view_text(host, "host", name, sizeof(name));
	printf("%-24s %-4s ", name, well ? "ok" : "BAD");
	if (check_number(host, "sent") + check_number(host, "in_sent"))
		printf("%" PRIu64 " of %" PRIu64 " answered, %" PRIu64 " of %" PRIu64
		       " from others", check_number(host, "answered"), check_number(host, "sent"),
		       check_number(host, "in_answered"), check_number(host, "in_sent"));
	else
		printf("no probes");
	if (read_u64(host, "rtt_mean_ns", &rtt_ns))
		printf(", rtt mean %s", format_ns(rtt_ns, rtt));
	check_bad(host);
	if (view_text(host, "error", error, sizeof(error)))
		printf(": %s", error);
	putchar('\n');
}

static int
check_print(const struct check_central *c, const msgpack_object *result)
{
	const msgpack_object *hosts = read_array(result, "hosts");
	bool bad = !hosts;

	for (uint32_t i = 0; hosts && i < hosts->via.array.size; i++) {
		const msgpack_object *host = &hosts->via.array.ptr[i];
		bool well = false;

		read_bool(host, "well", &well);
		bad |= !well;
		if (c->ctl->json)
			json_line(stdout, host, NULL);
		else
			check_line(host, well);
	}
	return bad ? CMD_BAD_NEWS : CMD_OK;
}

int
check_central(const struct check_central *c)
{
	const msgpack_object *result = NULL;
	int rc = check_begin(c, &result);

	if (rc == CMD_OK)
		rc = check_wait(c, result, &result);
	return rc == CMD_OK ? check_print(c, result) : rc;
}
