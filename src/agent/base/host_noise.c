/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: host noise
 *
 * It has no timer, but checks whenever the daemon runs. /proc/self/schedstat stays open; its second
 * field is the time in ns for which the main thread, which runs the loop, was runnable but did not
 * run (Documentation/scheduler/sched-stats.rst). If the process or its virtual machine is stopped,
 * it is not runnable; then only the late timer shows this.
 */
#include "agent/base/host_noise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "rpingmesh/log_subsystems.h"
#include "stat/noise.h"

#define HOST_NOISE_SCHEDSTAT "/proc/self/schedstat"

struct host_noise {
	struct noise noise;
	int fd; /* of schedstat; -1: there is none */
};

int
host_noise_new(struct host_noise **out)
{
	struct host_noise *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->fd = open(HOST_NOISE_SCHEDSTAT, O_RDONLY | O_CLOEXEC);
	if (h->fd < 0)
		log_warning(MAIN, "%s: %s: only late timers will show that the host is busy",
			    HOST_NOISE_SCHEDSTAT, strerror(errno));
	*out = h;
	return 0;
}

void
host_noise_free(struct host_noise *h)
{
	if (!h)
		return;
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}

const struct noise *
host_noise_get(const struct host_noise *h)
{
	return &h->noise;
}

static void
host_noise_read(struct host_noise *h, uint64_t now_ns)
{
	unsigned long long waited_ns;
	char text[128];
	ssize_t n = pread(h->fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "%*u %llu", &waited_ns) == 1)
		noise_waited(&h->noise, waited_ns, now_ns);
}

static void
host_noise_check(struct host_noise *h, uint64_t from_ns, uint64_t now_ns)
{
	if (h->fd >= 0 && noise_wants_waited(&h->noise, from_ns, now_ns))
		host_noise_read(h, now_ns);
}

void
host_noise_look(struct host_noise *h, uint64_t asked_ns, uint64_t now_ns)
{
	noise_waiting(&h->noise, asked_ns, now_ns);
	host_noise_check(h, 0, now_ns);
}

void
host_noise_fired(struct host_noise *h, uint64_t asked_ns, uint64_t now_ns)
{
	noise_woke(&h->noise, asked_ns, now_ns);
	host_noise_check(h, asked_ns, now_ns);
}
