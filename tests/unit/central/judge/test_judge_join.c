/* SPDX-License-Identifier: Apache-2.0 */
/* Which links are one cable: leaves 0 to 2 and spine 3, with addresses of tests/vm/lib/clos.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/judge/judge_case_impl.h"

#define LINKS 16

/* Steps are the links in their order, one each. */
static struct {
	struct judge_case c;
	struct judge_link links[LINKS];
	struct locate_link llinks[LINKS];
	uint32_t steps[LINKS], uses[LINKS];
	struct judge_ask asks[1];
	struct judge_nic nics[1];
	struct locate_nic lnics[1];
	struct judge_switch switches[4];
} at;

static int
setup(void **state)
{
	(void)state;
	memset(&at, 0, sizeof(at));
	at.c.links = at.links;
	at.c.llinks = at.llinks;
	at.c.steps = at.steps;
	at.c.asks = at.asks;
	at.c.uses = at.uses;
	at.c.nics = at.nics;
	at.c.lnics = at.lnics;
	at.c.n_nics = 1;
	at.nics[0].tor = LOCATE_NONE;
	at.c.switches = at.switches;
	for (int i = 0; i < 4; i++)
		at.switches[i].named = true;
	return judge_index_seed();
}

static int
teardown(void **state)
{
	(void)state;
	free(at.c.chosen);
	free(at.c.unjoined);
	free(at.c.unjoined_steps);
	free(at.c.used);
	return 0;
}

static uint32_t
link_from(uint32_t from, const char *from_addr, uint32_t to, const char *to_addr)
{
	uint32_t n = (uint32_t)at.c.n_links++;

	assert_true(n < LINKS);
	assert_int_equal(addr_parse(from_addr, &at.links[n].from), 0);
	assert_int_equal(addr_parse(to_addr, &at.links[n].to), 0);
	at.llinks[n] = (struct locate_link){from, to, LOCATE_NONE, LOCATE_NONE};
	at.steps[at.c.n_steps++] = n;
	at.uses[n] = 1;
	return n;
}

/* The spine has another address on each of its links, and the leaf others for IPv6. */
static void
test_down(void **state)
{
	uint32_t a = link_from(3, "10.9.0.2", 2, "10.9.2.1");
	uint32_t b = link_from(3, "10.9.1.2", 2, "10.9.2.1");
	uint32_t v6 = link_from(3, "fd00:9:0:0::2", 2, "fd00:9:2:0::1");
	uint32_t other = link_from(3, "fd00:9:1:0::2", 2, "fd00:9:2:1::1"); /* towards the asker */
	uint32_t beside = link_from(3, "10.9.0.2", 1, "10.9.1.1");
	uint32_t up = link_from(2, "10.1.2.254", 3, "10.9.2.2");
	uint32_t up6 = link_from(2, "fd00:1:2::fe", 3, "fd00:9:2:0::2");

	(void)state;
	at.c.n_asks = 1;
	at.asks[0] = (struct judge_ask){.kind = LOCATE_LINK, .what = v6};
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.steps[b], a);
	assert_int_equal(at.steps[v6], a);
	assert_int_equal(at.steps[other], a);
	assert_int_equal(at.steps[a], a);
	assert_int_equal(at.steps[beside], beside);
	assert_int_equal(at.steps[up6], up);
	assert_int_equal(at.llinks[a].reverse, up);
	assert_int_equal(at.llinks[up].reverse, a);
	assert_int_equal(at.llinks[beside].reverse, LOCATE_NONE);
	assert_int_equal(at.llinks[v6].reverse, LOCATE_NONE);
	assert_int_equal(at.asks[0].what, a);
}

/* Two cables between leaf and spine: told apart by the address at which packets come in. */
static void
test_parallel(void **state)
{
	uint32_t first = link_from(0, "10.1.0.254", 3, "10.9.0.2");
	uint32_t second = link_from(0, "10.1.0.254", 3, "10.9.0.6");
	uint32_t again = link_from(0, "10.1.0.253", 3, "10.9.0.6");
	uint32_t v6 = link_from(0, "fd00:1::fe", 3, "fd00:9::2");

	(void)state;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.steps[first], first);
	assert_int_equal(at.steps[second], second);
	assert_int_equal(at.steps[again], second);
	assert_int_equal(at.steps[v6], v6);
}

/* Switches that nothing names are as many as their addresses; a NIC has no cable of its own. */
static void
test_nameless(void **state)
{
	uint32_t a = link_from(0, "10.1.0.254", 1, "10.9.0.2");
	uint32_t b = link_from(2, "fd00:1::fe", 3, "fd00:9::2");
	uint32_t nic = link_from(LOCATE_NONE, "10.1.0.1", 0, "10.1.0.254");
	uint32_t nic6 = link_from(LOCATE_NONE, "fd00:1::1", 0, "10.1.0.254");

	(void)state;
	at.llinks[nic].nic = 0;
	at.llinks[nic6].nic = 0;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.steps[a], a);
	assert_int_equal(at.steps[b], b);
	assert_int_equal(at.steps[nic], nic);
	assert_int_equal(at.steps[nic6], nic6);
	assert_int_equal(at.lnics[0].tor, 0);
}

/* A cable is plugged in elsewhere, and back. */
static void
test_moved(void **state)
{
	uint32_t first = link_from(0, "10.1.0.254", 3, "10.9.0.2");
	uint32_t down = link_from(3, "10.9.0.2", 0, "10.9.0.1");
	uint32_t v6 = link_from(0, "fd00:1::fe", 3, "fd00:9::2");
	uint32_t second;

	(void)state;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.steps[v6], first);
	assert_int_equal(at.llinks[first].reverse, down);
	second = link_from(0, "10.1.0.254", 3, "10.9.0.6");
	at.uses[first] = 0;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.steps[v6], v6);
	assert_int_equal(at.steps[second], v6);
	assert_int_equal(at.llinks[v6].reverse, down);
	assert_int_equal(at.llinks[down].reverse, v6);
	assert_int_equal(at.llinks[first].from, LOCATE_NONE);
	at.uses[first] = 1;
	at.uses[second] = 0;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.steps[v6], first);
	assert_int_equal(at.llinks[first].reverse, down);
	assert_int_equal(at.llinks[down].reverse, first);
	assert_int_equal(at.llinks[second].from, LOCATE_NONE);
}

/* So is that of a NIC. */
static void
test_tor(void **state)
{
	uint32_t first = link_from(LOCATE_NONE, "10.1.0.1", 0, "10.1.0.254"), second;

	(void)state;
	at.llinks[first].nic = 0;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.lnics[0].tor, 0);
	second = link_from(LOCATE_NONE, "10.1.0.1", 1, "10.1.0.253");
	at.llinks[second].nic = 0;
	at.uses[first] = 0;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.lnics[0].tor, 1);
	at.uses[first] = 1;
	at.uses[second] = 0;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.lnics[0].tor, 0);
	at.uses[first] = 0;
	at.nics[0].tor = 2;           /* what its host says */
	at.uses[second] = 1;
	at.switches[1].named = false;
	assert_int_equal(judge_join(&at.c), 0);
	assert_int_equal(at.lnics[0].tor, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parallel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nameless, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tor, setup, teardown),
	};

	return cmocka_run_group_tests_name("judge_join", tests, NULL, NULL);
}
