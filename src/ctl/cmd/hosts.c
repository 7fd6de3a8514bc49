/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"
#include "ctl/view/centraltable.h"
#include "record/read.h"

static bool
hosts_bad(const msgpack_object *list)
{
	for (uint32_t i = 0; i < list->via.array.size; i++)
		if (read_is(&list->via.array.ptr[i], "state", "leaving"))
			return true;
	return false;
}

static int
hosts_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "hosts",
		.none = "No host has registered: name the broker in `cluster` of rpingmeshd.conf.",
		.table = centraltable_hosts,
		.bad = hosts_bad,
	};
	int rc = cmd_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show);
}

const struct cmd_entry cmd_hosts = {
	.name = "hosts",
	.summary = "central: the hosts of the cluster",
	.central = true,
	.help = "Usage: rpingmesh-ctl hosts [--json]\n"
		"Ask rpingmesh-central for the hosts of the cluster: whether they are there,\n"
		"since when, how often they have come (JOINS), how far their clock is ahead of\n"
		"central's, and why they are drained or how they have left.\n"
		"\n"
		"Exit status: 0 answered; 1 a host is leaving; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl hosts\n"
		"  rpingmesh-ctl --json hosts | jq -r 'select(.state == \"gone\") | .host'",
	.run = hosts_run,
};
