/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the tracer's life
 *
 * struct tracer owns the hooks while the object is loaded, two timers and a watched descriptor:
 * `step` does the next piece of slow work (it attaches or detaches one hook for each callback),
 * `poll` reads events that came without a wake-up, and `ready` watches the descriptor of the ring.
 * `state` is for users; `work` is what `step` does next. One function assigns each.
 *
 *   look -> load -> attach (a program each step) -> none, state on
 *   detach (a program each step) -> look, or load with the other method, or none
 *
 * Perf kprobes may not find a function that exists. So kprobe.multi is tried before a function is
 * reported as absent. If it does not attach more than perf kprobes did, these are attached again.
 *
 * The inode of its directory in /sys/module identifies ib_core. If the module is unloaded and
 * loaded again, the inode differs. The old perf kprobes look alive then, but are dead.
 */
#include "trace/tracer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"
#include "trace/tracer_hooks.h"
#include "trace/tracer_reason.h"

#define TRACER_POLL_NS (100 * NSEC_PER_MSEC)
#define TRACER_RETRY_NS (60 * NSEC_PER_SEC)
#define TRACER_BUDGET 256 /* events in one callback */
#define TRACER_MODULE "/sys/module/ib_core"

enum tracer_work {
	TRACER_WORK_NONE,
	TRACER_WORK_LOOK,
	TRACER_WORK_LOAD,
	TRACER_WORK_ATTACH,
	TRACER_WORK_DETACH, /* then work_next */
};

struct tracer {
	struct tracer_config config;
	struct loop_timer *step, *poll;
	struct loop_fd *ready;
	struct tracer_hooks *hooks;
	enum tracer_state state;
	enum tracer_work work, work_next;
	enum tracer_method method;
	bool compared;         /* kprobe.multi was tried: perf kprobes did not find everything */
	uint32_t perf_hooks;   /* compared: what they did attach; 0: not enough to run */
	uint64_t module;       /* inode of ib_core's directory when attaching began */
	uint64_t retry_ns;     /* failed: the time of the next attempt */
	uint64_t heartbeat;    /* calls of the query hook when the dump began */
	bool heartbeat_known;  /* a dump has begun since all hooks were attached */
	bool heartbeat_cured;  /* attached again for lack of a heartbeat, and none since */
	bool heartbeat_blind;  /* attached again, the hooks still do not see dumps; the reason names
				  the cause */
	bool degraded;
	int budget;
	uint64_t attached_ns, reattached, events;
	uint64_t polled;       /* events when `poll` last ran */
	struct qp_event_counters unloaded; /* of earlier loads */
	char reason[TRACER_REASON];
	char first[TRACER_REASON];  /* why perf kprobes do not work, while kprobe.multi is tried */
	char failed[TRACER_REASON]; /* the reason that has been logged */
};

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
__attribute__((format(printf, 3, 4))) static void
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
static void
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

static int
tracer_event_cb(void *arg, void *data, size_t size)
{
	struct tracer *t = arg;

	if (size >= sizeof(struct qp_event)) {
		t->events++;
		t->config.ops->event(t->config.arg, data);
	}
	return --t->budget > 0 ? 0 : -EAGAIN;
}

/* Reads at most `budget` events. Returns true if there may be more. */
static bool
tracer_read(struct tracer *t, int budget)
{
	if (!t->hooks)
		return false;
	t->budget = budget;
	return tracer_hooks_read(t->hooks) == -EAGAIN;
}

/* Runs ten times a second while events come; then not until an event wakes us. */
static void
tracer_poll_cb(void *arg)
{
	struct tracer *t = arg;
	bool more = tracer_read(t, TRACER_BUDGET);

	if (t->hooks && !more && t->events == t->polled) {
		tracer_hooks_rest(t->hooks);
		more = tracer_read(t, TRACER_BUDGET);
	}
	if (more || t->events != t->polled)
		loop_timer_set(t->poll, more ? 0 : TRACER_POLL_NS);
	t->polled = t->events;
}

static void
tracer_ready_cb(void *arg, int events)
{
	struct tracer *t = arg;

	(void)events;
	loop_timer_set(t->poll, tracer_read(t, TRACER_BUDGET) ? 0 : TRACER_POLL_NS);
}

static int
tracer_read_begins(struct tracer *t)
{
	const struct loop_fd_config config = {
		.fd = tracer_hooks_fd(t->hooks),
		.events = LOOP_READ,
		.priority = LOOP_PRIORITY_NORMAL,
		.name = "trace ring",
		.cb = tracer_ready_cb,
		.arg = t,
	};

	loop_timer_set(t->poll, TRACER_POLL_NS);
	return loop_fd_new(t->config.loop, &config, &t->ready);
}

static void
tracer_read_ends(struct tracer *t)
{
	loop_timer_clear(t->poll);
	loop_fd_free(t->ready);
	t->ready = NULL;
}

