/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPF events: any bytes as struct qp_event through the trace room, with dumps beside them, and out
 * again as records of events and flows. The tracer and the netlink dump are replaced by the linker;
 * trace.c, flows.c, owners.c and flow_record.c are the daemon's.
 *
 * The input is a program: each step is a byte, and what that step takes. An event is the bytes as
 * they stand, or one that is possible with some bytes bent, so that QPs live, move and die as well.
 * After each step the books balance, and what the table says of its flows is true.
 */
#include <msgpack.h>

#include "core/clock.h"
#include "agent/config/config.h"
#include "core/log.h"
#include "core/loop.h"
#include "agent/tell/flow_record.h"
#include "record/record.h"
#include "fuzz.h"
#include "trace/nldev.h"
#include "trace/owners.h"
#include "trace/trace.h"

#define STEPS 512
#define MAX_QPS 24
#define MAX_FLOWS 8

static struct owners *owners;
static struct trace *trace;
static struct tracer_config tracer;
static struct nldev_config dump;
static bool dumping, on;
static uint64_t now_ns, living, began, ended;

/* ---- in place of tracer.c, nldev.c, the clock and /proc ---- */

int __wrap_tracer_new(const struct tracer_config *config, struct tracer **out);
void __wrap_tracer_free(struct tracer *t);
void __wrap_tracer_info(const struct tracer *t, struct tracer_info *out);
void __wrap_tracer_check(struct tracer *t, uint32_t n_dumped);
void __wrap_tracer_dump_begins(struct tracer *t);
void __wrap_tracer_drain(struct tracer *t);
int __wrap_nldev_dump(const struct nldev_config *config, struct nldev **out);
void __wrap_nldev_free(struct nldev *n);
int __wrap_loop_timer_new(struct loop *l, const char *name, void (*cb)(void *arg), void *arg,
			  struct loop_timer **out);
void __wrap_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns);
void __wrap_loop_timer_free(struct loop_timer *timer);
uint64_t __wrap_clock_mono_ns(void);
int __wrap_owner_cgroup_path(const char *root, uint32_t tgid, uint64_t cgroup_id, char path[512]);

static void (*tick)(void *arg);
static void *tick_arg;

int
__wrap_tracer_new(const struct tracer_config *config, struct tracer **out)
{
	tracer = *config;
	*out = (struct tracer *)(void *)&tracer;
	return 0;
}

void
__wrap_tracer_free(struct tracer *t)
{
	(void)t;
}

void
__wrap_tracer_info(const struct tracer *t, struct tracer_info *out)
{
	(void)t;
	*out = (struct tracer_info){.state = on ? TRACER_ON : TRACER_FAILED,
				    .method = "",
				    .kernel.lost_ring = now_ns >> 32};
}

void
__wrap_tracer_check(struct tracer *t, uint32_t n_dumped)
{
	(void)t;
	(void)n_dumped;
}

void
__wrap_tracer_dump_begins(struct tracer *t)
{
	(void)t;
}

void
__wrap_tracer_drain(struct tracer *t)
{
	(void)t;
}

int
__wrap_nldev_dump(const struct nldev_config *config, struct nldev **out)
{
	dump = *config;
	dumping = true;
	*out = (struct nldev *)(void *)&dump;
	return 0;
}

void
__wrap_nldev_free(struct nldev *n)
{
	if (n)
		dumping = false;
}

int
__wrap_loop_timer_new(struct loop *l, const char *name, void (*cb)(void *arg), void *arg,
		      struct loop_timer **out)
{
	(void)l;
	(void)name;
	tick = cb;
	tick_arg = arg;
	*out = (struct loop_timer *)(void *)&tick;
	return 0;
}

void
__wrap_loop_timer_set(struct loop_timer *timer, uint64_t delay_ns)
{
	(void)timer;
	(void)delay_ns;
}

void
__wrap_loop_timer_free(struct loop_timer *timer)
{
	(void)timer;
}

uint64_t
__wrap_clock_mono_ns(void)
{
	return now_ns;
}

