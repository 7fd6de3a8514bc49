/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/degraded.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/guard.h"
#include "agent/nic/nic.h"
#include "agent/peer/service.h"
#include "agent/tell/metrics.h"
#include "agent/tell/tell.h"
#include "trace/trace.h"

/* The cure if sockets are refused. systemd refuses them with EAFNOSUPPORT. */
static const char *
degraded_dump_cure(int err)
{
	return err == -EPERM || err == -EACCES || err == -EAFNOSUPPORT ?
		       ": look for systemd's RestrictAddressFamilies= without AF_NETLINK, a system "
		       "call filter or a security module" :
		       "";
}

static void
degraded_trace(const struct trace *trace, void (*fn)(void *arg, const char *sentence),
		      void *arg)
{
	char text[TRACER_REASON + 64];
	struct trace_info info;

	if (!trace)
		return;
	trace_info(trace, &info);
	if (info.tracer.state != TRACER_ON && info.tracer.reason[0]) {
		snprintf(text, sizeof(text), "services are not traced: %s", info.tracer.reason);
		fn(arg, text);
	} else if (info.tracer.degraded) {
		snprintf(text, sizeof(text), "tracing lacks something: %s", info.tracer.reason);
		fn(arg, text);
	}
	if (info.tracer.state == TRACER_ON && info.dump_error) {
		snprintf(text, sizeof(text),
			 "the last dump of QPs by RDMA netlink failed: %s; QPs older than the "
			 "daemon may be missing%s",
			 strerror(-info.dump_error), degraded_dump_cure(info.dump_error));
		fn(arg, text);
	}
	if (info.tracer.state == TRACER_ON && info.owners_hidden)
		fn(arg, "/proc hides the processes of other users, so jobs and cgroups of flows "
			"are unknown: if /proc/mounts has hidepid= for it, mount it with gid= of a "
			"group of the daemon's user; or remove systemd's ProtectProc=");
}

void
degraded(const struct tell *t, void (*fn)(void *arg, const char *sentence), void *arg)
{
	char text[CONF_ERROR + 64];

	nics_degraded(t->nics, fn, arg);
	degraded_trace(services_trace(t->services), fn, arg);
	if (guard_sentence(t->guard, text, sizeof(text)))
		fn(arg, text);
	if (metrics_sentence(t->metrics, text, sizeof(text)))
		fn(arg, text);
	if (t->config_error[0]) {
		snprintf(text, sizeof(text),
			 "the last reload was refused, the old configuration is in force: %s",
			 t->config_error);
		fn(arg, text);
	}
}
