/* SPDX-License-Identifier: Apache-2.0 */
/* The tracer of a build without BPF. Its state is always off, with a reason. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"
#include "trace/helper.h"
#include "trace/tracer.h"

struct tracer {
	struct tracer_config config;
};

#define TRACER_OFF_REASON \
	"this rpingmeshd was built without BPF: install one that was configured without " \
	"--disable-bpf"

bool
helper_supported(void)
{
	return false;
}

uint32_t
helper_whoami(void)
{
	return 0;
}

void
helper_serve(int fd, uint32_t own_tgid)
{
	(void)fd;
	(void)own_tgid;
}

static void
tracer_tell(void *arg)
{
	struct tracer *tracer = arg;

	log_warning(TRACE, "off: %s", TRACER_OFF_REASON);
	tracer->config.ops->changed(tracer->config.arg, TRACER_OFF);
}

int
tracer_new(const struct tracer_config *config, struct tracer **out)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));

	if (!tracer)
		return -ENOMEM;
	tracer->config = *config;
	if (loop_defer(config->loop, tracer_tell, tracer)) {
		free(tracer);
		return -ENOMEM;
	}
	*out = tracer;
	return 0;
}

void
tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	loop_undefer(tracer->config.loop, tracer);
	free(tracer);
}

void
tracer_check(struct tracer *tracer, uint32_t n_dumped)
{
	(void)tracer;
	(void)n_dumped;
}

void
tracer_retry(struct tracer *tracer)
{
	(void)tracer;
}

void
tracer_dump_begins(struct tracer *tracer)
{
	(void)tracer;
}

void
tracer_drain(struct tracer *tracer)
{
	(void)tracer;
}

void
tracer_info(const struct tracer *tracer, struct tracer_info *out)
{
	(void)tracer;
	memset(out, 0, sizeof(*out));
	out->state = TRACER_OFF;
	out->method = "";
	snprintf(out->reason, sizeof(out->reason), "%s", TRACER_OFF_REASON);
}
