/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that sends measurements as notifications to the control clients that subscribe. */
#ifndef RPINGMESH_AGENT_TELL_SUBSCRIPTIONS_H
#define RPINGMESH_AGENT_TELL_SUBSCRIPTIONS_H

#include <stdbool.h>

#include "agent/tell/results.h"

struct control_client;
struct subscriptions;

#define SUBSCRIPTIONS_ALL 1u /* `which` of events */

/* Adds the sink to results, which must outlive it. Returns 0 and sets *out, or -ENOMEM. */
int subscriptions_new(struct results *results, struct subscriptions **out);
/* NULL is allowed. */
void subscriptions_free(struct subscriptions *subs);

/*
 * Sets which items of this kind the client gets from now on, and replaces what it got before. For
 * probes, `which` is bits 1 << enum probe_kind; for windows, 1 << enum record_window_by; for
 * events, SUBSCRIPTIONS_ALL. 0: none. They follow as notifications "probe", "window" and "event";
 * who gets probes gets their corrections, too, as "correction". Returns 0 or -ENOMEM.
 */
int subscriptions_set(struct subscriptions *subs, struct control_client *client,
		      enum results_kind kind, unsigned int which);
bool subscriptions_any(const struct subscriptions *subs);
/* The client is about to be freed. */
void subscriptions_client_gone(struct subscriptions *subs, const struct control_client *client);

#endif
