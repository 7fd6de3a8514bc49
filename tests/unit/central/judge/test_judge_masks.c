/* SPDX-License-Identifier: Apache-2.0 */
/* What a shorter window has found is not found once more by a longer one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "central/judge/judge_masks.h"
#include "core/clock.h"

#define NOW (1000 * NSEC_PER_SEC)

static struct judge_masks masks;

static struct incidents_finding
finding(struct incident_culprit *culprit, enum incident_kind kind, const char *name)
{
	*culprit = (struct incident_culprit){.kind = kind};
	snprintf(culprit->name, sizeof(culprit->name), "%s", name);
	return (struct incidents_finding){.kind = kind, .culprits = culprit, .n_culprits = 1};
}

static bool
is_masked(enum incident_kind kind, const char *name, uint64_t now_ns)
{
	struct incident_culprit culprit;
	const struct incidents_finding f = finding(&culprit, kind, name);

	return judge_masks_have(&masks, &f, INTAKE_MIDDLE, now_ns);
}

static void
test_ways(void **state)
{
	struct incident_culprit culprit;
	struct incidents_finding f = finding(&culprit, INCIDENT_LINK, "spine2 -> leaf1");

	(void)state;
	judge_masks_add(&masks, &f, INTAKE_MIDDLE, NOW);
	assert_true(is_masked(INCIDENT_LINK, "spine2 -> leaf1", NOW));
	assert_true(is_masked(INCIDENT_LINK, "leaf1 -> spine2", NOW));
	assert_true(is_masked(INCIDENT_LINK, "spine2 <-> leaf1", NOW));
	assert_true(is_masked(INCIDENT_LINK, "leaf1 <-> spine2", NOW));
	assert_false(is_masked(INCIDENT_LINK, "spine2 -> leaf11", NOW));
	assert_false(is_masked(INCIDENT_LINK, "spine1 -> leaf1", NOW));
	assert_false(is_masked(INCIDENT_SWITCH, "spine2 -> leaf1", NOW));
	f = finding(&culprit, INCIDENT_NIC, "h1/mlx5_0/1");
	judge_masks_add(&masks, &f, INTAKE_MIDDLE, NOW);
	assert_true(is_masked(INCIDENT_NIC, "h1/mlx5_0/1", NOW));
	assert_false(is_masked(INCIDENT_NIC, "h1/mlx5_0/1", NOW + intake_window_ns(INTAKE_MIDDLE)));
	judge_masks_clear(&masks);
}

/* A group of which one candidate is known is no news; a window that is longer is quiet longer. */
static void
test_groups(void **state)
{
	struct incident_culprit group[2] = {{.kind = INCIDENT_SWITCH, .name = "spine1"},
					    {.kind = INCIDENT_LINK, .name = "spine1 -> leaf0"}};
	struct incidents_finding f = {.culprits = group, .n_culprits = 2};
	uint64_t later = NOW + intake_window_ns(INTAKE_MIDDLE);

	(void)state;
	judge_masks_add(&masks, &(struct incidents_finding){.culprits = &group[1], .n_culprits = 1},
			INTAKE_MIDDLE, NOW);
	assert_true(judge_masks_have(&masks, &f, INTAKE_MIDDLE, later - 1));
	assert_false(judge_masks_have(&masks, &f, INTAKE_MIDDLE, later));
	assert_true(judge_masks_have(&masks, &f, INTAKE_LONG, later));
	f.n_culprits = 1;
	assert_false(judge_masks_have(&masks, &f, INTAKE_MIDDLE, NOW));
	judge_masks_clear(&masks);
	judge_masks_add(&masks, &f, INTAKE_LONG, NOW);
	assert_false(judge_masks_have(&masks, &f, INTAKE_MIDDLE, NOW));
	assert_true(judge_masks_have(&masks, &f, INTAKE_LONG, NOW));
	judge_masks_clear(&masks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests_name("judge_masks", tests, NULL, NULL);
}
