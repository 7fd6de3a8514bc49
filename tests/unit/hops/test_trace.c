/* SPDX-License-Identifier: Apache-2.0 */
/* Types and codes are those of RFC 792: 11 0 is "time to live exceeded in transit", 3 13 "filtered"
 * (RFC 1812), and those of RFC 4443: 3 0 is "hop limit exceeded in transit". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hops/trace.h"

#define MS 1000000ULL
#define START_NS (77 * MS)

static struct hops_path path;
static struct trace trace;

static struct addr
address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void
begin(const char *from, const char *to, uint8_t routers, uint8_t asks)
{
	path = (struct hops_path){.tuple = {.source = address(from), .destination = address(to),
					    .src_port = 50000}};
	trace_begin(&trace, &path, routers, asks);
}

/* Sends all that is due. Returns a bit for each TTL, from bit 1. */
static unsigned int
sent_at(uint64_t now_ns)
{
	unsigned int ttls = 0;
	uint8_t ttl;

	while ((ttl = trace_next(&trace, now_ns))) {
		trace_sent(&trace, ttl, now_ns);
		ttls |= 1u << ttl;
	}
	return ttls;
}

static bool
answer(uint8_t ttl, const char *from, uint8_t type, uint8_t code, uint64_t now_ns)
{
	struct trace_answer a = {.from = address(from), .ttl = ttl, .type = type, .code = code};

	return trace_answered(&trace, &a, now_ns);
}

static void
assert_hop(int i, const char *text)
{
	char buf[ADDR_TEXT];

	assert_string_equal(addr_is_zero(&path.hops[i].address) ? "-" :
			    addr_text(&path.hops[i].address, buf), text);
}

/* All TTLs at once, and no more of them than there are routers. */
static void
test_all_answer(void **state)
{
	(void)state;
	begin("10.1.0.1", "10.6.0.2", 3, 1);
	assert_int_equal(sent_at(START_NS), 1 << 1 | 1 << 2 | 1 << 3);
	assert_int_equal(sent_at(START_NS + MS), 0);
	assert_true(answer(2, "10.2.0.2", 11, 0, START_NS + 2 * MS));
	assert_true(answer(1, "10.1.0.2", 11, 0, START_NS + 3 * MS));
	assert_false(trace.done);
	assert_true(answer(3, "10.4.0.2", 11, 0, START_NS + 4 * MS));
	assert_true(trace.done);
	assert_true(path.reached);
	assert_true(path.stable);
	assert_int_equal(path.n_hops, 3);
	assert_int_equal(path.sent, 3);
	assert_hop(0, "10.1.0.2");
	assert_hop(1, "10.2.0.2");
	assert_hop(2, "10.4.0.2");
	assert_int_equal(path.hops[1].rtt_ns, 2 * MS);
	assert_false(answer(3, "10.4.0.2", 11, 0, START_NS + 5 * MS));
}

/* The silent one is asked three times, the others once; it is a hop without an address. */
static void
test_silent_hop(void **state)
{
	uint64_t now_ns = START_NS;

	(void)state;
	begin("fd00:1::1", "fd00:6::2", 3, 1);
	assert_int_equal(sent_at(now_ns), 1 << 1 | 1 << 2 | 1 << 3);
	assert_true(answer(1, "fd00:1::2", 3, 0, now_ns + MS));
	assert_true(answer(3, "fd00:4::2", 3, 0, now_ns + MS));
	assert_int_equal(sent_at(now_ns + 499 * MS), 0);
	now_ns = trace.deadline_ns;
	assert_int_equal(now_ns, START_NS + 500 * MS);
	assert_int_equal(sent_at(now_ns), 1 << 2);
	now_ns = trace.deadline_ns;
	assert_true(now_ns >= START_NS + 1500 * MS); /* more than a second after the last */
	assert_int_equal(sent_at(now_ns), 1 << 2);
	assert_int_equal(sent_at(trace.deadline_ns), 0);
	assert_true(trace.done);
	assert_true(path.reached);
	assert_int_equal(path.sent, 5);
	assert_hop(1, "-");
}

/* The last one is silent: whether the path goes on to it nobody knows. */
static void
test_silent_end(void **state)
{
	(void)state;
	begin("10.1.0.1", "10.6.0.2", 2, 1);
	for (int i = 0; i < 3; i++) {
		sent_at(i ? trace.deadline_ns : START_NS);
		if (i == 0)
			assert_true(answer(1, "10.1.0.2", 11, 0, START_NS + MS));
	}
	sent_at(trace.deadline_ns);
	assert_true(trace.done);
	assert_false(path.reached);
	assert_int_equal(path.n_hops, 2);
}

