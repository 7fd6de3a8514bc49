/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classes of probes: the one table of what each is called, what it means, and how it counts.
 * Whoever decides by class asks here, so that a new class needs a line in the enum, a row in the
 * table, and the words in the manual that the tests ask for.
 */
#ifndef RPINGMESH_STAT_PROBE_CLASS_H
#define RPINGMESH_STAT_PROBE_CLASS_H

#include <stdbool.h>

/* Each probe that came due ends in exactly one of these. */
enum probe_class {
	PROBE_OK,	      /* both ACKs, the first within the timeout */
	PROBE_LOST,	      /* no ACK, and the same incarnation of the peer was alive later */
	PROBE_LATE,	      /* both ACKs, the first after the timeout; the time is kept */
	PROBE_PEER_RESTARTED, /* in flight to an incarnation, or in a session, that is no more */
	PROBE_PEER_DOWN,      /* the peer answers neither probes nor SIDR any more */
	PROBE_UNRESOLVED,     /* the peer never answered SIDR since it was configured */
	PROBE_LOCAL_ERROR,    /* not sent, or failed in the local RNIC: port down, failed CQE, queue
				 full */
	PROBE_ACK2_MISSING, /* ACK1 came, ACK2 did not, and the same incarnation was alive later */
	PROBE_ACK1_MISSING, /* ACK2 came, ACK1 did not: the way there was good */
	PROBE_CLASS_N
};

/* Name as it stands in records. Never NULL: "?" for a value out of range, here and below. */
const char *probe_class_name(enum probe_class c);
/* For narrow columns. */
const char *probe_class_short(enum probe_class c);
/* What it means for a user, in a sentence without a full stop. */
const char *probe_class_meaning(enum probe_class c);

/*
 * Loss is a ratio: probes whose class is lost, of those whose class is lost or answered. A class is
 * one of the two or neither; in neither case did the network say anything about itself.
 */
bool probe_class_is_answered(enum probe_class c); /* its times were measured */
bool probe_class_is_lost(enum probe_class c);

#endif
