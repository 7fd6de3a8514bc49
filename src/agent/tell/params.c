/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/params.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/addr.h"
#include "core/clock.h"
#include "agent/config/config.h"
#include "rpingmesh/log_subsystems.h"
#include "serve/param.h"

#define PARAMS_INTERVAL_DEFAULT_NS NSEC_PER_SEC
#define PARAMS_INTERVAL_MAX_NS (3600 * NSEC_PER_SEC)
#define PARAMS_TIMEOUT_MIN_NS (10 * NSEC_PER_MSEC)
#define PARAMS_TIMEOUT_MAX_NS (60 * NSEC_PER_SEC)

static int
params_ping_numbers(const msgpack_object_map *map, uint64_t default_timeout_ns,
		    struct prober_target_config *t, struct control_error *error)
{
	uint64_t v[6];
	const struct param_range ranges[] = {
		{"count", 0, 0, UINT32_MAX, "a whole number of probes, 0 for no end"},
		{"interval_ns", PARAMS_INTERVAL_DEFAULT_NS, PING_INTERVAL_MIN_NS,
		 PARAMS_INTERVAL_MAX_NS, "1 ms to 1 h"},
		{"size", CONFIG_SIZE_MIN, CONFIG_SIZE_MIN, CONFIG_SIZE_MAX, "50 to 4096 bytes"},
		{"flow_label", 0, 0, 0xfffff, "0 to 0xfffff"},
		{"traffic_class", 0, 0, 255, "0 to 255"},
		{"timeout_ns", default_timeout_ns, PARAMS_TIMEOUT_MIN_NS, PARAMS_TIMEOUT_MAX_NS,
		 "10 ms to 60 s"},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		int rc = param_number(map, &ranges[i], &v[i], error);

		if (rc < 0)
			return rc;
	}
	*t = (struct prober_target_config){
		.kind = PROBE_KIND_PING,
		.count = v[0],
		.interval_ns = v[1],
		.sizes = {(uint16_t)v[2]},
		.n_sizes = 1,
		.flow_label = (uint32_t)v[3],
		.traffic_class = (uint8_t)v[4],
		.timeout_ns = v[5],
	};
	return 0;
}

int
params_ping(const msgpack_object *params, uint64_t default_timeout_ns, struct params_ping *out,
	    struct control_error *error)
{
	const msgpack_object_map *map;
	struct addr addr;
	int rc = param_map(params, &map, error);

	if (rc == 0)
		rc = param_text(map, "host", out->host, sizeof(out->host), error);
	if (rc == 0)
		rc = param_text(map, "device", out->device, sizeof(out->device), error);
	if (rc == 0)
		rc = param_text(map, "source", out->source, sizeof(out->source), error);
	if (rc == 0)
		rc = params_ping_numbers(map, default_timeout_ns, &out->request.target, error);
	if (rc < 0)
		return rc;
	if (!out->host[0])
		return param_bad(error, "host", "an address or a host name");
	if (out->source[0] && addr_parse(out->source, &addr) < 0)
		return param_bad(error, "source", "a numeric local address");
	out->request.host = out->host;
	out->request.device = out->device[0] ? out->device : NULL;
	out->request.source = out->source[0] ? out->source : NULL;
	return 0;
}

int
params_ping_id(const msgpack_object *params, uint64_t *id, struct control_error *error)
{
	const struct param_range range = {"ping", 0, 1, UINT64_MAX, "the number of a ping"};
	const msgpack_object_map *map;
	int rc = param_map(params, &map, error);

	return rc < 0 ? rc : param_number(map, &range, id, error);
}

int
params_device(const msgpack_object *params, char name[64], struct control_error *error)
{
	const msgpack_object_map *map;
	int rc = param_map(params, &map, error);

	return rc < 0 ? rc : param_text(map, "device", name, 64, error);
}

/* The names of the values 0 to n - 1. */
struct params_names {
	const char *key;
	int n;
	const char *(*name)(int value);
	const char *expected;
};

