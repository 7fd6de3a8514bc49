/* SPDX-License-Identifier: Apache-2.0 */
/* Slurm's topology.conf: examples of its manual page, and mistakes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "central/config/central_topology.h"

static struct central_topology *
parsed(const char *text)
{
	struct central_topology *t = NULL;
	char error[CONF_ERROR];

	if (central_topology_parse(text, "topology.conf", &t, error) < 0)
		fail_msg("%s", error);
	return t;
}

static void
refused(const char *text, const char *why)
{
	struct central_topology *t = NULL;
	char error[CONF_ERROR] = "";

	assert_int_equal(central_topology_parse(text, "f", &t, error), -EINVAL);
	assert_null(t);
	assert_string_equal(error, why);
}

static void
test_tree(void **state)
{
	struct central_topology *t =
		parsed("# two leaves and a spine\r\n"
		       "\n"
		       "SwitchName=s0 Nodes=dev[0-5]\n"
		       "switchname=s1 NODES=dev[6-8,10],gpu1 LinkSpeed=900 # fast\n"
		       "SwitchName=s2 \\\n"
		       "   Switches=s[0-1]\n");
	const struct central_topology_child *above;
	size_t n;

	(void)state;
	assert_int_equal(t->n, 6 + 5 + 2);
	assert_string_equal(central_topology_leaf(t, "dev0"), "s0");
	assert_string_equal(central_topology_leaf(t, "dev5"), "s0");
	assert_string_equal(central_topology_leaf(t, "dev6"), "s1");
	assert_null(central_topology_leaf(t, "dev9"));
	assert_string_equal(central_topology_leaf(t, "dev10"), "s1");
	assert_string_equal(central_topology_leaf(t, "gpu1"), "s1");
	assert_null(central_topology_leaf(t, "gpu"));
	assert_null(central_topology_leaf(t, "s0"));
	above = central_topology_above(t, "s1", &n);
	assert_int_equal(n, 1);
	assert_string_equal(above->parent, "s2");
	assert_null(central_topology_above(t, "s2", &n));
	assert_null(central_topology_above(t, "dev0", &n));
	assert_int_equal(n, 0);
	central_topology_free(t);
	central_topology_free(NULL);
	assert_null(central_topology_leaf(NULL, "dev0"));
}

/* Zeros in front are part of a name; so is what comes after a bracket. */
static void
test_ranges(void **state)
{
	struct central_topology *t =
		parsed("SwitchName=l Nodes=n[001-003,9],r[1-2]n[08-10]-ib,a[7]");

	(void)state;
	assert_int_equal(t->n, 4 + 6 + 1);
	assert_string_equal(central_topology_leaf(t, "n001"), "l");
	assert_null(central_topology_leaf(t, "n1"));
	assert_string_equal(central_topology_leaf(t, "n9"), "l");
	assert_string_equal(central_topology_leaf(t, "r1n08-ib"), "l");
	assert_string_equal(central_topology_leaf(t, "r2n10-ib"), "l");
	assert_null(central_topology_leaf(t, "r3n10-ib"));
	assert_string_equal(central_topology_leaf(t, "a7"), "l");
	central_topology_free(t);
}

/* Slurm's name of a host is its first label; a host below two leaves has none. */
static void
test_hosts(void **state)
{
	struct central_topology *t = parsed("SwitchName=l1 Nodes=a,b,a,c.example\n"
					    "SwitchName=l2 Nodes=b\n"
					    "SwitchName=up1 Switches=l1\n"
					    "SwitchName=up2 Switches=l1");
	const struct central_topology_child *above;
	size_t n;

	(void)state;
	assert_string_equal(central_topology_leaf(t, "a.example.org"), "l1");
	assert_string_equal(central_topology_leaf(t, "c.example"), "l1");
	assert_null(central_topology_leaf(t, "c"));
	assert_null(central_topology_leaf(t, "b"));
	above = central_topology_above(t, "l1", &n);
	assert_int_equal(n, 2);
	assert_string_equal(above[0].parent, "up1");
	assert_string_equal(above[1].parent, "up2");
	central_topology_free(t);
}

static void
test_empty(void **state)
{
	const char *const texts[] = {"", "\n", "#", " \t\r\n\\\n\n", "SwitchName=root",
				     "SwitchName=root LinkSpeed=1"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct central_topology *t = parsed(texts[i]);

		assert_int_equal(t->n, 0);
		central_topology_free(t);
	}
}

static void
test_mistakes(void **state)
{
	const char *const range = "f:1: a range in brackets is not LOW-HIGH";

	(void)state;
	refused("\nBlockName=b Nodes=a", "f:2: a line is SwitchName=NAME Nodes=LIST or "
					 "SwitchName=NAME Switches=LIST (topology/tree)");
	refused("SwitchName=a \\\n Nodes=b\nSwitchName=",
		"f:3: the name of the switch is not 1 to 64 printable characters");
	refused("SwitchName=a Node=b", "f:1: \"Node=b\" is not Nodes=, Switches= or LinkSpeed=");
	refused("SwitchName=a Nodes=", "f:1: \"\" is not 1 to 64 printable characters");
	refused("SwitchName=a Nodes=a,,b", "f:1: \"\" is not 1 to 64 printable characters");
	refused("SwitchName=a Nodes=a\x07", "f:1: \"a?\" is not 1 to 64 printable characters");
	refused("SwitchName=a Nodes=n[1-3", "f:1: a bracket is not closed");
	refused("SwitchName=a Nodes=n[]", range);
	refused("SwitchName=a Nodes=n[3-1]", range);
	refused("SwitchName=a Nodes=n[1-]", range);
	refused("SwitchName=a Nodes=n[1-2-3]", range);
	refused("SwitchName=a Nodes=n[1,]", range);
	refused("SwitchName=a Nodes=n[a-b]", range);
	refused("SwitchName=a Nodes=n[1-99999999999]", range);
	refused("SwitchName=a Nodes=n[1][2][3][4]", "f:1: more than 3 brackets in a name");
}

/* However much a short text stands for. */
static void
test_bounds(void **state)
{
	struct central_topology *t;
	char text[200];

	(void)state;
	refused("SwitchName=a Nodes=[0-999999999]x[0-999999999]x[0-999999999]",
		"f:1: more than 500000 names");
	t = parsed("SwitchName=a Nodes=n[1-500000]");
	assert_int_equal(t->n, 500000);
	assert_string_equal(central_topology_leaf(t, "n500000"), "a");
	central_topology_free(t);
	snprintf(text, sizeof(text), "SwitchName=a Nodes=%063d[1-9]", 0);
	t = parsed(text);
	assert_int_equal(t->n, 9);
	central_topology_free(t);
	snprintf(text, sizeof(text), "SwitchName=a Nodes=%063d[1-10]", 0);
	refused(text, "f:1: a name is longer than 64 characters");
	snprintf(text, sizeof(text), "SwitchName=a Nodes=%065d", 0);
	refused(text, "f:1: a name is longer than 64 characters");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),     cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_hosts),    cmocka_unit_test(test_empty),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_bounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