/* Every third process has gone. */
int
__wrap_owner_cgroup_path(const char *root, uint32_t tgid, uint64_t cgroup_id, char path[512])
{
	(void)root;
	if (tgid % 3 == 0)
		return -2;
	snprintf(path, 512, "/slurm/job_%u/kubepods-pod%llu.slice/docker-%016llx.scope", tgid,
		 (unsigned long long)cgroup_id, (unsigned long long)cgroup_id);
	return 0;
}

/* ---- what the trace room tells ---- */

static void
qp_unpack(const msgpack_sbuffer *out)
{
	msgpack_unpacked unpacked;
	size_t off = 0;

	msgpack_unpacked_init(&unpacked);
	FUZZ_CHECK(msgpack_unpack_next(&unpacked, out->data, out->size, &off) ==
			   MSGPACK_UNPACK_SUCCESS &&
		   off == out->size);
	FUZZ_CHECK(unpacked.data.type == MSGPACK_OBJECT_MAP);
	msgpack_unpacked_destroy(&unpacked);
}

static void
qp_event(void *arg, const struct qp_event *e, const struct flow_qp *qp)
{
	const struct record_origin origin = {.host = "host-a", .tor = ""};
	msgpack_sbuffer out;
	msgpack_packer pk;

	(void)arg;
	FUZZ_CHECK(qp->qpn == e->qpn && qp->device_index == e->device_index && qp->qpn <= 0xffffff);
	FUZZ_CHECK(memchr(qp->device, '\0', sizeof(qp->device)) &&
		   memchr(qp->owner, '\0', sizeof(qp->owner)));
	if (qp->user)
		owners_cgroup(owners, qp->owner_tgid, qp->cgroup_id, now_ns);
	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	flow_record_event(&pk, &origin, owners, e, qp);
	qp_unpack(&out);
	msgpack_sbuffer_destroy(&out);
}

static void
qp_flow_began(void *arg, struct flow *flow)
{
	(void)arg;
	flow_set_user(flow, NULL);
	began++;
	living++;
}

static void
qp_flow_ended(void *arg, struct flow *flow)
{
	struct flow_info info;

	(void)arg;
	flow_info(flow, &info);
	FUZZ_CHECK(info.n_qps == 0);
	ended++;
	living--;
}

static bool
qp_wants_device(void *arg, const char *device)
{
	(void)arg;
	return strncmp(device, "other", 5) != 0;
}

/* Whatever the table holds, as a client sees it. */
static void
qp_pack_flows(void)
{
	struct flow_info info = {.id = 0};
	msgpack_sbuffer out;
	msgpack_packer pk;
	struct flow *flow;

	while ((flow = flows_next(trace_flows(trace), info.id))) {
		flow_info(flow, &info);
		msgpack_sbuffer_init(&out);
		msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
		flow_record(&pk, owners, NULL, flow);
		qp_unpack(&out);
		msgpack_sbuffer_destroy(&out);
	}
}

static void
qp_check(void)
{
	struct flow_info info = {.id = 0};
	struct flows_stats stats;
	struct flow *flow;
	uint32_t n_flows = 0, n_in_flows = 0;

	flows_stats(trace_flows(trace), &stats);
	FUZZ_CHECK(stats.qps <= MAX_QPS && stats.flows <= MAX_FLOWS);
	FUZZ_CHECK(stats.created + stats.found == stats.destroyed + stats.vanished + stats.qps);
	FUZZ_CHECK(stats.flows_began == stats.flows_ended + stats.flows &&
		   stats.flows_began == began && stats.flows_ended == ended);
	while ((flow = flows_next(trace_flows(trace), info.id))) {
		const struct flow_qp_ref *ref = NULL;
		struct flow_qp qp;
		uint32_t n = 0;

		flow_info(flow, &info);
		for (; (ref = flow_next_qp(flow, ref, &qp)); n++)
			FUZZ_CHECK(qp.flow == flow && qp.device_index == info.key.device_index &&
				   qp.has_av && qp.has_sgid);
		FUZZ_CHECK(n > 0 && n == info.n_qps);
		n_in_flows += n;
		n_flows++;
	}
	FUZZ_CHECK(n_flows == stats.flows && n_flows == living && n_in_flows <= stats.qps);
}

