/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the tracer's life
 *
 * struct tracer owns the reader of events while the object is loaded, and a timer: `step` begins
 * the next piece of work. Loading, attaching and detaching is work of the tracing helper, and goes
 * on when it answers (helper.h). `state` is for users; `work` is what `step` does next, or what
 * the helper is doing. One function assigns each.
 *
 *   look -> start -> none, state on
 *   stop -> look, or start with the other method, or none
 *
 * The inode of its directory in /sys/module identifies ib_core. If the module is unloaded and
 * loaded again, the inode differs. The old perf kprobes look alive then, but are dead.
 */
#include "trace/tracer_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"
#include "trace/tracer_programs.h"

#define TRACER_RETRY_NS (60 * NSEC_PER_SEC)
#define TRACER_MODULE "/sys/module/ib_core"

static enum log_level
tracer_log_level(const struct tracer *t, enum tracer_state from)
{
	if (t->state == TRACER_FAILED)
		return strcmp(t->failed, t->reason) == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING;
	if (t->state == TRACER_ON && t->reason[0])
		return LOG_LEVEL_WARNING;
	if (t->state == TRACER_STARTING && (t->failed[0] || from == t->state))
		return LOG_LEVEL_DEBUG;
	return LOG_LEVEL_INFO;
}

static void
tracer_log(const struct tracer *t, enum tracer_state from)
{
	const char *sep = !t->reason[0]		? "" :
			  t->state == TRACER_ON ? ", but " :
						  ": ",
		   *to = tracer_state_name(t->state);
	enum log_level level = tracer_log_level(t, from);

	if (from == t->state)
		log_write(LOG_SUB_TRACE, level, "%s%s%s", to, sep, t->reason);
	else
		log_write(LOG_SUB_TRACE, level, "%s -> %s%s%s", tracer_state_name(from), to, sep,
			  t->reason);
}

/*
 * The only place that assigns state. Logs a repeated failure only once.
 */
void
tracer_set_state(struct tracer *t, enum tracer_state state, const char *format, ...)
{
	enum tracer_state from = t->state;
	char reason[TRACER_REASON];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (state == from && strcmp(reason, t->reason) == 0)
		return;
	t->state = state;
	strcpy(t->reason, reason);
	tracer_log(t, from);
	if (state == TRACER_FAILED)
		strcpy(t->failed, reason);
	else if (state != TRACER_STARTING)
		t->failed[0] = '\0';
	t->config.ops->changed(t->config.arg, state);
}

/* The only place that assigns work. */
void
tracer_set_work(struct tracer *t, enum tracer_work work)
{
	t->work = work;
	if (work == TRACER_WORK_NONE)
		loop_timer_clear(t->step);
	else
		loop_timer_set(t->step, 0);
}

/*
 * The identity of ib_core now; 0: it is not loaded, or not live. If it is built in, it has no
 * initstate.
 */
static uint64_t
tracer_module(void)
{
	struct stat st;
	char state[16] = "";
	FILE *f;

	if (stat(TRACER_MODULE, &st) != 0)
		return 0;
	f = fopen(TRACER_MODULE "/initstate", "re");
	if (!f)
		return errno == ENOENT ? st.st_ino : 0;
	if (!fgets(state, sizeof(state), f))
		state[0] = '\0';
	fclose(f);
	return strcmp(state, "live\n") == 0 ? st.st_ino : 0;
}

/* Passes on the events that are left in the ring, which are still valid, and unloads. */
void
tracer_unload(struct tracer *t)
{
	if (!t->reader)
		return;
	tracer_reader_drain(t->reader);
	tracer_reader_count(t->reader, &t->unloaded);
	tracer_reader_free(t->reader);
	t->reader = NULL;
}

static void
tracer_forget_methods(struct tracer *t)
{
	t->method = TRACER_METHOD_KPROBE;
	t->compared = false;
	t->perf_hooks = 0;
}

static void
tracer_begin(struct tracer *t)
{
	tracer_forget_methods(t);
	tracer_set_work(t, TRACER_WORK_LOOK);
}

/* Detaches all hooks, then continues with `next`. */
void
tracer_take_down(struct tracer *t, enum tracer_work next)
{
	t->attached_ns = 0;
	t->degraded = false;
	t->heartbeat_known = false;
	t->work_next = next;
	tracer_set_work(t, TRACER_WORK_STOP);
}

void
tracer_fail(struct tracer *t, const char *reason)
{
	char text[TRACER_REASON];

	snprintf(text, sizeof(text), "%s", reason);
	t->retry_ns = clock_mono_ns() + TRACER_RETRY_NS;
	tracer_take_down(t, TRACER_WORK_NONE);
	tracer_set_state(t, TRACER_FAILED, "%s", text);
}

static void
tracer_work_look(struct tracer *t)
{
	t->module = tracer_module();
	tracer_set_work(t, t->module ? TRACER_WORK_START : TRACER_WORK_NONE);
	if (t->module)
		tracer_set_state(t, TRACER_STARTING, "%s", "");
	else
		tracer_set_state(t, TRACER_WAITING,
				 "ib_core is not loaded: there is no RDMA device yet");
}

static void
tracer_stopped(struct tracer *t)
{
	tracer_unload(t);
	tracer_set_work(t, t->work_next);
}

static void
tracer_answered(void *arg, const struct helper_message *r, const struct tracer_ring_maps *maps)
{
	struct tracer *t = arg;

	if (t->work == TRACER_WORK_STOP) {
		tracer_stopped(t);
	} else if (t->work == TRACER_WORK_START) {
		t->started = *r;
		tracer_started(t, maps);
	}
}