/* Passes on the events that are left in the ring, which are still valid, and unloads. */
static void
tracer_unload(struct tracer *t)
{
	if (!t->hooks)
		return;
	tracer_read_ends(t);
	tracer_drain(t);
	tracer_hooks_count(t->hooks, &t->unloaded);
	tracer_hooks_free(t->hooks);
	t->hooks = NULL;
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
static void
tracer_take_down(struct tracer *t, enum tracer_work next)
{
	t->attached_ns = 0;
	t->degraded = false;
	t->heartbeat_known = false;
	t->work_next = next;
	tracer_set_work(t, TRACER_WORK_DETACH);
}

static void
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
	tracer_set_work(t, t->module ? TRACER_WORK_LOAD : TRACER_WORK_NONE);
	if (t->module)
		tracer_set_state(t, TRACER_STARTING, "%s", "");
	else
		tracer_set_state(t, TRACER_WAITING,
				 "ib_core is not loaded: there is no RDMA device yet");
}

/* "a; b" */
__attribute__((format(printf, 2, 3))) static void
tracer_add_reason(char text[TRACER_REASON], const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	if (used && used + 2 < TRACER_REASON) {
		strcpy(text + used, "; ");
		used += 2;
	}
	va_start(args, format);
	vsnprintf(text + used, TRACER_REASON - used, format, args);
	va_end(args);
}

/* Tries the other way to attach. */
static void
tracer_try(struct tracer *t, enum tracer_method method)
{
	t->method = method;
	tracer_take_down(t, TRACER_WORK_LOAD);
}

/* Reports the reason of perf kprobes, because that is the one to cure. */
static void
tracer_multi_failed(struct tracer *t, const char *said)
{
	char reason[TRACER_REASON];

	if (t->perf_hooks) {
		log_debug(TRACE, "kprobe.multi: %s", said);
		tracer_try(t, TRACER_METHOD_KPROBE);
		return;
	}
	strcpy(reason, t->first);
	tracer_add_reason(reason, "kprobe.multi does not work either: %s", said);
	tracer_fail(t, reason);
}

static void
tracer_load_failed(struct tracer *t, int err, const char *said)
{
	struct tracer_facts facts;
	char reason[TRACER_REASON];

	if (t->method == TRACER_METHOD_KPROBE_MULTI) {
		tracer_multi_failed(t, said);
		return;
	}
	tracer_facts_read(&facts);
	facts.no_ring = tracer_hooks_no_ring();
	tracer_reason_load(&facts, err, said, reason, sizeof(reason));
	tracer_fail(t, reason);
}

static void
tracer_work_load(struct tracer *t)
{
	const struct tracer_hooks_config config = {.method = t->method,
						   .event = tracer_event_cb,
						   .arg = t};
	char said[TRACER_HOOKS_TEXT];
	int err = tracer_hooks_load(&config, &t->hooks, said);

	if (!err) {
		err = tracer_read_begins(t);
		if (err)
			snprintf(said, sizeof(said), "%s", strerror(-err));
	}
	if (err)
		tracer_load_failed(t, err, said);
	else
		tracer_set_work(t, TRACER_WORK_ATTACH);
}

/* Describes what is missing although hooks are attached, or "". */
static void
tracer_defects(struct tracer *t, char text[TRACER_REASON])
{
	struct tracer_facts facts;
	char absent[160], reason[TRACER_REASON];

	text[0] = '\0';
	tracer_facts_read(&facts);
	tracer_hooks_absent(t->hooks, absent, sizeof(absent));
	if (absent[0])
		tracer_add_reason(text, "this kernel has no function %s", absent);
	if (tracer_hooks_missing(t->hooks)[0])
		tracer_add_reason(text, "this kernel has no %s", tracer_hooks_missing(t->hooks));
	if (!tracer_hooks_knows_self(t->hooks))
		tracer_add_reason(text, "the daemon runs in a pid namespace of its own and cannot "
					"tell its own QPs: run it in the host's");
	if (tracer_reason_foreign(&facts, reason, sizeof(reason)))
		tracer_add_reason(text, "%s", reason);
	if (t->heartbeat_blind) {
		tracer_reason_silent(&facts, reason, sizeof(reason));
		tracer_add_reason(text, "%s", reason);
	}
}

static void
tracer_went_on(struct tracer *t)
{
	char defects[TRACER_REASON];

	tracer_defects(t, defects);
	t->degraded = defects[0] != '\0';
	tracer_set_state(t, TRACER_ON, "%s", defects);
}

/* If perf kprobes are refused, or do not find a function, tries kprobe.multi. */
static void
tracer_perf_failed(struct tracer *t, int err, const char *said)
{
	struct tracer_facts facts;

	tracer_facts_read(&facts);
	if (err == -ENOENT && facts.kprobes)
		snprintf(t->first, sizeof(t->first), "%s", said);
	else
		tracer_reason_attach(&facts, err, said, t->first, sizeof(t->first));
	log_debug(TRACE, "perf kprobes: %s", t->first);
	tracer_try(t, TRACER_METHOD_KPROBE_MULTI);
}

