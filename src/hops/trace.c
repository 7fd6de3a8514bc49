/* SPDX-License-Identifier: Apache-2.0 */
#include "hops/trace.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

void
trace_begin(struct trace *trace, struct hops_path *path, uint8_t routers, uint8_t asks)
{
	struct hops_tuple tuple = path->tuple;

	*path = (struct hops_path){.tuple = tuple, .n_hops = routers, .stable = true};
	*trace = (struct trace){.path = path, .routers = routers, .asks = asks, .next = 1};
}

static bool
trace_is_exceeded(const struct trace *trace, const struct trace_answer *a)
{
	return addr_is_v4(&trace->path->tuple.destination) ?
		a->type == ICMP_TIME_EXCEEDED && a->code == ICMP_EXC_TTL :
		a->type == ICMP6_TIME_EXCEEDED && a->code == ICMP6_TIME_EXCEED_TRANSIT;
}

/* Whether a round asks this TTL: round n asks those with fewer than n answers, `asks` at most. */
static bool
trace_wants(const struct trace *trace, uint8_t ttl)
{
	unsigned int wanted = trace->round + 1u < trace->asks ? trace->round + 1u : trace->asks;

	return trace->heard[ttl - 1] < wanted;
}

static bool
trace_is_complete(const struct trace *trace)
{
	for (uint8_t ttl = 1; ttl <= trace->path->n_hops; ttl++)
		if (trace->heard[ttl - 1] < trace->asks)
			return false;
	return true;
}

static bool
trace_round_is_complete(const struct trace *trace)
{
	for (uint8_t ttl = 1; ttl <= trace->path->n_hops; ttl++)
		if (trace_wants(trace, ttl))
			return false;
	return true;
}

static void
trace_end(struct trace *trace)
{
	struct hops_path *path = trace->path;

	trace->done = true;
	path->reached = !trace->cut && !addr_is_zero(&path->hops[path->n_hops - 1].address);
}

static void
trace_next_round(struct trace *trace)
{
	trace->deadline_ns = 0;
	trace->flying = 0;
	trace->next = 1;
	if (trace_is_complete(trace) || ++trace->round >= TRACE_ROUNDS)
		trace_end(trace);
}

/* One by one: the one in flight has been answered, or its time is over. */
static void
trace_next_single(struct trace *trace)
{
	trace->deadline_ns = 0;
	trace->next = trace->flying + 1;
}

static uint64_t
trace_wait_ns(const struct trace *trace)
{
	return trace->round == 0 && !trace->one_by_one ? TRACE_WAIT_NS : TRACE_WAIT_LIMITED_NS;
}

/* Whether the wait is over, or there was none. */
static bool
trace_go_on(struct trace *trace, uint64_t now_ns)
{
	if (trace->deadline_ns == 0)
		return true;
	if (now_ns < trace->deadline_ns)
		return false;
	if (trace->one_by_one)
		trace_next_single(trace);
	else
		trace_next_round(trace);
	return true;
}

uint8_t
trace_next(struct trace *trace, uint64_t now_ns)
{
	while (!trace->done && trace_go_on(trace, now_ns) && !trace->done) {
		while (trace->next <= trace->path->n_hops && !trace_wants(trace, trace->next))
			trace->next++;
		if (trace->next <= trace->path->n_hops)
			return trace->next;
		if (trace->one_by_one || trace_round_is_complete(trace))
			trace_next_round(trace);
		else
			trace->deadline_ns = now_ns + trace_wait_ns(trace);
	}
	return 0;
}

void
trace_sent(struct trace *trace, uint8_t ttl, uint64_t now_ns)
{
	trace->path->sent++;
	trace->sent_ns[ttl - 1] = now_ns;
	trace->next = ttl + 1;
	trace->flying = ttl;
	if (trace->one_by_one)
		trace->deadline_ns = now_ns + trace_wait_ns(trace);
}

static void
trace_take(struct trace *trace, const struct trace_answer *a, uint64_t now_ns)
{
	struct hops_path *path = trace->path;
	struct hops_hop *hop = &path->hops[a->ttl - 1];

	if (trace->heard[a->ttl - 1]++ == 0) {
		*hop = (struct hops_hop){.address = a->from, .type = a->type, .code = a->code,
					 .rtt_ns = now_ns - trace->sent_ns[a->ttl - 1]};
	} else if (!addr_equal(&hop->address, &a->from)) {
		hop->other = a->from;
		path->stable = false;
	}
}

/* A router that says another thing than that the TTL was exceeded lets nothing pass. */
static void
trace_cut(struct trace *trace, const struct trace_answer *a)
{
	struct hops_path *path = trace->path;

	if (trace_is_exceeded(trace, a))
		return;
	trace->cut = true;
	path->n_hops = a->ttl;
	memset(path->hops + a->ttl, 0, (HOPS_MAX - a->ttl) * sizeof(path->hops[0]));
}

/* Answers do not tell their TTL: ask again, one by one, when those in flight have come. */
static void
trace_one_by_one(struct trace *trace, uint64_t now_ns)
{
	trace->one_by_one = true;
	trace->flying = 0;
	trace->deadline_ns = now_ns + trace_wait_ns(trace);
}

bool
trace_answered(struct trace *trace, const struct trace_answer *answer, uint64_t now_ns)
{
	struct trace_answer a = *answer;

	if (trace->done)
		return false;
	if (a.ttl == 0) {
		if (!trace->one_by_one) {
			trace_one_by_one(trace, now_ns);
			return true;
		}
		if (trace->flying == 0 || trace->deadline_ns == 0)
			return true;
		a.ttl = trace->flying;
	}
	if (a.ttl > trace->path->n_hops || trace->sent_ns[a.ttl - 1] == 0)
		return false;
	trace_take(trace, &a, now_ns);
	trace_cut(trace, &a);
	if (trace->deadline_ns == 0)
		return true;
	if (trace->one_by_one && trace->flying == a.ttl)
		trace_next_single(trace);
	else if (!trace->one_by_one && trace_round_is_complete(trace))
		trace_next_round(trace);
	return true;
}
