/* SPDX-License-Identifier: Apache-2.0 */
/* The control clients that hear of results as notifications: one list for all kinds. A sink. */
#ifndef RPINGMESH_AGENT_TELL_SUBSCRIPTIONS_H
#define RPINGMESH_AGENT_TELL_SUBSCRIPTIONS_H

#include <stdbool.h>

#include "agent/tell/results.h"

struct control_client;
struct subscriptions;

#define SUBSCRIPTIONS_ALL 1u /* which events */

/* 0 and *out, a sink of results, which outlives it; or -ENOMEM. */
int subscriptions_new(struct results *results, struct subscriptions **out);
/* NULL is allowed. */
void subscriptions_free(struct subscriptions *subs);

/*
 * Which of this kind the client hears from now on, instead of what it heard before: of probes bits
 * 1 << enum probe_kind, of windows 1 << enum record_window_by, of events SUBSCRIPTIONS_ALL; 0:
 * none. They follow as notifications "probe", "window" and "event". 0 or -ENOMEM.
 */
int subscriptions_set(struct subscriptions *subs, struct control_client *client,
		      enum results_kind kind, unsigned int which);
bool subscriptions_any(const struct subscriptions *subs);
/* The client is about to go. */
void subscriptions_client_gone(struct subscriptions *subs, const struct control_client *client);

#endif