static void
tracer_gone_cb(void *arg)
{
	tracer_helper_gone(arg);
}

static void
tracer_work_stop(struct tracer *t)
{
	if (!t->config.helper || helper_ask(t->config.helper, HELPER_STOP, t->method) < 0)
		tracer_stopped(t);
}

static void
tracer_step_cb(void *arg)
{
	struct tracer *t = arg;

	switch (t->work) {
	case TRACER_WORK_NONE:
		break;
	case TRACER_WORK_LOOK:
		tracer_work_look(t);
		break;
	case TRACER_WORK_START:
		tracer_start(t);
		break;
	case TRACER_WORK_STOP:
		tracer_work_stop(t);
		break;
	}
}

int
tracer_new(const struct tracer_config *config, struct tracer **out)
{
	static const struct helper_ops ops = {tracer_answered, tracer_gone_cb};
	struct tracer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->config = *config;
	t->state = TRACER_WAITING;
	if (loop_timer_new(config->loop, "trace step", tracer_step_cb, t, &t->step)) {
		free(t);
		return -ENOMEM;
	}
	if (config->helper)
		helper_use(config->helper, &ops, t);
	tracer_begin(t);
	*out = t;
	return 0;
}

/* Does not wait until the helper has detached the hooks. The next tracer's request comes later. */
void
tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	if (tracer->config.helper) {
		helper_use(tracer->config.helper, NULL, NULL);
		helper_ask(tracer->config.helper, HELPER_STOP, 0);
	}
	tracer_reader_free(tracer->reader);
	loop_timer_free(tracer->step);
	free(tracer);
}

static uint64_t
tracer_queries(const struct tracer *t)
{
	struct qp_event_counters now = t->unloaded;

	if (t->reader)
		tracer_reader_count(t->reader, &now);
	return now.queries;
}

void
tracer_dump_begins(struct tracer *tracer)
{
	tracer->heartbeat = tracer_queries(tracer);
	tracer->heartbeat_known =
		tracer->state == TRACER_ON && tracer_programs_heartbeat(tracer->started.attached);
}

static void
tracer_reattach(struct tracer *t, const char *why)
{
	t->reattached++;
	tracer_forget_methods(t);
	tracer_take_down(t, TRACER_WORK_LOOK);
	tracer_set_state(t, TRACER_STARTING, "%s", why);
}

/*
 * After a dump: checks that the hooks have seen its queries. If they have not, attaches them again,
 * but only once until a heartbeat is seen.
 */
static void
tracer_check_heartbeat(struct tracer *t, uint32_t n_dumped)
{
	bool seen = tracer_queries(t) != t->heartbeat;

	if (!t->heartbeat_known || n_dumped == 0)
		return;
	t->heartbeat_known = false;
	if (seen) {
		t->heartbeat_cured = t->heartbeat_blind = false;
	} else if (!t->heartbeat_cured) {
		t->heartbeat_cured = true;
		tracer_reattach(t, "the hooks saw nothing of a QP dump: attaching them again");
		return;
	} else {
		t->heartbeat_blind = true;
	}
	tracer_went_on(t);
}

static void
tracer_check_on(struct tracer *t, uint32_t n_dumped)
{
	uint64_t module = tracer_module();

	if (!module) {
		tracer_take_down(t, TRACER_WORK_NONE);
		tracer_set_state(t, TRACER_WAITING, "ib_core has been unloaded");
	} else if (module != t->module) {
		tracer_reattach(t, "ib_core has been loaded again: attaching again");
	} else {
		tracer_check_heartbeat(t, n_dumped);
	}
}

void
tracer_check(struct tracer *tracer, uint32_t n_dumped)
{
	if (tracer->work != TRACER_WORK_NONE)
		return;
	switch (tracer->state) {
	case TRACER_OFF:
	case TRACER_STARTING:
	case TRACER_STATE_N:
		break;
	case TRACER_WAITING:
		if (tracer_module())
			tracer_begin(tracer);
		break;
	case TRACER_ON:
		tracer_check_on(tracer, n_dumped);
		break;
	case TRACER_FAILED:
		if (clock_mono_ns() >= tracer->retry_ns)
			tracer_begin(tracer);
		break;
	}
}

void
tracer_retry(struct tracer *tracer)
{
	if (tracer->state != TRACER_FAILED)
		return;
	/* If hooks are still being detached, the next check begins. */
	tracer->retry_ns = 0;
	if (tracer->work == TRACER_WORK_NONE)
		tracer_begin(tracer);
}

void
tracer_drain(struct tracer *tracer)
{
	if (tracer->reader)
		tracer_reader_drain(tracer->reader);
}

void
tracer_info(const struct tracer *tracer, struct tracer_info *out)
{
	memset(out, 0, sizeof(*out));
	out->state = tracer->state;
	out->method = tracer->state == TRACER_ON ? tracer_method_name(tracer->method) : "";
	strcpy(out->reason, tracer->reason);
	out->degraded = tracer->degraded;
	out->hooks = tracer->reader ? tracer_attached_n(tracer) : 0;
	out->hooks_wanted = TRACER_PROGRAMS;
	out->attached_ns = tracer->attached_ns;
	out->reattached = tracer->reattached;
	out->events = tracer->events;
	out->kernel = tracer->unloaded;
	if (tracer->reader)
		tracer_reader_count(tracer->reader, &out->kernel);
}
