/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From asks of locate() to hosts and 5-tuples. Hosts 0 to 4 with a NIC each, 10.0.0.1 to 10.0.0.5:
 * 0 and 1 under leaf 0, 2 and 3 under leaf 1, 4 under leaf 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/judge/judge_case_impl.h"

#define HOSTS 5

static struct {
	struct judge_case c;
	struct judge_host hosts[HOSTS];
	struct locate_host lhosts[HOSTS];
	struct judge_nic nics[HOSTS];
	struct locate_nic lnics[HOSTS];
	struct judge_row row;
	struct locate_row lrow;
	struct locate_finding findings[3];
	struct locate_result result;
	size_t found_in[2];
	const struct judge_want *wants;
	size_t n;
} at;

static int
setup(void **state)
{
	(void)state;
	memset(&at, 0, sizeof(at));
	at.c = (struct judge_case){
		.hosts = at.hosts, .lhosts = at.lhosts, .nics = at.nics, .lnics = at.lnics,
		.rows = &at.row, .lrows = &at.lrow, .result = &at.result, .n_hosts = HOSTS,
		.n_nics = HOSTS, .n_rows = 1, .found_in = at.found_in, .random = 1};
	at.result.findings = at.findings;
	for (uint32_t i = 0; i < HOSTS; i++) {
		char text[16];

		snprintf(at.hosts[i].name, sizeof(at.hosts[i].name), "h%u", i);
		snprintf(text, sizeof(text), "10.0.0.%u", i + 1);
		assert_int_equal(addr_parse(text, &at.nics[i].addrs[0]), 0);
		at.nics[i].n_addrs = 1;
		at.lnics[i] = (struct locate_nic){.host = i, .tor = i / 2};
	}
	/* From host 0 to host 2. */
	at.lrow = (struct locate_row){.from = 0, .to = 2, .sent = 1};
	at.row = (struct judge_row){.source = at.nics[0].addrs[0], .src_port = 50001,
				    .destination = at.nics[2].addrs[0], .back_port = 50002,
				    .traffic_class = 104};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(at.c.wants);
	return 0;
}

static void
ask(size_t finding, uint32_t row, uint32_t from, uint32_t to, bool retrace)
{
	struct locate_finding *f = &at.findings[finding];

	if (finding >= at.result.n_findings)
		at.result.n_findings = finding + 1;
	f->asks[f->n_asks++] = (struct locate_ask){row, from, to, retrace};
}

static void
wanted(void)
{
	at.c.n_wants = 0;
	assert_int_equal(judge_want(&at.c), 0);
	at.n = judge_case_wants(&at.c, &at.wants);
}

static void
expect(size_t i, const char *host, bool trace, uint32_t from, uint32_t to, uint16_t port)
{
	const struct judge_want *w = &at.wants[i];

	assert_string_equal(w->host, host);
	assert_int_equal(w->trace, trace);
	assert_true(addr_equal(&w->tuple.source, &at.nics[from].addrs[0]));
	assert_true(addr_equal(&w->tuple.destination, &at.nics[to].addrs[0]));
	assert_int_equal(w->tuple.traffic_class, 104);
	if (port)
		assert_int_equal(w->tuple.src_port, port);
}

/* Both ways of a stream are traced, each by the host that sends on it. */
static void
test_trace(void **state)
{
	(void)state;
	ask(0, 0, 0, 2, true);
	wanted();
	assert_int_equal(at.n, 2);
	expect(0, "h0", true, 0, 2, 50001);
	expect(1, "h2", true, 2, 0, 50002);
	at.row.back_port = 0; /* the peer has not said it */
	wanted();
	assert_int_equal(at.n, 1);
	expect(0, "h0", true, 0, 2, 50001);
}

/* Wants of a suspicion, then of two findings. */
static void
test_findings(void **state)
{
	(void)state;
	at.found_in[0] = 1;
	at.found_in[1] = 2;
	at.c.n_findings = 2;
	for (size_t i = 0; i < 3; i++)
		ask(i, 0, 0, 2, false);
	wanted();
	assert_int_equal(at.n, 3);
	expect(1, "h0", false, 0, 2, 50001);
	assert_int_equal(at.wants[0].finding, JUDGE_SUSPECT);
	assert_int_equal(at.wants[1].finding, 0);
	assert_int_equal(at.wants[2].finding, 1);
}

/* New tuples between the two, from the one to a third, and from there to the other. */
static void
test_new(void **state)
{
	(void)state;
	ask(0, LOCATE_NONE, 0, 2, false);
	wanted();
	assert_int_equal(at.n, 9);
	for (size_t i = 0; i < 9; i++) {
		static const uint32_t from[] = {0, 0, 4}, to[] = {2, 4, 2};

		expect(i, at.hosts[from[i / 3]].name, false, from[i / 3], to[i / 3], 0);
		assert_true(at.wants[i].tuple.src_port >= 0xc000);
		for (size_t k = i / 3 * 3; k < i; k++)
			assert_true(at.wants[i].tuple.src_port != at.wants[k].tuple.src_port);
	}
	/* One that has left is no third. */
	at.lhosts[4].excuses = LOCATE_GONE;
	wanted();
	assert_int_equal(at.n, 3);
	at.lhosts[4].excuses = 0;
	at.lnics[4].excuses = LOCATE_LOCAL_ERROR;
	wanted();
	assert_int_equal(at.n, 3);
	/* Nor can be one that has no address of the same family. */
	at.lnics[4].excuses = 0;
	assert_int_equal(addr_parse("fd00::5", &at.nics[4].addrs[0]), 0);
	wanted();
	assert_int_equal(at.n, 3);
}

/* A NIC that has few source ports is asked for one that it has. */
static void
test_ports(void **state)
{
	(void)state;
	at.nics[0].src_ports = at.nics[4].src_ports = 1;
	ask(0, LOCATE_NONE, 0, 2, false);
	wanted();
	assert_int_equal(at.n, 6);
	for (size_t i = 0; i < 6; i++)
		expect(i, "h0", false, 0, i < 3 ? 2 : 4, 50001);
}

/* Rows of before say nothing of the traffic class and the ports of now. */
static void
test_before(void **state)
{
	struct judge_row rows[2] = {{.src_port = 49999, .traffic_class = 8}, at.row};
	struct locate_row lrows[2] = {{.from = 0, .to = 2}, at.lrow};

	(void)state;
	at.c.rows = rows;
	at.c.lrows = lrows;
	at.c.n_rows = 2;
	at.nics[0].src_ports = 1;
	ask(0, LOCATE_NONE, 0, 2, false);
	wanted();
	assert_int_equal(at.n, 9);
	for (size_t i = 0; i < 6; i++)
		expect(i, "h0", false, 0, i < 3 ? 2 : 4, 50001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_trace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_findings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_before, setup, teardown),
	};

	return cmocka_run_group_tests_name("judge_want", tests, NULL, NULL);
}