/* ---- steps ---- */

static void
step_raw(struct fuzz *f)
{
	struct qp_event e;

	fuzz_fill(f, &e, sizeof(e));
	tracer.ops->event(tracer.arg, &e);
}

/* A QP of a few, in some state, on one of a few paths. */
static void
step_possible(struct fuzz *f)
{
	static const uint8_t types[] = {2, 3, 4, 9};
	uint8_t who = fuzz_u8(f), what = fuzz_u8(f), where = fuzz_u8(f), bends = fuzz_u8(f) % 8;
	struct qp_event e = {
		.time_ns = now_ns, .type = QP_EVENT_CREATE + what % 4, .device_index = who >> 7,
		.driver_id = where % 3 ? 1 : 14,
		.qpn = who & 31, .qp_type = types[who >> 5 & 3], .flags = QP_EVENT_USER,
		.owner_tgid = 1000 + (who & 3), .cgroup_id = 7, .owner = "train",
		.device = "rxe0", .state = what >> 2 & 7, .port = 1,
		.gid_type = where & 64 ? QP_EVENT_GID_UNKNOWN : QP_EVENT_GID_ROCE_V2,
		.path_mtu = 5, .flow_label = where & 32 ? 0 : 0xabcde, .remote_qpn = where & 15,
		.sgid = {[15] = 1}, .dgid = {[15] = where & 7},
	};
	uint8_t *bytes = (uint8_t *)&e;

	if (what & 32)
		e.flags |= QP_EVENT_HAS_STATE;
	if (what & 64)
		e.flags |=
			QP_EVENT_HAS_AV | QP_EVENT_HAS_GRH | QP_EVENT_HAS_SGID | QP_EVENT_HAS_MTU;
	if (what & 128)
		e.flags |= QP_EVENT_HAS_REMOTE;
	for (; bends > 0; bends--) {
		uint8_t at = fuzz_u8(f);

		bytes[at % sizeof(e)] ^= fuzz_u8(f);
	}
	tracer.ops->event(tracer.arg, &e);
}

static void
step_state(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);

	on = how & 1;
	tracer.ops->changed(tracer.arg, on ? TRACER_ON : how & 2 ? TRACER_STARTING : TRACER_FAILED);
}

static void
step_time(struct fuzz *f)
{
	now_ns += fuzz_u16(f) * NSEC_PER_MSEC;
	tick(tick_arg);
}

static void
step_dumped(struct fuzz *f)
{
	uint8_t who = fuzz_u8(f);
	struct nldev_qp qp = {.device_index = who >> 7,
			      .device = "rxe0",
			      .qpn = who & 31,
			      .qp_type = 2,
			      .state = 3};

	if (dumping)
		dump.ops->qp(dump.arg, &qp);
}

static void
step_dump_done(struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);

	if (dumping)
		dump.ops->done(dump.arg, how & 1 ? -5 : 0, how);
}

static void
step_pack(struct fuzz *f)
{
	(void)f;
	qp_pack_flows();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct trace_ops ops = {qp_flow_began, qp_flow_ended, qp_event,
					     qp_wants_device};
	static void (*const steps[])(struct fuzz * f) = {
		step_possible, step_possible, step_raw,	      step_state,
		step_time,     step_dumped,   step_dump_done, step_pack,
	};
	struct trace_config config = {.max_qps = MAX_QPS, .max_flows = MAX_FLOWS, .ops = &ops};
	struct fuzz f = {data, size};

	record_checked = true;
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	now_ns = 1000 * NSEC_PER_SEC;
	living = began = ended = 0;
	dumping = false;
	FUZZ_CHECK(owners_new("", &owners) == 0 && trace_new(&config, &trace) == 0);
	on = true;
	tracer.ops->changed(tracer.arg, TRACER_ON);
	for (int i = 0; f.left && i < STEPS; i++) {
		steps[fuzz_u8(&f) % (sizeof(steps) / sizeof(steps[0]))](&f);
		qp_check();
	}
	qp_pack_flows();
	trace_free(trace);
	FUZZ_CHECK(began == ended && living == 0);
	owners_free(owners);
	return 0;
}
