/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "ctl/cmd/ask.h"
#include "ctl/view/incidenttable.h"
#include "record/json.h"
#include "record/read.h"

struct blame {
	const struct ctl *ctl;
	unsigned int priority; /* that is printed now */
	uint64_t n, muted;
};

static int
blame_some(void *arg, const msgpack_object *list)
{
	static const char *const priorities[] = {"P0", "P1", "P2"};
	struct blame *b = arg;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *incident = &list->via.array.ptr[i];
		unsigned int at = read_word(incident, "priority", priorities, 3);
		bool muted = false;

		read_bool(incident, "muted", &muted);
		/* A word that is unknown comes last. */
		if (at != b->priority)
			continue;
		b->muted += muted;
		b->n += !muted;
		if (!muted && b->ctl->json)
			json_line(stdout, incident, NULL);
		else if (!muted)
			incidenttable_line(incident, stdout);
	}
	return CMD_OK;
}

static int
blame_print(const struct ctl *ctl, const struct pages *pages)
{
	struct blame b = {.ctl = ctl};

	for (; b.priority <= 3; b.priority++)
		pages_each(pages, blame_some, &b);
	if (!b.n && !ctl->json)
		puts("Nothing is wrong.");
	if (b.muted && !ctl->json)
		printf("%llu muted: see rpingmesh-ctl incidents\n", (unsigned long long)b.muted);
	return b.n ? CMD_BAD_NEWS : CMD_OK;
}

static int
blame_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	const struct pages_query query = {.method = "incidents", .key = "incidents",
					  .param = "state", .value = "open", .sparse = true};
	struct client *client;
	struct pages pages;
	int rc = cmd_options_only(ctl, command, argc, argv);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = ask_told(client, pages_fetch(client, &query, &pages));
	if (rc == CMD_OK)
		rc = blame_print(ctl, &pages);
	pages_free(&pages);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_blame = {
	.name = "blame",
	.summary = "central: who is to blame now, one line each",
	.central = true,
	.help = "Usage: rpingmesh-ctl blame [--json]\n"
		"Ask rpingmesh-central what is wrong now: one line for each incident that is\n"
		"open and not muted, the most urgent first. See incidents.\n"
		"\n"
		"Exit status: 0 nothing is wrong; 1 something is; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl blame\n"
		"  rpingmesh-ctl --json blame | jq -r '.culprits[0].name'",
	.run = blame_run,
};
