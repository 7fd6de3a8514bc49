/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>

#include "ctl/cmd/show.h"
#include "ctl/view/devicetable.h"
#include "ctl/view/state.h"

static bool
devices_bad(const msgpack_object *list)
{
	for (uint32_t i = 0; i < list->via.array.size; i++)
		if (state_of_device(&list->via.array.ptr[i]) == DEVICE_UP)
			return false;
	return true;
}

static int
devices_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct option longs[] = {
		{"history", no_argument, NULL, 'H'}, {"counters", no_argument, NULL, 'C'},
		{"all", no_argument, NULL, 'a'}, CMD_LONG,
	};
	struct show show = {
		.method = "devices",
		.none = "No RDMA device is in use (key \"devices\" of the daemon's configuration; "
			"rdma link).",
		.table = devicetable_make,
		.bad = devices_bad,
	};
	bool history = false, counters = false, all = false;
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":a" CMD_SHORT, longs, NULL)) != -1) {
		history |= c == 'H';
		counters |= c == 'C';
		all |= c == 'a';
		if (c == 'H' || c == 'C' || c == 'a')
			continue;
		rc = cmd_option(ctl, command, c, argv);
		if (rc >= 0)
			return rc;
	}
	rc = cmd_no_argument(command, argc, argv);
	if (rc >= 0)
		return rc;
	if (history && counters)
		return cmd_usage(command, "--history or --counters, not both");
	if (history) {
		show.table = devicetable_history;
		show.none = "No port has changed in the last 24 hours.";
	} else if (counters) {
		show.table = all ? devicetable_counters_all : devicetable_counters;
		show.none = "All counters are 0, or none can be read.";
	}
	return show_run(ctl, &show);
}

const struct cmd_entry cmd_devices = {
	.name = "devices",
	.summary = "the local RDMA devices that probe and answer",
	.help = "Usage: rpingmesh-ctl devices [--history | --counters [-a]] [--json]\n"
		"Show the local RDMA device ports that the daemon uses to probe and to answer.\n"
		"\n"
		"      --history        show the state changes of each port in the last 24\n"
		"                       hours, the newest first\n"
		"      --counters       show the counters of port and network interface, and how\n"
		"                       much they have risen in the last 10 seconds and since\n"
		"                       the daemon's start; counters at 0 are left out\n"
		"  -a, --all            show counters at 0 as well\n"
		"\n"
		"GID is the source address of probes. CLOCK shows whether times come from the\n"
		"RNIC's clock (hw) or the host's (sw). QPN is the prober's queue pair, RESPONDER\n"
		"the responder's. PROBES/S shows how much of the device's budget the last second\n"
		"used, and SERVICES how much of that went along the flows of services. SOURCES\n"
		"shows how many of the wanted UDP source ports have a QP, if each needs one.\n"
		"POSTED counts probes, DEFERRED how often a probe had to wait for the budget,\n"
		"SKIPPED the intervals left out because the daemon or the budget was behind.\n"
		"FLAPS counts how often the port left \"up\" in the last hour, not counting "
		"flaps\n"
		"that are acknowledged (rpingmesh-ctl acknowledge).\n"
		"\n"
		"Exit status: 0 a device is up; 1 none is; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl devices\n"
		"  rpingmesh-ctl devices --history\n"
		"  rpingmesh-ctl --json devices | jq -r '.device + \" \" + .state'",
	.run = devices_run,
};
