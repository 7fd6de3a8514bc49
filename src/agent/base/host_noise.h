/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When this host did not run the daemon though it had something to do: evidence for stat/noise.h.
 * Prober and responder borrow what is found.
 */
#ifndef RPINGMESH_AGENT_BASE_HOST_NOISE_H
#define RPINGMESH_AGENT_BASE_HOST_NOISE_H

#include <stdint.h>

struct host_noise;
struct noise;

/*
 * 0 and *out, or -ENOMEM. Without /proc/self/schedstat (CONFIG_SCHED_INFO) only late timers are
 * seen; the log says so.
 */
int host_noise_new(struct host_noise **out);
void host_noise_free(struct host_noise *h);

/* Borrowed, changes; as long as h. */
const struct noise *host_noise_get(const struct host_noise *h);

/*
 * The daemon has come to run, at now_ns, and looks at what has arrived meanwhile; the timer that
 * fires next should do so, or should have done so, at asked_ns (UINT64_MAX: none). To be called
 * before the prober or the responder takes anything in. Costs a comparison or two; and a read of
 * one line of /proc, after no less than what counts as a stall has passed.
 */
void host_noise_look(struct host_noise *h, uint64_t asked_ns, uint64_t now_ns);
/* That timer has fired. */
void host_noise_fired(struct host_noise *h, uint64_t asked_ns, uint64_t now_ns);

#endif
