/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"
#include "ctl/view/centraltable.h"

static int
ports_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "ports",
		.none = "No host has registered a port.",
		.table = centraltable_ports,
	};
	int rc = cmd_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show);
}

const struct cmd_entry cmd_ports = {
	.name = "ports",
	.summary = "central: the RDMA ports of the cluster",
	.central = true,
	.help = "Usage: rpingmesh-ctl ports [--json]\n"
		"Ask rpingmesh-central for the RDMA ports of the cluster, as the hosts have\n"
		"registered them: their addresses, their top-of-rack switches and how the host\n"
		"has learnt these (BY), and the probes a second that they may send (OUT) and\n"
		"answer (IN).\n"
		"\n"
		"Exit status: 0 answered; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl ports\n"
		"  rpingmesh-ctl --json ports | jq -r 'select(.tor_by == \"none\") | .host'",
	.run = ports_run,
};
