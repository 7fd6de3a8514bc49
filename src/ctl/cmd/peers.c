/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/show.h"
#include "ctl/view/peer.h"
#include "ctl/view/state.h"
#include "record/read.h"

/*
 * A peer that is down, or of which noise hides all else, is bad only if the configuration or the
 * pinglist has it, not if a ping made it.
 */
static bool
peers_bad(const msgpack_object *list)
{
	for (uint32_t i = 0; i < list->via.array.size; i++) {
		const msgpack_object *peer = &list->via.array.ptr[i];
		enum state_peer state = state_of_peer(peer);
		bool wanted = true;

		read_bool(peer, "configured", &wanted);
		wanted |= read_find(peer, "listed_kind") != NULL;
		if (wanted && (peer_is_noisy(peer) ||
				   (state != STATE_PEER_UP && state != STATE_PEER_SELF)))
			return true;
	}
	return false;
}

static int
peers_run(struct ctl *ctl, const struct cmd_entry *command, int argc, char **argv)
{
	static const struct show show = {
		.method = "peers",
		.none = "No peers are configured (key \"peers\" of the daemon's configuration), "
			"and no pinglist names any.",
		.table = peer_table,
		.bad = peers_bad,
	};
	int rc = cmd_options_only(ctl, command, argc, argv);

	return rc >= 0 ? rc : show_run(ctl, &show);
}

const struct cmd_entry cmd_peers = {
	.name = "peers",
	.summary = "each peer with its state, loss and times",
	.help = "Usage: rpingmesh-ctl peers [--json]\n"
		"Show each peer: its state, how many probes it was sent, and the results.\n"
		"\n"
		"LOSS and times cover the last 10 seconds. LOSS is the share of lost probes\n"
		"among those answered or lost; RTT is that of the network alone; PROBER and\n"
		"RESPONDER are the delays inside the two hosts (medians). NOISE counts results\n"
		"that a stall of a host may have affected; LOSS and times leave them out.\n"
		"VERDICT lossy means that a sequential test found the path to lose probes, even\n"
		"if rarely, and shows when one was last lost; noisy, that stalls of hosts hide\n"
		"much of what happens; slow and host_slow, that RTT or RESPONDER have been far\n"
		"above the usual for minutes. SENT and NOT OK count since the daemon started. If\n"
		"the table does not fit the terminal, the least important columns are left out.\n"
		"ORIGIN is who wants the peer, if that is not only the configuration: file,\n"
		"pinglist, ping, flow. TOR is the peer's switch, by the pinglist.\n"
		"\n"
		"Exit status: 0 all peers are up (or this host itself); 1 one is not, or is\n"
		"noisy; 2 usage; 3 no daemon.\n"
		"\n"
		"Examples:\n"
		"  rpingmesh-ctl peers\n"
		"  rpingmesh-ctl --json peers | jq -c '[.address, .state, .recent.rtt_p99_ns]'",
	.run = peers_run,
};
