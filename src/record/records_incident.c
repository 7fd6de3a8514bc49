/* SPDX-License-Identifier: Apache-2.0 */
/* Records of incidents. */
#include "record/records_impl.h"

const struct record_field records_incident[] = {
	TYPE("incident"),
	SCHEMA,
	FIELD("id", "string",
	      "16 hexadecimal digits: a hash of the culprit. If the same culprit is found again, "
	      "the incident opens again."),
	FIELD("state", "string", "Whether it is wrong now.", ONE_OF("open, closed")),
	FIELD("kind", "string", "What is to blame: that of the likeliest candidate; `unknown`: the "
	      "evidence does not say.", ONE_OF("nic, link, switch, host, tuples, unknown")),
	FIELD("culprits", "list of map culprit",
	      "The candidates that the evidence cannot tell apart, the likeliest first, 1 to 16."),
	FIELD("direction", "string", "Whether one way of it is bad, or both.",
	      ONE_OF("both, one_way")),
	FIELD("effect", "string",
	      "What it does: it loses messages, delays them, or loses large ones.",
	      ONE_OF("loss, delay, size")),
	FIELD("loss_ratio", "number", "The share of messages that it loses.", RANGE(0, 1)),
	FIELD("delay_ns", "integer",
	      "How much longer slow probes take because of it; 0: none, or not known.", NS),
	FIELD("confidence", "number", "How well the evidence supports it.", RANGE(0, 1)),
	FIELD("since_ns", "integer", "Since when it is open, or was.", NS),
	FIELD("closed_ns", "integer or nil", "When it was closed; nil: it is open.", NS),
	FIELD("first_ns", "integer", "When it was opened for the first time.", NS),
	FIELD("updated_ns", "integer", "Its last change.", NS),
	FIELD("opens", "integer", "How often it was opened."),
	FIELD("priority", "string",
	      "`P0`: it hurts a service; `P1`: services use that part of the network; `P2`: none "
	      "does.", ONE_OF("P0, P1, P2")),
	FIELD("hurts", "list of string", "The jobs whose flows lose or are slow, at most 32."),
	FIELD("crosses", "list of string", "The jobs whose flows cross it, at most 32."),
	FIELD("acknowledged", "map incident_word or nil", "Who has acknowledged it."),
	FIELD("muted", "boolean", "Whether it is muted now, or its host is drained."),
	FIELD("mute", "map incident_word or nil", "Who has muted it last."),
	FIELD("unmuted", "map incident_word or nil", "Who has ended the last mute."),
	FIELD("incarnation", "integer", "That of the rpingmesh-central that says so.",
	      ONLY("on the bus")),
	FIELD("events", "list of map incident_event",
	      "What happened to it, oldest first: the first and the last ones, at most 64.",
	      ONLY("in the story of one incident")),
	END,
};

const struct record_field records_culprit[] = {
	FIELD("kind", "string", "What it is.",
	      ONE_OF("nic, link, switch, host, tuples, unknown")),
	FIELD("name", "string", "Its name, for people."),
	FIELD("host", "string or nil", "The host, of a host or NIC."),
	FIELD("device", "string or nil", "The RDMA device, of a NIC."),
	FIELD("from", "string or nil", "The address where a link or 5-tuple begins."),
	FIELD("to", "string or nil", "The address where it ends."),
	FIELD("addresses", "list of string", "Its addresses, at most 8."),
	END,
};

const struct record_field records_incident_word[] = {
	FIELD("by", "string", "The user."),
	FIELD("reason", "string", "Why, in words."),
	FIELD("time_ns", "integer", "When.", NS),
	FIELD("until_ns", "integer or nil", "When it ends, of a mute.", NS),
	END,
};

const struct record_field records_incident_event[] = {
	FIELD("time_ns", "integer", "When.", NS),
	FIELD("what", "string", "What happened.",
	      ONE_OF("opened, reopened, narrowed, changed, priority, acknowledged, muted, unmuted, "
		     "closed, asked, answered")),
	FIELD("text", "string", "The details."),
	END,
};

const struct record_field records_incidents[] = {
	FIELD("incidents", "list of map incident",
	      "At most `limit` incidents, in the order in which they came."),
	FIELD("next", "integer or nil", "As with `flows`."),
	END,
};
