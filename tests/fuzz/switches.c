/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that name switches: a byte that says which, and any text. What is taken is within the
 * promised limits.
 */
#include "central/config/central_switches.h"
#include "central/config/central_topology.h"
#include "fuzz.h"

static void
switches_check_name(const char *name)
{
	size_t len = strlen(name);

	FUZZ_CHECK(len >= 1 && len <= CENTRAL_NAME);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(name[i] > ' ' && name[i] <= '~');
}

static void
switches_check(const struct central_switches *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct central_switches_entry *e = &s->entries[i];

		switches_check_name(e->name);
		if (e->port)
			switches_check_name(e->port);
		FUZZ_CHECK(e->line >= 1 && !addr_is_zero(&e->addr));
		FUZZ_CHECK(i == 0 || memcmp(&e[-1].addr, &e->addr, sizeof(e->addr)) < 0);
	}
}

static void
switches_check_topology(const struct central_topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct central_topology_child *child = &t->children[i];

		switches_check_name(child->name);
		switches_check_name(child->parent);
		if (child->is_switch)
			FUZZ_CHECK(central_topology_above(t, child->name, &n) && n >= 1);
		else
			central_topology_leaf(t, child->name);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = size ? strndup((const char *)data + 1, size - 1) : strdup("");
	char error[CONF_ERROR] = "";
	struct central_topology *topology = NULL;
	struct central_switches *switches = NULL;

	if (!text)
		abort();
	if (size && data[0] % 2) {
		if (central_topology_parse(text, "names", &topology, error) == 0)
			switches_check_topology(topology);
	} else if (central_switches_parse(text, "names", &switches, error) == 0) {
		switches_check(switches);
	}
	FUZZ_CHECK(topology || switches || strncmp(error, "names:", 6) == 0);
	central_topology_free(topology);
	central_switches_free(switches);
	free(text);
	return 0;
}