/* A router that refuses: the path ends there, even if it is the last one. */
static void
test_refused(void **state)
{
	(void)state;
	begin("10.1.0.1", "10.6.0.2", 4, 1);
	sent_at(START_NS);
	assert_true(answer(4, "10.2.0.2", 3, 13, START_NS + MS));
	assert_true(answer(3, "10.2.0.2", 3, 13, START_NS + MS));
	assert_true(answer(1, "10.1.0.2", 11, 0, START_NS + MS));
	assert_false(trace.done);
	assert_true(answer(2, "10.2.0.2", 3, 13, START_NS + MS));
	assert_true(trace.done);
	assert_false(path.reached);
	assert_int_equal(path.n_hops, 2);
	assert_int_equal(path.hops[1].type, 3);
	assert_int_equal(path.hops[1].code, 13);
	assert_hop(2, "-");
	assert_hop(3, "-");
}

/* Asked twice: two addresses at one TTL are no path. */
static void
test_sprayed(void **state)
{
	(void)state;
	begin("10.1.0.1", "10.6.0.2", 2, 2);
	assert_int_equal(sent_at(START_NS), 1 << 1 | 1 << 2);
	assert_true(answer(1, "10.1.0.2", 11, 0, START_NS + MS));
	assert_true(answer(2, "10.2.0.2", 11, 0, START_NS + MS));
	assert_false(trace.done);
	assert_int_equal(sent_at(START_NS + 2 * MS), 1 << 1 | 1 << 2);
	assert_true(answer(1, "10.1.0.2", 11, 0, START_NS + 3 * MS));
	assert_true(answer(2, "10.3.0.2", 11, 0, START_NS + 3 * MS));
	assert_true(trace.done);
	assert_true(path.reached);
	assert_false(path.stable);
	assert_true(addr_is_zero(&path.hops[0].other));
	assert_hop(1, "10.2.0.2");
	assert_memory_equal(&path.hops[1].other, &(struct addr[]){address("10.3.0.2")}, 16);
}

/* Short quotes: from then on one TTL at a time, and who answers it is the hop. */
static void
test_short_quotes(void **state)
{
	static const char *const routers[] = {"10.1.0.2", "10.2.0.2", "10.4.0.2"};
	uint64_t now_ns;

	(void)state;
	begin("10.1.0.1", "10.6.0.2", 3, 1);
	assert_int_equal(sent_at(START_NS), 1 << 1 | 1 << 2 | 1 << 3);
	assert_true(answer(0, "10.2.0.2", 11, 0, START_NS + MS));
	assert_true(answer(0, "10.4.0.2", 11, 0, START_NS + MS));
	assert_true(answer(0, "10.1.0.2", 11, 0, START_NS + 2 * MS));
	assert_hop(0, "-");
	/* What is still on its way must not be taken for the answer to the next. */
	assert_int_equal(sent_at(START_NS + 3 * MS), 0);
	now_ns = trace.deadline_ns;
	for (uint8_t ttl = 1; ttl <= 3; ttl++) {
		assert_int_equal(sent_at(now_ns), 1 << ttl);
		assert_true(answer(0, routers[ttl - 1], 11, 0, now_ns + MS));
		now_ns += 2 * MS;
	}
	sent_at(now_ns);
	assert_true(trace.done);
	assert_true(path.reached);
	for (int i = 0; i < 3; i++)
		assert_hop(i, routers[i]);
}

/* An answer to what was not sent is somebody else's. */
static void
test_foreign(void **state)
{
	(void)state;
	begin("10.1.0.1", "10.6.0.2", 2, 1);
	assert_false(answer(1, "10.1.0.2", 11, 0, START_NS));
	sent_at(START_NS);
	assert_false(answer(3, "10.1.0.2", 11, 0, START_NS + MS));
	assert_false(answer(30, "10.1.0.2", 11, 0, START_NS + MS));
	assert_hop(0, "-");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_answer),
		cmocka_unit_test(test_silent_hop),
		cmocka_unit_test(test_silent_end),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_sprayed),
		cmocka_unit_test(test_short_quotes),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests_name("hops/trace", tests, NULL, NULL);
}
