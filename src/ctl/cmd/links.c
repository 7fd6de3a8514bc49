/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"
#include "ctl/view/centraltable.h"

static int
links_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "links",
		.none = "No host has reported a path.",
		.table = centraltable_links,
	};
	int rc = cmd_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show);
}

const struct cmd_entry cmd_links = {
	.name = "links",
	.summary = "central: the links that 5-tuples cross",
	.central = true,
	.help = "Usage: rpingmesh-ctl links [--json]\n"
		"Ask rpingmesh-central for the links that 5-tuples cross, each direction by\n"
		"itself: the addresses where it begins and ends (FROM, TO), the switch or host\n"
		"there (FROM NAME, TO NAME), how the name of a switch is known (BY, as with\n"
		"`switches`), the number of 5-tuples (TUPLES), and when a path over it was\n"
		"reported last (SEEN). Routers that do not answer have no links.\n"
		"\n"
		"Exit status: 0 all is well; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl links\n"
		"  rpingmesh-ctl --json links | jq -r 'select(.from_name == \"leaf1\") | .to'",
	.run = links_run,
};
