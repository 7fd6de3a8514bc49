/* SPDX-License-Identifier: Apache-2.0 */
/* The file that names switches: any text. What is taken is within the promised limits. */
#include "central/config/central_switches.h"
#include "fuzz.h"

static void
switches_check_name(const char *name)
{
	size_t len = strlen(name);

	FUZZ_CHECK(len >= 1 && len <= CENTRAL_SWITCHES_NAME);
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), error[CONF_ERROR] = "";
	struct central_switches *s;

	if (!text)
		abort();
	if (central_switches_parse(text, "names", &s, error) == 0) {
		switches_check(s);
		central_switches_free(s);
	} else {
		FUZZ_CHECK(strncmp(error, "names:", 6) == 0);
	}
	free(text);
	return 0;
}
