/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"
#include "ctl/view/centraltable.h"
#include "record/read.h"

static bool
tors_bad(const msgpack_object *list)
{
	const msgpack_object *problems;

	for (uint32_t i = 0; i < list->via.array.size; i++) {
		problems = read_array(&list->via.array.ptr[i], "problems");
		if (problems && problems->via.array.size)
			return true;
	}
	return false;
}

static int
tors_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "tors",
		.none = "No host has registered a port.",
		.table = centraltable_tors,
		.bad = tors_bad,
	};
	int rc = cmd_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show);
}

const struct cmd_entry cmd_tors = {
	.name = "tors",
	.summary = "central: the top-of-rack switches of the cluster",
	.central = true,
	.help = "Usage: rpingmesh-ctl tors [--json]\n"
		"Ask rpingmesh-central for the top-of-rack switches of the cluster: how hosts\n"
		"have learnt their names (BY), their hosts and ports, the probes a second to\n"
		"other switches (OUT/S) and from them (IN/S), their parallel paths upwards, the\n"
		"5-tuples that cover these (WANTED) and those that there are (OUT, IN), and the\n"
		"share of paths that they cover on average; of both directions the worse.\n"
		"PROBLEMS says why that is less than wanted: see coverage; drained: all hosts\n"
		"are; no_tor: these ports have no switch, and take no part.\n"
		"\n"
		"Exit status: 0 all is well; 1 a switch has a problem; 2 usage; 3 no central.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl tors\n"
		"  rpingmesh-ctl --json tors | jq -r 'select(.by != [\"lldp\"]) | .tor'",
	.run = tors_run,
};
