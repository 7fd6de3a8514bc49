/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the times at which this host did not run the daemon although it had something to do, for
 * stat/noise.h. Prober and responder borrow the result.
 */
#ifndef RPINGMESH_AGENT_BASE_HOST_NOISE_H
#define RPINGMESH_AGENT_BASE_HOST_NOISE_H

#include <stdint.h>

struct host_noise;
struct noise;

/*
 * Returns 0 and sets *out, which the caller owns, or -ENOMEM. Without /proc/self/schedstat
 * (CONFIG_SCHED_INFO), only late timers are noticed; this is logged.
 */
int host_noise_new(struct host_noise **out);
void host_noise_free(struct host_noise *h);

/* The detector, borrowed as long as h exists; its contents change. */
const struct noise *host_noise_get(const struct host_noise *h);

/*
 * Call this when the daemon runs, before prober or responder handle anything. It is now_ns, and
 * asked_ns is the time for which the next timer was set (UINT64_MAX: none). It makes a few
 * comparisons. It reads one line of /proc if the daemon may have waited for a CPU for half a stall
 * since the last reading.
 */
void host_noise_look(struct host_noise *h, uint64_t asked_ns, uint64_t now_ns);
/* The timer that was set for asked_ns has fired. */
void host_noise_fired(struct host_noise *h, uint64_t asked_ns, uint64_t now_ns);

#endif
