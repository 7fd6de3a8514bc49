/* SPDX-License-Identifier: Apache-2.0 */
/* Prints as JSON the tables in the code that scripts compare with pages, records and queries. */
#include <stdio.h>

#include "stat/probe_class.h"

static void
print_classes(void)
{
	printf("\"classes\": {\n");
	for (enum probe_class c = 0; c < PROBE_CLASS_N; c++)
		printf("\t\"%s\": {\"answered\": %s, \"lost\": %s, \"meaning\": \"%s\"}%s\n",
		       probe_class_name(c), probe_class_is_answered(c) ? "true" : "false",
		       probe_class_is_lost(c) ? "true" : "false", probe_class_meaning(c),
		       c + 1 < PROBE_CLASS_N ? "," : "");
	printf("}\n");
}

int
main(void)
{
	printf("{\n");
	print_classes();
	printf("}\n");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
