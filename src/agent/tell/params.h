/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the parameters of control methods: one map in the params array. Checks each key, because
 * the sender is not trusted. The functions return 0, or -EINVAL with *error, which names the key
 * and the expected value.
 */
#ifndef RPINGMESH_AGENT_TELL_PARAMS_H
#define RPINGMESH_AGENT_TELL_PARAMS_H

#include "core/log.h"
#include "agent/tell/ping.h"
#include "serve/control.h"
#include "record/record_window.h"

struct params_ping {
	struct ping_request request; /* its strings point to the members below */
	char host[254], device[64], source[64];
};

/*
 * Reads the parameters of "ping". If there is no timeout, it is default_timeout_ns.
 */
int params_ping(const msgpack_object *params, uint64_t default_timeout_ns, struct params_ping *out,
		struct control_error *error);
int params_ping_id(const msgpack_object *params, uint64_t *id, struct control_error *error);
/* Key "device": name is "" if it is missing. */
int params_device(const msgpack_object *params, char name[64], struct control_error *error);
/* Keys "target", which must not be missing, and "device", which is "" if it is missing. */
int params_explain(const msgpack_object *params, char target[254], char device[64],
		   struct control_error *error);
/* Key "by": RECORD_WINDOW_TARGET if it is missing. */
int params_window_by(const msgpack_object *params, enum record_window_by *by,
		     struct control_error *error);
/* List "by", as bits 1 << enum record_window_by; all bits if it is missing. */
int params_window_bys(const msgpack_object *params, unsigned int *bys, struct control_error *error);
/*
 * Key "level", and list "subsystems" as bits 1 << enum log_subsystem; all bits if it is missing.
 */
int params_log_level(const msgpack_object *params, enum log_level *level, unsigned int *subs,
		     struct control_error *error);
/* List "kinds", as bits 1 << enum probe_kind; all bits if it is missing. */
int params_kinds(const msgpack_object *params, unsigned int *kinds, struct control_error *error);

#endif