/* 1 << value; 0: it is none of the names. */
static unsigned int
params_bit(const struct params_names *names, const msgpack_object *o)
{
	for (int i = 0; i < names->n; i++)
		if (param_is(o, names->name(i)))
			return 1u << i;
	return 0;
}

/* Reads a list of names as bits 1 << value; all bits if it is missing. */
static int
params_bits(const msgpack_object *params, const struct params_names *names, unsigned int *bits,
	    struct control_error *error)
{
	const msgpack_object_map *map;
	const msgpack_object *list;
	int rc = param_map(params, &map, error);

	if (rc < 0)
		return rc;
	list = param_find(map, names->key);
	*bits = list ? 0 : (1u << names->n) - 1;
	if (!list)
		return 0;
	if (list->type != MSGPACK_OBJECT_ARRAY || list->via.array.size == 0)
		return param_bad(error, names->key, names->expected);
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		unsigned int bit = params_bit(names, &list->via.array.ptr[i]);

		if (!bit)
			return param_bad(error, names->key, names->expected);
		*bits |= bit;
	}
	return 0;
}

static const char *
params_kind_name(int kind)
{
	return probe_kind_name((enum probe_kind)kind);
}

int
params_kinds(const msgpack_object *params, unsigned int *kinds, struct control_error *error)
{
	static const struct params_names names = {
		"kinds",
		PROBE_KIND_N,
		params_kind_name,
		"a list of \"mesh\", \"ping\", \"service\"",
	};

	return params_bits(params, &names, kinds, error);
}

static const char *
params_by_name(int by)
{
	return record_window_by_name((enum record_window_by)by);
}

int
params_window_bys(const msgpack_object *params, unsigned int *bys, struct control_error *error)
{
	static const struct params_names names = {
		"by",
		RECORD_WINDOW_BY_N,
		params_by_name,
		"a list of \"target\", \"flow\", \"device\"",
	};

	return params_bits(params, &names, bys, error);
}

int
params_window_by(const msgpack_object *params, enum record_window_by *by,
		 struct control_error *error)
{
	const msgpack_object_map *map;
	const msgpack_object *o;
	int rc = param_map(params, &map, error);

	if (rc < 0)
		return rc;
	o = param_find(map, "by");
	*by = RECORD_WINDOW_TARGET;
	for (int i = 0; o && i < RECORD_WINDOW_BY_N; i++) {
		if (!param_is(o, params_by_name(i)))
			continue;
		*by = (enum record_window_by)i;
		return 0;
	}
	return o ? param_bad(error, "by", "\"target\", \"flow\" or \"device\"") : 0;
}

static const char *
params_subsystem_name(int sub)
{
	return log_subsystem_name((unsigned int)sub);
}

int
params_log_level(const msgpack_object *params, enum log_level *level, unsigned int *subs,
		 struct control_error *error)
{
	static const struct params_names names = {
		"subsystems",
		LOG_SUB_N,
		params_subsystem_name,
		"a list of \"main\", \"config\", \"device\", \"cm\", \"peer\", \"responder\", "
		"\"trace\", \"control\"",
	};
	const msgpack_object_map *map;
	char text[16];
	int rc = param_map(params, &map, error);

	if (rc == 0)
		rc = param_text(map, "level", text, sizeof(text), error);
	if (rc < 0)
		return rc;
	if (log_level_parse(text, level) < 0)
		return param_bad(error, "level", "\"error\", \"warning\", \"info\" or \"debug\"");
	return params_bits(params, &names, subs, error);
}

int
params_explain(const msgpack_object *params, char target[254], char device[64],
	       struct control_error *error)
{
	const msgpack_object_map *map;
	int rc = param_map(params, &map, error);

	if (rc == 0)
		rc = param_text(map, "target", target, 254, error);
	if (rc == 0)
		rc = param_text(map, "device", device, 64, error);
	if (rc == 0 && !target[0])
		return param_bad(error, "target",
				  "the address or name of a peer, or the number of a flow");
	return rc;
}
