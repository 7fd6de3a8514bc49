/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <infiniband/verbs.h>

#include "core/udp_port.h"
#include "trace/flow_port.h"

/* By number, as the kernel's ABI has them: MANA and IONIC are not in older headers. */
enum {
	MLX5 = 1,
	MLX4 = 2,
	BNXT_RE = 6,
	IRDMA = 9,
	QEDR = 11,
	HNS = 12,
	RXE = 14,
	SIW = 18,
	ERDMA = 19,
	MANA = 20,
	IONIC = 21
};

static const struct {
	const char *release;
	unsigned int major, minor;
	bool mainline;
} releases[] = {
	{"6.1.0-28-amd64", 6, 1, true},
	{"5.10.0-33-cloud-arm64", 5, 10, true},
	{"5.10.0-0.deb10.16-amd64", 5, 10, true},
	{"6.12.9+bpo-amd64", 6, 12, true},
	{"7.2.3-amd64", 7, 2, true},
	{"5.15.0-91-generic", 5, 15, true},
	{"6.8.9-300.fc40.x86_64", 6, 8, true},
	{"6.9-rc3", 6, 9, true},
	{"6.1", 6, 1, true},
	{"4.18.0-553.el8_10.x86_64", 4, 18, false},
	{"5.14.0-427.13.1.el9_4.x86_64", 5, 14, false},
	{"6.12.0-55.el10.x86_64", 6, 12, false},
	{"5.15.0-206.153.7.el8uek.x86_64", 5, 15, false},
	{"5.14.21-150500.55.52-default", 5, 14, false},
	{"5.10.0-182.0.0.95.oe2203sp3.x86_64", 5, 10, false},
	{"5.10.134-16.1.an8.x86_64", 5, 10, false},
	{"5.10.0-x.elsewhere.el9", 5, 10, false},
	{"6.1.0-my.elk", 6, 1, true},
	/* not to be read: no guess */
	{"", 0, 0, false},
	{"six.one", 0, 0, false},
	{"6", 0, 0, false},
	{"6.", 0, 0, false},
	{"6.x", 0, 0, false},
	{"-6.1", 0, 0, false},
	{"6.-1", 0, 0, false},
	{" 6.1", 0, 0, false},
	{"99999999999999999999.1", 0, 0, false},
	{"6.99999999999999999999", 0, 0, false},
};

static void
test_kernel_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
		struct flow_port_kernel kernel = {9, 9, true};

		flow_port_kernel_parse(releases[i].release, &kernel);
		if (kernel.major != releases[i].major || kernel.minor != releases[i].minor ||
		    kernel.mainline != releases[i].mainline)
			fail_msg("%s: %u.%u %d", releases[i].release, kernel.major, kernel.minor,
				 kernel.mainline);
	}
}

#define STANDARD FLOW_PORT_RULE_STANDARD
#define BY_QPN FLOW_PORT_RULE_RXE_QPN
#define UNKNOWN FLOW_PORT_RULE_UNKNOWN

