/* SPDX-License-Identifier: Apache-2.0 */
#include "central/tell/central_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "central/check/checks.h"
#include "central/tell/central_tell.h"
#include "core/log.h"
#include "record/record.h"
#include "record/registration.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/control.h"
#include "serve/param.h"

#define CENTRAL_CHECK_COUNT 10u

/* ---- check ---- */

struct central_names {
	char text[CHECKS_HOSTS_MAX][REGISTRATION_HOST];
	const char *at[CHECKS_HOSTS_MAX];
	size_t n;
};

static bool
central_check_name(const msgpack_object *o, char out[REGISTRATION_HOST])
{
	if (o->type != MSGPACK_OBJECT_STR || !o->via.str.size ||
	    o->via.str.size >= REGISTRATION_HOST)
		return false;
	for (uint32_t i = 0; i < o->via.str.size; i++)
		if ((unsigned char)o->via.str.ptr[i] <= ' ' || o->via.str.ptr[i] == 0x7f)
			return false;
	memcpy(out, o->via.str.ptr, o->via.str.size);
	out[o->via.str.size] = '\0';
	return true;
}

static int
central_check_names(const struct control_call *call, const msgpack_object_map *map,
		    struct central_names *out)
{
	static const char expected[] = "a list of 2 to 64 names of hosts";
	const msgpack_object *list = param_find(map, "hosts");

	static_assert(CHECKS_HOSTS_MAX == 64, "as the text says");
	out->n = 0;
	if (!list || list->type != MSGPACK_OBJECT_ARRAY || list->via.array.size < 2 ||
	    list->via.array.size > CHECKS_HOSTS_MAX)
		return param_bad(call->error, "hosts", expected);
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		if (!central_check_name(&list->via.array.ptr[i], out->text[i]))
			return param_bad(call->error, "hosts", expected);
		out->at[out->n++] = out->text[i];
	}
	return 0;
}

static void
central_check_pack(const struct control_call *call, const struct check *check)
{
	struct check_info info;
	struct record r;

	check_info(check, &info);
	record_begin(&r, RECORD_CHECK_BEGUN);
	record_u64(&r, "id", info.id);
	record_u64(&r, "hosts", info.hosts);
	record_u64(&r, "tuples", info.tuples);
	record_u64(&r, "left_ns", info.left_ns);
	record_end(&r, call->result);
}

int
central_check_method(const struct control_call *call)
{
	const struct param_range range = {"count", CENTRAL_CHECK_COUNT, 1, CHECKS_COUNT_MAX,
					  "1 to 100 probes"};
	const struct central_tell *t = call->arg;
	const struct check *check;
	const msgpack_object_map *map;
	char error[CHECKS_ERROR];
	struct central_names names;
	uint64_t count;
	int rc = param_map(call->params, &map, call->error);

	if (rc == 0)
		rc = central_check_names(call, map, &names);
	if (rc == 0)
		rc = param_number(map, &range, &count, call->error);
	if (rc < 0)
		return rc;
	rc = checks_begin(t->checks, &(struct checks_want){names.at, names.n, (uint32_t)count},
			  &check, error);
	if (rc < 0) {
		call->error->code = -rc;
		snprintf(call->error->message, sizeof(call->error->message), "%s", error);
		return rc;
	}
	log_info(CONTROL, "client %llu: %zu hosts are to probe each other now",
		 (unsigned long long)control_client_id(call->client), names.n);
	central_check_pack(call, check);
	return 0;
}

/* ---- checked ---- */

static void
central_checked_host(msgpack_packer *pk, const struct check *check, size_t n, size_t i)
{
	struct check_host_info host;
	struct record r;

	check_host(check, i, &host);
	record_begin(&r, RECORD_CHECKED_HOST);
	record_str(&r, "host", host.name);
	record_bool(&r, "well", host.well);
	record_u64(&r, "wanted", host.out.wanted);
	record_u64(&r, "sent", host.out.sent);
	record_u64(&r, "answered", host.out.answered);
	record_u64(&r, "noise", host.out.noise);
	record_u64(&r, "in_wanted", host.in.wanted);
	record_u64(&r, "in_sent", host.in.sent);
	record_u64(&r, "in_answered", host.in.answered);
	record_u64(&r, "in_noise", host.in.noise);
	record_u64_if(&r, "rtt_mean_ns", host.rtt_ns, host.rtt_ns != 0);
	record_u64(&r, "others", host.others);
	msgpack_pack_array(record_key(&r, "bad"), host.bad);
	for (size_t k = 0; k < n; k++)
		if (check_is_bad(check, i, k))
			record_pack_str(&r.pk, check_name(check, k));
	record_str(&r, "error", host.error);
	record_end(&r, pk);
}

int
central_checked_method(const struct control_call *call)
{
	const struct param_range range = {"id", 0, 1, UINT64_MAX, "the number of a check"};
	const struct central_tell *t = call->arg;
	const msgpack_object_map *map;
	const struct check *check;
	struct check_info info;
	msgpack_packer *pk;
	struct record r;
	uint64_t id;
	int rc = param_map(call->params, &map, call->error);

	if (rc == 0)
		rc = param_number(map, &range, &id, call->error);
	if (rc < 0)
		return rc;
	check = checks_find(t->checks, id);
	if (!check) {
		call->error->code = ENOENT;
		snprintf(call->error->message, sizeof(call->error->message),
			 "there is no check %llu: it ended more than a minute ago, or "
			 "rpingmesh-central was restarted", (unsigned long long)id);
		return -ENOENT;
	}
	check_info(check, &info);
	record_begin(&r, RECORD_CHECKED);
	record_bool(&r, "done", info.done);
	record_u64(&r, "left_ns", info.left_ns);
	pk = record_key(&r, "hosts");
	msgpack_pack_array(pk, info.done ? info.hosts : 0);
	for (size_t i = 0; info.done && i < info.hosts; i++)
		central_checked_host(pk, check, info.hosts, i);
	record_end(&r, call->result);
	return 0;
}
