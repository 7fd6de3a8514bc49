/* SPDX-License-Identifier: Apache-2.0 */
/* What the responder has heard becomes a list of the report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/cluster/cluster_heard.h"

static void
test_heard(void **state)
{
	struct cluster_heard heard = {0};
	struct responder_way_info way = {.src_port = 50001, .traffic_class = 106};
	struct report report = {.host = "h"};

	(void)state;
	addr_parse("10.0.0.2", &way.remote);
	addr_parse("10.0.0.1", &way.local);
	cluster_heard_fill(&heard, &report);
	assert_non_null(report.heard);
	assert_int_equal(report.n_heard, 0);
	cluster_heard_add(&heard, &way, 7);
	way.traffic_class = 0;
	cluster_heard_add(&heard, &way, 1ULL << 40);
	way.traffic_class = 106;
	way.src_port = 50000;
	cluster_heard_add(&heard, &way, 8);
	/* The prober has not said its port yet; central would refuse the whole report. */
	way.src_port = PROBE_PORT_UNKNOWN;
	cluster_heard_add(&heard, &way, 9);
	way.src_port = 50000;
	addr_parse("127.0.0.1", &way.remote);
	cluster_heard_add(&heard, &way, 10);
	cluster_heard_fill(&heard, &report);
	assert_int_equal(report.n_heard, 3);
	assert_int_equal(report.heard[0].received, UINT32_MAX);
	assert_int_equal(report.heard[1].received, 8);
	assert_int_equal(report.heard[2].received, 7);
	assert_int_equal(report.heard[2].source.raw[15], 2);
	assert_int_equal(report.heard[2].destination.raw[15], 1);
	cluster_heard_clear(&heard);
	cluster_heard_fill(&heard, &report);
	assert_int_equal(report.n_heard, 0);
}

static void
test_many(void **state)
{
	struct cluster_heard heard = {0};
	struct responder_way_info way = {.src_port = 50001};
	struct report report = {.host = "h"};

	(void)state;
	addr_parse("10.0.0.2", &way.remote);
	addr_parse("10.0.0.1", &way.local);
	for (uint32_t i = 0; i < REPORT_STREAMS_MAX + 9; i++)
		cluster_heard_add(&heard, &way, 1);
	cluster_heard_fill(&heard, &report);
	assert_int_equal(report.n_heard, REPORT_STREAMS_MAX);
	cluster_heard_clear(&heard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_heard),
					   cmocka_unit_test(test_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
