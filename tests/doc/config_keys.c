/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the keys of rpingmeshd, or with the argument "central" those of rpingmesh-central, a line
 * each, for config_doc.sh and config_doc.py: "KEY" or
 * "GROUP KEY", then the range of an integer or "- -", then "group", "restart" if a running daemon
 * cannot change it, or "reload".
 */
#include <stdio.h>
#include <string.h>

#include "agent/config/config.h"
#include "central/config/central_config.h"

static void
config_keys_print(const char *group, const struct conf_key *keys)
{
	for (const struct conf_key *key = keys; key->name; key++) {
		bool integer = key->kind == &conf_integer || key->kind == &conf_integers;

		if (key->keys)
			config_keys_print(key->name, key->keys);
		printf("%s%s%s ", group ? group : "", group ? " " : "", key->name);
		if (integer)
			printf("%lld %lld", key->min, key->max);
		else
			printf("- -");
		printf(" %s\n", key->kind == &conf_group ? "group" :
				 key->restart ? "restart" : "reload");
	}
}

int
main(int argc, char **argv)
{
	bool central = argc > 1 && strcmp(argv[1], "central") == 0;

	config_keys_print(NULL, central ? central_config_keys : config_keys);
	return 0;
}
