/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents: what is written can be read, and what is wrong is refused by name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record_fixture.h"

#include "record/incident.h"

static struct incident_culprit culprits[] = {
	{.kind = INCIDENT_LINK, .name = "leaf1 -> spine2", .from = "10.0.0.1", .to = "10.0.0.2",
	 .addresses = {"10.0.0.1", "10.0.0.2"}, .n_addresses = 2},
	{.kind = INCIDENT_NIC, .name = "gpu-17 mlx5_0", .host = "gpu-17", .device = "mlx5_0"},
};
static struct incident_job jobs[] = {{"slurm 42"}, {"train.service"}};
static struct incident_event events[] = {{5, INCIDENT_OPENED, "P0, link leaf1 -> spine2"},
					 {9, INCIDENT_MUTED, "by ada: known"}};
static const struct incident example = {
	.id = "00f1e2d3c4b5a697", .state = INCIDENT_OPEN, .kind = INCIDENT_LINK,
	.culprits = culprits, .n_culprits = 2, .direction = INCIDENT_ONE_WAY,
	.effect = INCIDENT_LOSS, .loss_ratio = 0.25, .confidence = 0.75, .since_ns = 5,
	.first_ns = 3, .updated_ns = 9, .opens = 2, .priority = INCIDENT_P0, .hurts = jobs,
	.n_hurts = 1, .crosses = jobs, .n_crosses = 2,
	.mute = {.by = "ada", .reason = "known", .time_ns = 9, .until_ns = 20}, .events = events,
	.n_events = 2,
};

static void
test_packed(void **state)
{
	const msgpack_object_map *map;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	incident_pack(&f.pk, &example, true, false);
	map = fixture_map(&f);
	expect_str(map, "type", "incident");
	expect_u64(map, "schema", 1);
	expect_str(map, "id", "00f1e2d3c4b5a697");
	expect_str(map, "state", "open");
	expect_str(map, "kind", "link");
	expect_str(map, "direction", "one_way");
	expect_str(map, "priority", "P0");
	expect_u64(map, "opens", 2);
	fixture_end(&f);
}

static void
test_round(void **state)
{
	char error[INCIDENT_ERROR];
	struct incident *i = NULL;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	incident_pack(&f.pk, &example, true, true);
	assert_int_equal(incident_unpack(f.out.data, f.out.size, &i, error), 0);
	assert_string_equal(i->id, example.id);
	assert_int_equal(i->n_culprits, 2);
	assert_string_equal(i->culprits[0].to, "10.0.0.2");
	assert_int_equal(i->culprits[0].n_addresses, 2);
	assert_string_equal(i->culprits[1].device, "mlx5_0");
	assert_string_equal(i->culprits[1].from, "");
	assert_true(i->loss_ratio == 0.25);
	assert_int_equal(i->closed_ns, 0);
	assert_int_equal(i->n_hurts, 1);
	assert_string_equal(i->crosses[1].name, "train.service");
	assert_int_equal(i->acknowledged.time_ns, 0);
	assert_string_equal(i->mute.reason, "known");
	assert_true(incident_is_muted(i, 19));
	assert_false(incident_is_muted(i, 20));
	assert_int_equal(i->n_events, 2);
	assert_int_equal(i->events[1].what, INCIDENT_MUTED);
	incident_free(i);
	fixture_end(&f);
}

static void
expect_refused(const struct incident *incident, const char *why)
{
	char error[INCIDENT_ERROR] = "";
	struct incident *i = NULL;
	struct fixture f;

	fixture_begin(&f);
	incident_pack(&f.pk, incident, false, true);
	assert_int_equal(incident_unpack(f.out.data, f.out.size, &i, error), -EINVAL);
	assert_string_equal(error, why);
	fixture_end(&f);
}

static void
test_wrong(void **state)
{
	struct incident wrong = example;
	struct incident_culprit nameless = culprits[0];

	(void)state;
	wrong.loss_ratio = 1.5;
	expect_refused(&wrong, "loss_ratio is no number from 0 to 1");
	wrong = example;
	strcpy(wrong.id, "../../etc/passwd");
	expect_refused(&wrong, "id is no 16 hexadecimal digits");
	wrong = example;
	wrong.n_culprits = 0;
	expect_refused(&wrong, "no culprits");
	wrong = example;
	nameless.name[0] = '\0';
	wrong.culprits = &nameless;
	wrong.n_culprits = 1;
	expect_refused(&wrong, "culprits[0]: name is no string of 1 to 199 printable bytes");
}

/* Every cut of a good record is refused, and none is read beyond its end. */
static void
test_cut(void **state)
{
	char error[INCIDENT_ERROR];
	struct incident *i = NULL;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	incident_pack(&f.pk, &example, false, true);
	for (size_t n = 0; n < f.out.size; n++) {
		char *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, f.out.data, n);
		assert_true(incident_unpack(copy, n, &i, error) < 0);
		free(copy);
	}
	fixture_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("incident", tests, NULL, NULL);
}
