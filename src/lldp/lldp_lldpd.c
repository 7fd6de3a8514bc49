/* SPDX-License-Identifier: Apache-2.0 */
#include "lldp/lldp_impl.h"

#include <string.h>
#include <strings.h>

#include "core/jdoc.h"

/*
 * In json0 each element of XML is an array, also if there is only one:
 *
 *   {"lldp": [{"interface": [{"name": "eth0", "chassis": [{"id": [{"value": …}],
 *     "name": [{"value": …}], "capability": [{"type": "Bridge", "enabled": true}]}]}]}]}
 */
static const char *
lldp_lldpd_value(const struct jdoc *json, const struct jdoc_value *chassis, const char *key)
{
	const struct jdoc_value *element = jdoc_first(json, jdoc_find(json, chassis, key));

	return jdoc_string(jdoc_find(json, element, "value"));
}

/* Whether it is a bridge or a router, or does not say what it is. */
static bool
lldp_lldpd_is_switch(const struct jdoc *json, const struct jdoc_value *chassis)
{
	const struct jdoc_value *c = jdoc_first(json, jdoc_find(json, chassis, "capability")), *on;
	bool says = false;
	const char *type;

	for (; c; c = jdoc_next(json, c)) {
		type = jdoc_string(jdoc_find(json, c, "type"));
		on = jdoc_find(json, c, "enabled");
		if (type && on && on->type == JDOC_TRUE &&
		    (strcasecmp(type, "Bridge") == 0 || strcasecmp(type, "Router") == 0))
			return true;
		says = true;
	}
	return !says;
}

void
lldp_lldpd_read(const struct jdoc *json, const char *name, struct lldp_switches *out)
{
	const struct jdoc_value *chassis, *i, *all = jdoc_find(json, jdoc_root(json), "lldp");
	const char *of, *is;

	i = jdoc_first(json, jdoc_find(json, jdoc_first(json, all), "interface"));
	for (; i; i = jdoc_next(json, i)) {
		of = jdoc_string(jdoc_find(json, i, "name"));
		chassis = jdoc_first(json, jdoc_find(json, i, "chassis"));
		if (!of || strcmp(of, name) != 0 || !chassis)
			continue;
		is = lldp_lldpd_value(json, chassis, "name");
		if (!is || !is[0])
			is = lldp_lldpd_value(json, chassis, "id");
		if (is && lldp_lldpd_is_switch(json, chassis))
			lldp_add(out, is);
	}
}
