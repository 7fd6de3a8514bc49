/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "ctl/cmd/ask.h"
#include "ctl/cmd/show.h"
#include "ctl/view/incidenttable.h"
#include "record/json.h"
#include "record/read.h"

#define INCIDENTS_TURN_NS NSEC_PER_SEC

struct incidents_args {
	const char *state; /* of the method */
	bool follow;
};

static int
incidents_options(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv,
		  struct incidents_args *args)
{
	static const struct option longs[] = {{"all", no_argument, NULL, 'a'},
					      {"follow", no_argument, NULL, 'f'},
					      CMD_LONG};
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":af" CMD_SHORT, longs, NULL)) != -1) {
		if (c == 'a') {
			args->state = "all";
			continue;
		}
		if (c == 'f') {
			args->follow = true;
			continue;
		}
		rc = cmd_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	return cmd_no_argument(command, argc, argv);
}

/* ---- once ---- */

/* Collects the records of all pages in one array. Returns an exit code. */
static int
incidents_fetch(struct client *client, const char *state, struct pages *pages)
{
	const struct pages_query query = {.method = "incidents", .key = "incidents",
					  .param = "state", .value = state, .sparse = true};

	return ask_told(client, pages_fetch(client, &query, pages));
}

struct incidents_rows {
	msgpack_object list;
	size_t room;
};

static int
incidents_add(void *arg, const msgpack_object *list)
{
	struct incidents_rows *rows = arg;
	msgpack_object_array *all = &rows->list.via.array;
	size_t n = all->size + list->via.array.size;
	msgpack_object *ptr = reallocarray(all->ptr, n + 1, sizeof(*ptr));

	if (!ptr)
		return show_no_memory();
	all->ptr = ptr;
	for (uint32_t i = 0; i < list->via.array.size; i++)
		all->ptr[all->size++] = list->via.array.ptr[i];
	return CMD_OK;
}

static int
incidents_print(const struct ctl *ctl, const struct incidents_rows *rows)
{
	const msgpack_object_array *all = &rows->list.via.array;

	for (uint32_t i = 0; ctl->json && i < all->size; i++)
		json_line(stdout, &all->ptr[i], NULL);
	if (ctl->json)
		return CMD_OK;
	if (all->size)
		return show_table(ctl, incidenttable_list(&rows->list));
	puts("There is no incident.");
	return CMD_OK;
}

static int
incidents_once(const struct ctl *ctl, struct client *client, const struct incidents_args *args)
{
	struct incidents_rows rows = {.list = {.type = MSGPACK_OBJECT_ARRAY}};
	struct pages pages;
	int rc = incidents_fetch(client, args->state, &pages);

	if (rc == CMD_OK)
		rc = pages_each(&pages, incidents_add, &rows);
	if (rc == CMD_OK)
		rc = incidents_print(ctl, &rows);
	free(rows.list.via.array.ptr);
	pages_free(&pages);
	return rc;
}

/* ---- follow ---- */

struct incidents_follow {
	const struct ctl *ctl;
	uint64_t shown_ns; /* the latest change that was printed */
	uint64_t latest_ns;
};

static int
incidents_news(void *arg, const msgpack_object *list)
{
	struct incidents_follow *f = arg;
	uint64_t at;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *incident = &list->via.array.ptr[i];

		if (!read_u64(incident, "updated_ns", &at) || at <= f->shown_ns)
			continue;
		f->latest_ns = at > f->latest_ns ? at : f->latest_ns;
		if (f->ctl->json)
			json_line(stdout, incident, NULL);
		else
			incidenttable_line(incident, stdout);
	}
	fflush(stdout);
	return CMD_OK;
}

static int
incidents_follow(const struct ctl *ctl, struct client *client)
{
	struct incidents_follow f = {.ctl = ctl};
	struct pages pages;
	int rc;

	ask_signals();
	do {
		rc = incidents_fetch(client, f.shown_ns ? "recent" : "open", &pages);
		if (rc == CMD_OK)
			rc = pages_each(&pages, incidents_news, &f);
		pages_free(&pages);
		/* Later changes only, also if nothing is open at first. */
		f.shown_ns = f.latest_ns ? f.latest_ns : f.shown_ns ? f.shown_ns : clock_wall_ns();
		if (rc == CMD_OK)
			rc = ask_wait(client, clock_mono_ns() + INCIDENTS_TURN_NS);
	} while (rc == CMD_OK);
	return rc == CMD_STOPPED ? CMD_OK : rc;
}

static int
incidents_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	struct incidents_args args = {.state = "open"};
	struct client *client;
	int rc = incidents_options(ctl, command, argc, argv, &args);

	if (rc >= 0)
		return rc;
	rc = ask_open(ctl, NULL, &client);
	if (rc != CMD_OK)
		return rc;
	rc = args.follow ? incidents_follow(ctl, client) : incidents_once(ctl, client, &args);
	client_close(client);
	return rc;
}

const struct cmd_entry cmd_incidents = {
	.name = "incidents",
	.summary = "central: what is wrong in the cluster, and was",
	.central = true,
	.help = "Usage: rpingmesh-ctl incidents [--all | --follow] [--json]\n"
		"Ask rpingmesh-central for the incidents that are open: the culprit (of several\n"
		"that the evidence cannot tell apart the likeliest), what it does, since when,\n"
		"how often it was opened (OPENS), and the jobs that it hurts. PRIORITY is P0 if\n"
		"it hurts a job, P1 if jobs use that part of the network, else P2.\n"
		"\n"
		"  -a, --all      closed ones, too\n"
		"  -f, --follow   then print each incident that opens, changes or closes\n"
		"\n"
		"Exit status: 0 answered; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl incidents\n"
		"  rpingmesh-ctl --json incidents --all | jq -r '[.since_ns, .id] | @tsv'",
	.run = incidents_run,
};
