/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"
#include "ctl/view/centraltable.h"

static int
switches_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "switches",
		.none = "No host has reported a path.",
		.table = centraltable_switches,
	};
	int rc = cmd_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show);
}

const struct cmd_entry cmd_switches = {
	.name = "switches",
	.summary = "central: the switches that 5-tuples cross",
	.central = true,
	.help = "Usage: rpingmesh-ctl switches [--json]\n"
		"Ask rpingmesh-central for the switches that 5-tuples cross: the name (SWITCH),\n"
		"how it is known (BY), the number of 5-tuples (TUPLES), the switches above it by\n"
		"the topology file (BELOW), and the ADDRESSES from which it answers. Addresses\n"
		"belong to one switch only if they have one name. BY is, the best first:\n"
		"  file      the file `switches` of rpingmesh-central.conf(5)\n"
		"  lldp      the ToR switch of a port next to it, as LLDP says there\n"
		"  config    the same, as `tor` in rpingmeshd.conf(5) says\n"
		"  topology  the leaf switch of a host next to it, by the file `topology`\n"
		"  dns       the name of the address in the DNS of central's host\n"
		"  address   nothing: the name is the address\n"
		"\n"
		"Exit status: 0 all is well; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl switches\n"
		"  rpingmesh-ctl --json switches | jq -r 'select(.by == \"address\") | .name'",
	.run = switches_run,
};
