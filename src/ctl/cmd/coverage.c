/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"
#include "ctl/view/centraltable.h"
#include "record/read.h"

static bool
coverage_bad(const msgpack_object *list)
{
	const msgpack_object *capped;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		capped = read_array(&list->via.array.ptr[i], "capped");
		if (capped && capped->via.array.size)
			return true;
	}
	return false;
}

static int
coverage_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "coverage",
		.none = "Nothing is planned: no host has registered a port.",
		.table = centraltable_coverage,
		.bad = coverage_bad,
	};
	int rc = cmd_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show);
}

const struct cmd_entry cmd_coverage = {
	.name = "coverage",
	.summary = "central: what the plan covers, for each ToR switch",
	.central = true,
	.help = "Usage: rpingmesh-ctl coverage [--json]\n"
		"Ask rpingmesh-central what the pinglists cover. For each top-of-rack switch:\n"
		"the 5-tuples that cover all its PATHS with a probability of 0.99 (WANTED), those\n"
		"from it (OUT) and to it (IN), the probability that these cover all paths, the\n"
		"share of paths that they cover on average, and the probes a second of a path;\n"
		"of both directions the worse. TORS is with how many others it is paired now.\n"
		"CAPPED BY says what is too little: budget_out or budget_in (probes that ports\n"
		"may send or answer; rate: probes are rarer), source_ports, no_port, or mesh (the\n"
		"ports under it are divided into groups).\n"
		"\n"
		"Exit status: 0 all is covered; 1 something is capped; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl coverage\n"
		"  rpingmesh-ctl --json coverage | jq -c '[.tor, .share_out, .capped]'",
	.run = coverage_run,
};