static void
tracer_attach_failed(struct tracer *t, int err, const char *said)
{
	if (t->method == TRACER_METHOD_KPROBE) {
		/* What an earlier pass attached counts no more, or the two would take turns. */
		t->perf_hooks = 0;
		tracer_perf_failed(t, err, said);
	} else {
		tracer_multi_failed(t, said);
	}
}

/* If the kernel has no perf kprobes at all, each function looks unknown. */
static void
tracer_attached_too_few(struct tracer *t, bool vital)
{
	char absent[160], said[TRACER_REASON];

	tracer_hooks_absent(t->hooks, absent, sizeof(absent));
	snprintf(said, sizeof(said),
		 "this kernel's ib_core has no function %s to hook: it is older or newer than this "
		 "program knows",
		 absent);
	if (t->method == TRACER_METHOD_KPROBE) {
		t->compared = true;
		t->perf_hooks = vital ? tracer_hooks_attached(t->hooks) : 0;
		tracer_perf_failed(t, -ENOENT, said);
	} else if (t->perf_hooks) {
		tracer_multi_failed(t, said);
	} else {
		tracer_fail(t, said);
	}
}

/*
 * Whether the other way to attach may do better: perf kprobes that have not been compared yet;
 * kprobe.multi that attached too little to run, or no more than perf kprobes.
 */
static bool
tracer_attached_enough(const struct tracer *t, bool vital)
{
	uint32_t n = tracer_hooks_attached(t->hooks);

	if (n == tracer_hooks_wanted())
		return true;
	if (t->method == TRACER_METHOD_KPROBE)
		return vital && t->compared;
	return vital && n > t->perf_hooks;
}

static void
tracer_attached(struct tracer *t)
{
	bool vital = tracer_hooks_vital(t->hooks);

	tracer_set_work(t, TRACER_WORK_NONE);
	if (!tracer_attached_enough(t, vital)) {
		tracer_attached_too_few(t, vital);
		return;
	}
	t->attached_ns = clock_mono_ns();
	tracer_went_on(t);
}

static void
tracer_work_attach(struct tracer *t)
{
	char said[TRACER_HOOKS_TEXT];
	int ret = tracer_hooks_attach(t->hooks, said);

	if (ret > 0)
		tracer_set_work(t, TRACER_WORK_ATTACH);
	else if (ret == 0)
		tracer_attached(t);
	else
		tracer_attach_failed(t, ret, said);
}

static void
tracer_work_detach(struct tracer *t)
{
	if (t->hooks && tracer_hooks_detach(t->hooks)) {
		tracer_set_work(t, TRACER_WORK_DETACH);
		return;
	}
	tracer_unload(t);
	tracer_set_work(t, t->work_next);
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
	case TRACER_WORK_LOAD:
		tracer_work_load(t);
		break;
	case TRACER_WORK_ATTACH:
		tracer_work_attach(t);
		break;
	case TRACER_WORK_DETACH:
		tracer_work_detach(t);
		break;
	}
}

int
tracer_new(const struct tracer_config *config, struct tracer **out)
{
	struct tracer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->config = *config;
	t->state = TRACER_WAITING;
	if (loop_timer_new(config->loop, "trace step", tracer_step_cb, t, &t->step) ||
	    loop_timer_new(config->loop, "trace poll", tracer_poll_cb, t, &t->poll)) {
		tracer_free(t);
		return -ENOMEM;
	}
	tracer_begin(t);
	*out = t;
	return 0;
}

void
tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	if (tracer->hooks)
		tracer_read_ends(tracer);
	tracer_hooks_free(tracer->hooks);
	loop_timer_free(tracer->poll);
	loop_timer_free(tracer->step);
	free(tracer);
}

static uint64_t
tracer_queries(const struct tracer *t)
{
	struct qp_event_counters now = t->unloaded;

	if (t->hooks)
		tracer_hooks_count(t->hooks, &now);
	return now.queries;
}

void
tracer_dump_begins(struct tracer *tracer)
{
	tracer->heartbeat = tracer_queries(tracer);
	tracer->heartbeat_known =
		tracer->state == TRACER_ON && tracer_hooks_heartbeat(tracer->hooks);
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
	while (tracer_read(tracer, INT32_MAX))
		;
	/*
	 * This may have read the event for which a wake-up was sent. Then only `poll` makes the
	 * next event send a wake-up again.
	 */
	if (tracer->ready)
		loop_timer_set(tracer->poll, TRACER_POLL_NS);
}

void
tracer_info(const struct tracer *tracer, struct tracer_info *out)
{
	memset(out, 0, sizeof(*out));
	out->state = tracer->state;
	out->method = tracer->state == TRACER_ON ? tracer_method_name(tracer->method) : "";
	strcpy(out->reason, tracer->reason);
	out->degraded = tracer->degraded;
	out->hooks = tracer->hooks ? tracer_hooks_attached(tracer->hooks) : 0;
	out->hooks_wanted = tracer_hooks_wanted();
	out->attached_ns = tracer->attached_ns;
	out->reattached = tracer->reattached;
	out->events = tracer->events;
	out->kernel = tracer->unloaded;
	if (tracer->hooks)
		tracer_hooks_count(tracer->hooks, &out->kernel);
}
