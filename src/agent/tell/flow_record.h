/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of tracing: flow, event, and the map "trace" of status (rpingmesh-records(5)).
 */
#ifndef RPINGMESH_AGENT_TELL_FLOW_RECORD_H
#define RPINGMESH_AGENT_TELL_FLOW_RECORD_H

#include <msgpack.h>

#include "record/record.h"
#include "trace/flows.h"

struct tell;
struct owners;
struct roads;

#define FLOW_RECORD_QPS_MAX 64    /* the most QPs that a record lists; it counts all */
#define FLOW_RECORD_OWNERS_MAX 32 /* the most owners that a record lists */

/* flow: one of services_flows(). roads may be NULL if the flow is not probed. */
void flow_record(msgpack_packer *out, struct owners *owners, struct roads *roads,
		 const struct flow *flow);
void flow_record_event(msgpack_packer *out, const struct record_origin *origin,
		       struct owners *owners, const struct qp_event *e, const struct flow_qp *qp);
/* Adds the keys tracing, tracing_reason and trace. */
void flow_record_status(struct record *r, const struct tell *t);

#endif