static const struct {
	uint32_t driver;
	const char *release;
	enum flow_port_rule rule;
} rules[] = {
	{MLX5, "5.10.0-1-amd64", STANDARD},
	{MLX5, "5.9.0", UNKNOWN},
	{MLX5, "4.19.0", UNKNOWN},
	{MLX5, "6.0.0", STANDARD},
	{MLX5, "7.2.0", STANDARD},
	/*
	 * el9 builds on 5.14, where the rule was already there; of el8 nobody can say when it came
	 * in
	 */
	{MLX5, "5.14.0-427.el9.x86_64", STANDARD},
	{MLX5, "4.18.0-553.el8_10.x86_64", UNKNOWN},
	{RXE, "5.10.0-33-amd64", BY_QPN},
	{RXE, "5.16.20", BY_QPN},
	{RXE, "5.17.0", STANDARD},
	{RXE, "6.1.0-28-amd64", STANDARD},
	{RXE, "7.2.0", STANDARD},
	{RXE, "5.14.0-427.el9.x86_64", UNKNOWN},
	{RXE, "6.12.0-55.el10.x86_64", STANDARD},
	{RXE, "what", UNKNOWN},
	{HNS, "5.16.0", UNKNOWN},
	{HNS, "5.17.0", STANDARD},
	{IRDMA, "5.16.0", UNKNOWN},
	{IRDMA, "6.1.0", STANDARD},
	{MANA, "6.11.0", UNKNOWN},
	{MANA, "6.12.0", STANDARD},
	{IONIC, "7.1.0", UNKNOWN},
	{IONIC, "7.2.0", STANDARD},
	{ERDMA, "6.12.0", UNKNOWN},
	{ERDMA, "8.0.0", STANDARD},
	{BNXT_RE, "7.2.0", UNKNOWN},
	{MLX4, "7.2.0", UNKNOWN},
	{QEDR, "7.2.0", UNKNOWN},
	{SIW, "7.2.0", UNKNOWN},
	{0, "7.2.0", UNKNOWN},
	{4711, "7.2.0", UNKNOWN},
};

static void
test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct flow_port_kernel kernel;

		flow_port_kernel_parse(rules[i].release, &kernel);
		if (flow_port_rule_of(rules[i].driver, &kernel) != rules[i].rule)
			fail_msg("driver %u on %s", rules[i].driver, rules[i].release);
	}
}

/* As tcpdump saw them: soft-RoCE of Linux 6.1 and 5.10. */
static void
test_seen_on_the_wire(void **state)
{
	(void)state;
	assert_int_equal(flow_port_of(STANDARD, 0xabcde, 17, 0x123456), 64756);
	assert_int_equal(flow_port_of(STANDARD, 0, 22, 0x123456), 65404);
	assert_int_equal(flow_port_of(STANDARD, 0, 18, 0x123456), 60934);
	assert_int_equal(flow_port_of(BY_QPN, 0, 17, 0x123456), 57236);
	assert_int_equal(flow_port_of(BY_QPN, 0xabcde, 17, 0), 57236);
	assert_int_equal(flow_port_of(UNKNOWN, 0xabcde, 17, 18), UDP_PORT_UNKNOWN);
}

/*
 * 0xffffff * 0xffffff = 0xfffffe000001 by hand; ^ >>20: 0xfffff1ffffe1; ^ >>40: 0xfffff1ffff1e; 20
 * bits: 0xfff1e; folded: 0x3f1e ^ 0x3f
 */
static void
test_large_qpns(void **state)
{
	(void)state;
	assert_int_equal(flow_port_of(STANDARD, 0, 0xffffff, 0xffffff), 0xc000 | (0x3f1e ^ 0x3f));
	assert_int_equal(flow_port_of(STANDARD, 0, 0, 0), 0xc000);
}

/* rdma-core's own folding is the judge. */
static void
test_label_of_each_port(void **state)
{
	(void)state;
	for (uint32_t port = 0xc000; port <= 0xffff; port++) {
		uint32_t label = udp_port_label((uint16_t)port);

		assert_in_range(label, 1, 0xfffff);
		assert_int_equal(ibv_flow_label_to_udp_sport(label), port);
		assert_int_equal(flow_port_of(STANDARD, label, 1, 1), port);
	}
	for (uint32_t port = 0; port < 0xc000; port++)
		assert_int_equal(udp_port_label((uint16_t)port), 0);
}

static void
test_fold_of_each_label(void **state)
{
	(void)state;
	for (uint32_t label = 1; label <= 0xfffff; label++)
		assert_int_equal(flow_port_of(STANDARD, label, 3, 5),
				 ibv_flow_label_to_udp_sport(label));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_parse),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_seen_on_the_wire),
		cmocka_unit_test(test_large_qpns),
		cmocka_unit_test(test_label_of_each_port),
		cmocka_unit_test(test_fold_of_each_label),
	};

	return cmocka_run_group_tests_name("flow_port", tests, NULL, NULL);
}
