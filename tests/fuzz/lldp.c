/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other daemons say of the switches that they hear by LLDP, and what switches say themselves.
 * The input is a byte that says which, and the text.
 */
#include "core/jdoc.h"
#include "fuzz.h"
#include "lldp/lldp.h"

static void
lldp_check_name(const char *name)
{
	size_t len = strlen(name);

	FUZZ_CHECK(len < LLDP_NAME);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(name[i] >= ' ' && name[i] <= '~');
}

static void
lldp_check(const struct lldp_switches *s)
{
	FUZZ_CHECK(s->n <= LLDP_NAMES_MAX);
	FUZZ_CHECK((s->state == LLDP_HEARD) == (s->n > 0));
	for (size_t i = 0; i < s->n; i++)
		lldp_check_name(s->names[i]);
	for (size_t i = 1; i < s->n; i++)
		FUZZ_CHECK(strcmp(s->names[i - 1], s->names[i]) < 0);
}

static void
lldp_of_frame(const uint8_t *data, size_t len)
{
	struct lldp_neighbour n;

	if (lldp_frame(data, len, &n) == 0) {
		FUZZ_CHECK(n.name[0]);
		lldp_check_name(n.name);
	}
}

static void
lldp_of_file(const uint8_t *data, size_t len)
{
	struct lldp_switches s = {0};

	lldp_networkd_frames(data, len, 100, &s);
	lldp_check(&s);
}

/* Each value is in its place: walking the tree ends, and finds what is there once. */
static size_t
lldp_walk(const struct jdoc *json, const struct jdoc_value *value)
{
	size_t n = 1;

	FUZZ_CHECK((value->text != NULL) ==
		   (value->type == JDOC_STRING || value->type == JDOC_NUMBER));
	for (const struct jdoc_value *i = jdoc_first(json, value); i; i = jdoc_next(json, i))
		n += lldp_walk(json, i);
	return n;
}

static void
lldp_of_json(const uint8_t *data, size_t len,
	     void (*read)(const struct jdoc *json, struct lldp_switches *s))
{
	struct lldp_switches s = {0};
	struct jdoc *json;

	if (jdoc_parse((const char *)data, len, &json) < 0)
		return;
	FUZZ_CHECK(lldp_walk(json, jdoc_root(json)) <= len);
	read(json, &s);
	lldp_check(&s);
	jdoc_free(json);
}

static void
lldp_lldpd(const struct jdoc *json, struct lldp_switches *s)
{
	lldp_lldpd_read(json, "e0", s);
}

static void
lldp_networkd(const struct jdoc *json, struct lldp_switches *s)
{
	lldp_networkd_read(json, 2, s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	uint8_t kind = fuzz_u8(&f) % 4;
	size_t len;
	uint8_t *text = fuzz_take(&f, f.left, &len);

	if (kind == 0)
		lldp_of_frame(text, len);
	else if (kind == 1)
		lldp_of_file(text, len);
	else
		lldp_of_json(text, len, kind == 2 ? lldp_lldpd : lldp_networkd);
	free(text);
	return 0;
}
