/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For hops.sh and tests in the VM: traces tuples by src/hops, all at once, and prints a line for
 * each: its source port, what is known of the end, and the hops.
 *
 *   hops_ask [-a ASKS] [-b NETDEV] [-c CLASS] [-l LABEL] [-r PER_S] [-s SWITCH_PER_S]
 *            SOURCE DESTINATION ROUTERS PORT...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/addr.h"
#include "core/loop.h"
#include "hops/hops.h"

static struct loop *loop;
static int left;

static void
print_hop(const struct hops_hop *hop)
{
	char text[ADDR_TEXT];

	printf(" %s", addr_is_zero(&hop->address) ? "-" : addr_text(&hop->address, text));
	if (!addr_is_zero(&hop->other))
		printf("|%s", addr_text(&hop->other, text));
}

static void
done(void *arg, const struct hops_path *path)
{
	(void)arg;
	if (path->error)
		printf("%u error %s\n", path->tuple.src_port, path->reason);
	else
		printf("%u %s %s %u", path->tuple.src_port, path->reached ? "reached" : "open",
		       path->stable ? "stable" : "sprayed", path->sent);
	for (uint8_t i = 0; i < path->n_hops; i++)
		print_hop(&path->hops[i]);
	if (!path->error)
		putchar('\n');
	fflush(stdout);
	if (--left == 0)
		loop_stop(loop);
}

static int
ask_options(int argc, char **argv, struct hops_ask *ask, struct hops_config *config)
{
	int c;

	while ((c = getopt(argc, argv, "a:b:c:l:r:s:")) != -1)
		switch (c) {
		case 'a':
			ask->asks = (uint8_t)atoi(optarg);
			break;
		case 'b':
			snprintf(ask->tuple.netdev, sizeof(ask->tuple.netdev), "%s", optarg);
			break;
		case 'c':
			ask->tuple.traffic_class = (uint8_t)strtoul(optarg, NULL, 0);
			break;
		case 'l':
			ask->tuple.flow_label = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'r':
			config->per_s = (uint32_t)atoi(optarg);
			break;
		case 's':
			config->switch_per_s = (uint32_t)atoi(optarg);
			break;
		default:
			return -1;
		}
	return argc - optind > 3 ? 0 : -1;
}

int
main(int argc, char **argv)
{
	struct hops_ask ask = {.urgency = HOPS_NEW, .asks = 1, .done = done};
	struct hops_config config = HOPS_CONFIG_DEFAULT;
	struct hops_request *request;
	struct hops *hops;

	if (ask_options(argc, argv, &ask, &config) < 0 ||
	    addr_parse(argv[optind], &ask.tuple.source) < 0 ||
	    addr_parse(argv[optind + 1], &ask.tuple.destination) < 0)
		return 2;
	ask.routers = (uint8_t)atoi(argv[optind + 2]);
	if (loop_new(&loop) < 0 || hops_new(loop, &config, &hops) < 0)
		return 1;
	for (int i = optind + 3; i < argc; i++) {
		ask.tuple.src_port = (uint16_t)atoi(argv[i]);
		if (hops_trace(hops, &ask, &request) < 0)
			return 1;
		left++;
	}
	if (loop_run(loop) < 0)
		return 1;
	hops_free(hops);
	loop_free(loop);
	return 0;
}
