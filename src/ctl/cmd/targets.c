/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"
#include "ctl/view/targettable.h"

static int
targets_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "targets",
		.none = "Nothing is probed: no peer is configured, or none has a local device.",
		.table = targettable_make,
	};
	int rc = cmd_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show);
}

const struct cmd_entry cmd_targets = {
	.name = "targets",
	.summary = "each stream of probes with its path",
	.help = "Usage: rpingmesh-ctl targets [--json]\n"
		"Show each stream of probes: its peer, its interval, flow label and traffic\n"
		"class (TOS), and the UDP source port that it uses. PATH shows whether that is\n"
		"the port that the flow label asks for: exact, approximate, or unknown if the\n"
		"rule of the driver is not known.\n"
		"\n"
		"LOSS and times cover the last 10 seconds, as in `rpingmesh-ctl peers`.\n"
		"\n"
		"Exit status: 0 answered; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl targets\n"
		"  rpingmesh-ctl --json targets | jq -c '[.peer, .src_port, .path]'",
	.run = targets_run,
};
