/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/probe_class.h"

#include <assert.h>
#include <stddef.h>

enum class_counts { CLASS_NOT_SAID, CLASS_ANSWERED, CLASS_LOST, CLASS_NEITHER };

struct class_row {
	const char *name, *narrow, *meaning;
	enum class_counts counts;
};

static const struct class_row class_table[] = {
	[PROBE_OK] = {"ok", "ok", "answered within the timeout", CLASS_ANSWERED},
	[PROBE_LOST] = {"lost", "lost",
			"no answer, but the daemon was alive: the network lost it",
			CLASS_LOST},
	[PROBE_LATE] = {"late", "late", "answered after the timeout", CLASS_ANSWERED},
	[PROBE_PEER_RESTARTED] = {"peer_restarted", "restarted",
				  "the peer's daemon was restarted meanwhile: no loss",
				  CLASS_NEITHER},
	[PROBE_PEER_DOWN] = {"peer_down", "down",
			     "the peer's host says that its daemon is down: no loss",
			     CLASS_NEITHER},
	[PROBE_UNRESOLVED] = {"unresolved", "unresolved",
			      "the peer has never answered SIDR: nothing was sent", CLASS_NEITHER},
	[PROBE_LOCAL_ERROR] = {"local_error", "local",
			       "not sent, or failed in the local RNIC: no loss", CLASS_NEITHER},
	[PROBE_ACK2_MISSING] = {"ack2_missing", "ack2",
				"the first answer came, the second was lost on its way",
				CLASS_LOST},
	[PROBE_ACK1_MISSING] = {"ack1_missing", "ack1",
				"the second answer came, the first was lost on its way",
				CLASS_LOST},
	[PROBE_REFUSED] = {"refused", "refused",
			   "the peer's limits did not let it answer: no loss", CLASS_NEITHER},
	[PROBE_UNREACHABLE] = {"unreachable", "unreach",
			       "nobody answers and nobody says why: the host or the network",
			       CLASS_NEITHER},
};
static_assert(sizeof(class_table) / sizeof(class_table[0]) == PROBE_CLASS_N, "a row for each");

static const struct class_row *
class_row(enum probe_class c)
{
	static const struct class_row unknown = {"?", "?", "?", CLASS_NOT_SAID};

	return (unsigned int)c < PROBE_CLASS_N ? &class_table[c] : &unknown;
}

const char *
probe_class_name(enum probe_class c)
{
	return class_row(c)->name;
}

const char *
probe_class_short(enum probe_class c)
{
	return class_row(c)->narrow;
}

const char *
probe_class_meaning(enum probe_class c)
{
	return class_row(c)->meaning;
}

bool
probe_class_is_answered(enum probe_class c)
{
	return class_row(c)->counts == CLASS_ANSWERED;
}

bool
probe_class_is_lost(enum probe_class c)
{
	return class_row(c)->counts == CLASS_LOST;
}
