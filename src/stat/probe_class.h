/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classes of probes, and the one table of their names, meanings and effect on the loss ratio.
 * All code that depends on the class uses these functions. So a new class needs only a line in the
 * enum, a row in the table, and the text in the manual that the tests demand.
 */
#ifndef RPINGMESH_STAT_PROBE_CLASS_H
#define RPINGMESH_STAT_PROBE_CLASS_H

#include <stdbool.h>

/* Each probe that came due ends in exactly one of these. */
enum probe_class {
	PROBE_OK,	      /* both ACKs, the first within the timeout */
	PROBE_LOST,	      /* no ACK, and the same incarnation of the peer was alive later */
	PROBE_LATE,	      /* both ACKs, the first after the timeout; the time is kept */
	PROBE_PEER_RESTARTED, /* the incarnation of the peer, or the session, ended meanwhile */
	PROBE_PEER_DOWN,      /* the peer, or its host, reports that it is gone */
	PROBE_UNRESOLVED,     /* the peer never answered SIDR since it was configured */
	PROBE_LOCAL_ERROR,    /* not sent, or failed in the local RNIC: port down, failed CQE, queue
				 full */
	PROBE_ACK2_MISSING, /* ACK1 came, ACK2 did not, and the same incarnation was alive later */
	PROBE_ACK1_MISSING, /* ACK2 came, ACK1 did not; so the probe reached the peer */
	PROBE_REFUSED,	    /* it arrived, but the peer's limits did not allow an answer */
	PROBE_UNREACHABLE,  /* there is no answer to probes and SIDR, and no reason is known */
	PROBE_CLASS_N
};

/* The name in records. Never NULL: this and the next two return "?" for a value out of range. */
const char *probe_class_name(enum probe_class c);
/* A short name for narrow columns. */
const char *probe_class_short(enum probe_class c);
/* The meaning for users: a sentence without a full stop. */
const char *probe_class_meaning(enum probe_class c);

/*
 * The loss ratio is lost / (lost + answered). A class counts as lost, as answered, or as neither.
 * Probes of the last kind show nothing about the network.
 */
bool probe_class_is_answered(enum probe_class c); /* its times were measured */
bool probe_class_is_lost(enum probe_class c);

#endif
