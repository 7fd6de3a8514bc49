/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: how the tracer starts
 *
 * Perf kprobes may not find a function that exists. So kprobe.multi is tried before a function is
 * reported as absent. If it does not attach more than perf kprobes did, these are attached again.
 */
#include "trace/tracer_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "rpingmesh/log_subsystems.h"
#include "trace/tracer_programs.h"
#include "trace/tracer_reason.h"

static void
tracer_event(void *arg, const struct qp_event *e)
{
	struct tracer *t = arg;

	t->events++;
	t->config.ops->event(t->config.arg, e);
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
	tracer_take_down(t, TRACER_WORK_START);
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

/* What the kernel lets the helper do. */
static void
tracer_facts(const struct tracer *t, struct tracer_facts *out)
{
	tracer_facts_read(out);
	out->capabilities = helper_capabilities(t->config.helper);
	out->no_ring = t->started.no_ring;
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
	tracer_facts(t, &facts);
	tracer_reason_load(&facts, err, said, reason, sizeof(reason));
	tracer_fail(t, reason);
}

/* Describes what is missing although hooks are attached, or "". */
static void
tracer_defects(struct tracer *t, char text[TRACER_REASON])
{
	struct tracer_facts facts;
	char absent[160], reason[TRACER_REASON];

	text[0] = '\0';
	tracer_facts(t, &facts);
	tracer_programs_absent(t->started.attached, absent, sizeof(absent));
	if (absent[0])
		tracer_add_reason(text, "this kernel has no function %s", absent);
	if (t->started.missing[0])
		tracer_add_reason(text, "this kernel has no %s", t->started.missing);
	if (!t->started.knows_self)
		tracer_add_reason(text, "the daemon runs in a pid namespace of its own and cannot "
					"tell its own QPs: run it in the host's");
	if (tracer_reason_foreign(&facts, reason, sizeof(reason)))
		tracer_add_reason(text, "%s", reason);
	if (t->heartbeat_blind) {
		tracer_reason_silent(&facts, reason, sizeof(reason));
		tracer_add_reason(text, "%s", reason);
	}
}

void
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

	tracer_facts(t, &facts);
	if (err == -ENOENT && facts.kprobes)
		snprintf(t->first, sizeof(t->first), "%s", said);
	else
		tracer_reason_attach(&facts, err, said, t->first, sizeof(t->first));
	log_debug(TRACE, "perf kprobes: %s", t->first);
	tracer_try(t, TRACER_METHOD_KPROBE_MULTI);
}

uint32_t
tracer_attached_n(const struct tracer *t)
{
	return (uint32_t)__builtin_popcount(t->started.attached);
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

	tracer_programs_absent(t->started.attached, absent, sizeof(absent));
	snprintf(said, sizeof(said),
		 "this kernel's ib_core has no function %s to hook: it is older or newer than this "
		 "program knows",
		 absent);
	if (t->method == TRACER_METHOD_KPROBE) {
		t->compared = true;
		t->perf_hooks = vital ? tracer_attached_n(t) : 0;
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
	uint32_t n = tracer_attached_n(t);

	if (n == TRACER_PROGRAMS)
		return true;
	if (t->method == TRACER_METHOD_KPROBE)
		return vital && t->compared;
	return vital && n > t->perf_hooks;
}

static void
tracer_attached(struct tracer *t)
{
	bool vital = tracer_programs_vital(t->started.attached);

	tracer_set_work(t, TRACER_WORK_NONE);
	if (!tracer_attached_enough(t, vital)) {
		tracer_attached_too_few(t, vital);
		return;
	}
	t->attached_ns = clock_mono_ns();
	tracer_went_on(t);
}

void
tracer_started(struct tracer *t, const struct tracer_ring_maps *maps)
{
	const struct tracer_reader_config reader = {t->config.loop, tracer_event, t};
	int rc = 0;

	if (t->started.loaded)
		rc = tracer_reader_new(&reader, maps, &t->reader);
	if (rc < 0)
		tracer_load_failed(t, rc, strerror(-rc));
	else if (!t->started.loaded)
		tracer_load_failed(t, t->started.err, t->started.text);
	else if (t->started.err < 0)
		tracer_attach_failed(t, t->started.err, t->started.text);
	else
		tracer_attached(t);
}

void
tracer_helper_gone(struct tracer *t)
{
	const char *gone = helper_gone(t->config.helper);

	tracer_unload(t);
	tracer_fail(t, gone ? gone : "the tracing helper does not answer: restart rpingmeshd");
}

void
tracer_start(struct tracer *t)
{
	t->started = (struct helper_message){0};
	if (!t->config.helper)
		tracer_load_failed(t, -EPERM, "no tracing helper");
	else if (helper_ask(t->config.helper, HELPER_START, t->method) < 0)
		tracer_helper_gone(t);
}
