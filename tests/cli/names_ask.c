/* SPDX-License-Identifier: Apache-2.0 */
/* For names.sh: reads names, a line each, and prints what src/core/names.c finds, a line each. */
#include <stdio.h>
#include <string.h>

#include "core/addr.h"
#include "core/loop.h"
#include "core/names.h"

static struct loop *loop;

static void
found(void *arg, const struct addr *addr, const char *reason)
{
	char text[ADDR_TEXT];

	(void)arg;
	if (addr)
		puts(addr_text(addr, text));
	else
		printf("- %s\n", reason);
	fflush(stdout);
	loop_stop(loop);
}

int
main(void)
{
	struct names *names;
	struct names_lookup *lookup;
	char line[300];

	if (loop_new(&loop) < 0 || names_new(loop, &names) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (names_find(names, line, NULL, found, NULL, &lookup) < 0)
			return 1;
		if (lookup && loop_run(loop) < 0)
			return 1;
	}
	names_free(names);
	loop_free(loop);
	return 0;
}
