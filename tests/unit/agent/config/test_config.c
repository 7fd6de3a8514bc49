/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/config/config.h"
#include "agent/config/config_check.h"
#include "core/conf_check.h"
#include "rpingmesh/log_subsystems.h"

/* The first mistake. There must be no other: none may follow from another. */
static int
parse(const char *text, const char *name, struct config **out, char error[CONF_ERROR])
{
	struct conf_errors errors;
	int rc = config_parse(text, name, out, &errors);

	if (errors.n > 1)
		fail_msg("%s\n%s\n%s", text, errors.errors[0].text, errors.errors[1].text);
	strcpy(error, errors.errors[0].text);
	return rc;
}

static struct config *
parse_ok(const char *text)
{
	struct config *config = NULL;
	char error[CONF_ERROR] = "";

	if (parse(text, "test.conf", &config, error) != 0)
		fail_msg("%s\nrefused: %s", text, error);
	assert_non_null(config);
	return config;
}

/* `where` begins the message, `says` stands in it. */
struct bad {
	const char *text, *where, *says;
};

static const struct bad bad[] = {
	/* unknown keys, at each level */
	{"colour = 1;", "test.conf:1: colour: ", "expected one of devices gid_index port "},
	{"\n\ninterval = 100;", "test.conf:3: interval: ", "found an unknown key"},
	{"peers = ( { address = \"h\";\n interval = 1; } );",
	 "test.conf:2: peers[0].interval: ", "expected one of address device"},
	{"responder = { per_host = 1; };",
	 "test.conf:1: responder.per_host: ", "expected one of allow per_source total"},
	{"log = { prober = \"debug\"; };",
	 "test.conf:1: log.prober: ", "expected one of target level main"},
	{"tracing = { enabled = true; };", "test.conf:1: tracing.enabled: ",
	 "expected one of enable probe interval_ms source_qps max_qps max_flows,"},
	{"metrics = { port = 1; };",
	 "test.conf:1: metrics.port: ", "expected one of listen by max_paths path_histograms,"},
	{"Port = 1;", "test.conf:1: Port: ", "unknown key"},
	{"metrics.listen = \"127.0.0.1:9479\";", "test.conf:1: metrics.listen: ",
	 "write metrics = { listen = …; };"},
	{"port = 1; \xef\xbb\xbfsize = 50;", "test.conf:1: ", "found a byte 0xef"},
	{"\xef\xbb\xbf\nPort = 1;", "test.conf:2: Port: ", "unknown key"},
	{"size = 50;", "test.conf:1: size: ", "unknown key"},

	/* wrong types */
	{"devices = 5;", "test.conf:1: devices: ", "expected a list ( ) of strings, found 5"},
	{"devices = \"rxe0\";", "test.conf:1: devices: ", "found \"rxe0\""},
	{"devices = (\"rxe0\",\n 5);", "test.conf:2: devices[1]: ", "found 5"},
	{"gid_index = \"0\";",
	 "test.conf:1: gid_index: ", "expected an integer from -1 to 255, found \"0\""},
	{"port = 1.0;",
	 "test.conf:1: port: ", "expected an integer from 1 to 65535, found 1 with a fraction"},
	{"port = true;", "test.conf:1: port: ", "found true"},
	{"port = { };", "test.conf:1: port: ", "found a group"},
	{"port = ( 1 );", "test.conf:1: port: ", "found a list of 1"},
	{"peers = \"10.0.0.2\";", "test.conf:1: peers: ", "expected a list ( ) of at most"},
	{"peers = ( 5 );", "test.conf:1: peers[0]: ", "found 5"},
	{"peers = ( (\"h\") );", "test.conf:1: peers[0]: ", "found a list of 1"},
	{"peers = ( { address = 5; } );", "test.conf:1: peers[0].address: ", "found 5"},
	{"peers = ( { address = \"h\"; device = (\"a\"); } );",
	 "test.conf:1: peers[0].device: ", "found a list"},
	{"peers = ( { address = \"h\"; source = 1; } );",
	 "test.conf:1: peers[0].source: ", "found 1"},
	{"responder = 5;", "test.conf:1: responder: ", "expected a group { }, found 5"},
	{"responder = { allow = \"10.0.0.0/8\"; };",
	 "test.conf:1: responder.allow: ", "expected a list ( ) of networks"},
	{"responder = { allow = (10); };", "test.conf:1: responder.allow[0]: ", "found 10"},
	{"socket = 1;", "test.conf:1: socket: ", "expected an absolute path"},
	{"log = \"debug\";", "test.conf:1: log: ", "expected a group { }, found \"debug\""},
	{"log = { level = 3; };",
	 "test.conf:1: log.level: ", "\"error\", \"warning\", \"info\" or \"debug\", found 3"},
	{"tracing = true;", "test.conf:1: tracing: ", "expected a group"},
	{"tracing = { enable = 1; };",
	 "test.conf:1: tracing.enable: ", "expected true or false, found 1"},
	{"metrics = { listen = 9479; };", "test.conf:1: metrics.listen: ", "found 9479"},
	{"sizes = (50, \"x\");",
	 "test.conf:1: sizes[1]: ", "expected an integer from 50 to 4096 or \"mtu\", found \"x\""},
	{"sizes = \"MTU\";", "test.conf:1: sizes: ", "or \"mtu\", found \"MTU\""},
	{"sizes = 0;", "test.conf:1: sizes: ", "from 50 to 4096, found 0"},
	{"flow_labels = (1, \"mtu\");", "test.conf:1: flow_labels[1]: ", "found \"mtu\""},
	{"sizes = { };", "test.conf:1: sizes: ", "found a group"},
	{"flow_labels = [1,\n2, 3.5];", "test.conf:2: flow_labels[2]: ", "found 3.5"},

	/* out of range, on both sides */
	{"gid_index = -2;", "test.conf:1: gid_index: ", "found -2"},
	{"gid_index = 256;", "test.conf:1: gid_index: ", "found 256"},
	{"tracing = { interval_ms = 0; };",
	 "test.conf:1: tracing.interval_ms: ", "expected an integer from 1 to 3600000, found 0"},
	{"tracing = { interval_ms = 3600001; };",
	 "test.conf:1: tracing.interval_ms: ", "found 3600001"},
	{"tracing = { source_qps = -1; };",
	 "test.conf:1: tracing.source_qps: ", "expected an integer from 0 to 64, found -1"},
	{"tracing = { source_qps = 65; };", "test.conf:1: tracing.source_qps: ", "found 65"},
	{"tracing = { max_qps = 999; };",
	 "test.conf:1: tracing.max_qps: ", "expected an integer from 1000 to 10000000, found 999"},
	{"tracing = { max_qps = 10000001; };", "test.conf:1: tracing.max_qps: ", "found 10000001"},
	{"tracing = { max_flows = 99; };",
	 "test.conf:1: tracing.max_flows: ", "expected an integer from 100 to 1000000, found 99"},
	{"tracing = { max_flows = 1000001; };",
	 "test.conf:1: tracing.max_flows: ", "found 1000001"},
	{"tracing = { probe = 1; };",
	 "test.conf:1: tracing.probe: ", "expected true or false, found 1"},
	{"port = 0;", "test.conf:1: port: ", "found 0"},
	{"port = 65536;", "test.conf:1: port: ", "found 65536"},
	{"port = 4294988368;", "test.conf:1: port: ", "found 4294988368"}, /* 21072 in 32 bits */
	{"port = 0x100005250;", "test.conf:1: port: ", "found 4294988368"},
	{"port = 99999999999999999999;",
	 "test.conf:1: near port: ", "at most 64 bits, found 99999999999999999999"},
	{"port = 0x10000000000005250;", "test.conf:1: near port: ", "at most 64 bits"},
	{"interval_ms = 0;", "test.conf:1: interval_ms: ", "from 1 to 3600000, found 0"},
	{"interval_ms = 3600001;", "test.conf:1: interval_ms: ", "found 3600001"},
	{"timeout_ms = 9;", "test.conf:1: timeout_ms: ", "from 10 to 60000, found 9"},
	{"timeout_ms = 60001;", "test.conf:1: timeout_ms: ", "found 60001"},
	{"sizes = 49;", "test.conf:1: sizes: ", "from 50 to 4096, found 49"},
	{"sizes = (50, 4097);", "test.conf:1: sizes[1]: ", "found 4097"},
	{"sizes = ();", "test.conf:1: sizes: ", "at least one, found a list of 0"},
	{"flow_labels = -1;", "test.conf:1: flow_labels: ", "from 0 to 1048575, found -1"},
	{"flow_labels = 0x100000;", "test.conf:1: flow_labels: ", "found 1048576"},
	{"traffic_class = 256;", "test.conf:1: traffic_class: ", "from 0 to 255, found 256"},
	{"traffic_class = -1;", "test.conf:1: traffic_class: ", "found -1"},
	{"service_level = 16;", "test.conf:1: service_level: ", "from 0 to 15, found 16"},
	{"window_s = 0;", "test.conf:1: window_s: ", "from 1 to 3600, found 0"},
	{"window_s = 3601;", "test.conf:1: window_s: ", "found 3601"},
	{"window_s = 7;", "test.conf:1: window_s: ", "expected a divisor of 3600, found 7"},
	{"max_probes_per_s = 0;", "test.conf:1: max_probes_per_s: ", "from 1 to 1000000, found 0"},
	{"max_probes_per_s = 1000001;", "test.conf:1: max_probes_per_s: ", "found 1000001"},
	{"limits = { cpu_percent = 101; };",
	 "test.conf:1: limits.cpu_percent: ", "from 0 to 100, found 101"},
	{"limits = { memory_mb = -1; };",
	 "test.conf:1: limits.memory_mb: ", "from 0 to 1048576, found -1"},
	{"clock = \"hardware\";",
	 "test.conf:1: clock: ", "\"auto\" or \"software\", found \"hardware\""},
	{"clock = 1;", "test.conf:1: clock: ", "\"auto\" or \"software\", found 1"},
	{"busy_poll_us = 1001;", "test.conf:1: busy_poll_us: ", "from 0 to 1000, found 1001"},
	{"responder = { per_source = 0; };", "test.conf:1: responder.per_source: ", "found 0"},
	{"responder = { total = -5; };", "test.conf:1: responder.total: ", "found -5"},
	{"peers = (\"a\", { address = \"b\";\n\n interval_ms = 0; });",
	 "test.conf:3: peers[1].interval_ms: ", "found 0"},
	{"peers = ({ address = \"b\"; size = 5000; });",
	 "test.conf:1: peers[0].size: ", "found 5000"},
	{"peers = ({ address = \"b\"; flow_label = [0, 0xfffff, 0x1fffff]; });",
	 "test.conf:1: peers[0].flow_label[2]: ", ""},
	{"peers = ({ address = \"b\"; traffic_class = 300; });",
	 "test.conf:1: peers[0].traffic_class: ", "found 300"},
	{"peers = ({ address = \"b\"; service_level = 16; });",
	 "test.conf:1: peers[0].service_level: ", "found 16"},

	/* strings */
	{"devices = (\"\");", "test.conf:1: devices[0]: ",
	 "expected the name of an RDMA device or a pattern, without NCCL's ^, = or :PORT, found "
	 "\"\""},
	{"devices = (\"mlx5_0:1\");", "test.conf:1: devices[0]: ", ":PORT, found \"mlx5_0:1\""},
	{"devices = (\"^mlx5_0\");", "test.conf:1: devices[0]: ", "NCCL's ^"},
	{"devices = (\"=mlx5_0\");", "test.conf:1: devices[0]: ", "NCCL's ^, ="},
	{"peers = ({ address = \"a\"; device = \"mlx5_0:1\"; });",
	 "test.conf:1: peers[0].device: ", "without NCCL's ^, = or :PORT"},
	{"devices = (\"mlx5_[0\");", "test.conf:1: devices[0]: ", "found \"mlx5_[0\""},
	{"devices = (\"mlx5\\\\\");", "test.conf:1: devices[0]: ", "pattern"},
	{"devices = (\"a b\");", "test.conf:1: devices[0]: ", "found \"a b\""},
	{"devices = (\"../x\");", "test.conf:1: devices[0]: ", "found \"../x\""},
	{"peers = (\"\");", "test.conf:1: peers[0]: ", "link-local, or a host name, found \"\""},
	{"peers = (\"10.0.0.256\");", "test.conf:1: peers[0]: ", "found \"10.0.0.256\""},
	{"peers = (\"10.0.0\");", "test.conf:1: peers[0]: ", "found \"10.0.0\""},
	{"peers = (\"0.0.0.0\");", "test.conf:1: peers[0]: ", "unicast"},
	{"peers = (\"224.0.0.1\");", "test.conf:1: peers[0]: ", "unicast"},
	{"peers = (\"255.255.255.255\");", "test.conf:1: peers[0]: ", "unicast"},
	{"peers = (\"127.0.0.1\");", "test.conf:1: peers[0]: ", "not loopback or link-local"},
	{"peers = (\"::1\");", "test.conf:1: peers[0]: ", "not loopback or link-local"},
	{"peers = (\"fe80::1\");", "test.conf:1: peers[0]: ", "not loopback or link-local"},
	{"peers = ({ address = \"fd00::2\"; source = \"fe80::1\"; });",
	 "test.conf:1: peers[0].source: ", "not loopback or link-local"},
	{"peers = (\"::\");", "test.conf:1: peers[0]: ", "unicast"},
	{"peers = (\"ff02::1\");", "test.conf:1: peers[0]: ", "unicast"},
	{"peers = (\"fd00::12345\");", "test.conf:1: peers[0]: ", "found \"fd00::12345\""},
	{"peers = (\"fe80::1%eth0\");", "test.conf:1: peers[0]: ", "found \"fe80::1%eth0\""},
	{"peers = (\"10.0.0.2/24\");", "test.conf:1: peers[0]: ", "found \"10.0.0.2/24\""},
	{"peers = (\"gpu_1\");", "test.conf:1: peers[0]: ", "found \"gpu_1\""},
	{"peers = (\"-a\");", "test.conf:1: peers[0]: ", "found \"-a\""},
	{"peers = (\"a..b\");", "test.conf:1: peers[0]: ", "found \"a..b\""},
	{"peers = ({ address = \"a b\"; });", "test.conf:1: peers[0].address: ", "found \"a b\""},
	{"peers = ({ address = \"a\"; source = \"host\"; });",
	 "test.conf:1: peers[0].source: ", "found \"host\""},
	{"peers = ({ address = \"a\"; source = \"0.0.0.0\"; });",
	 "test.conf:1: peers[0].source: ", "found \"0.0.0.0\""},
	{"peers = ({ address = \"a\"; device = \"mlx5_*\"; });",
	 "test.conf:1: peers[0].device: ", "found \"mlx5_*\""},
	{"peers = ({ address = \"a\"; device = \"\"; });",
	 "test.conf:1: peers[0].device: ", "found \"\""},
	{"responder = { allow = (\"10.0.0.0/33\"); };",
	 "test.conf:1: responder.allow[0]: ", "expected a network"},
	{"responder = { allow = (\"::/0\",\n\"::/129\"); };",
	 "test.conf:2: responder.allow[1]: ", "found \"::/129\""},
	{"responder = { allow = (\"all\"); };",
	 "test.conf:1: responder.allow[0]: ", "found \"all\""},
	{"responder = { allow = (\"10.0.0.0/\"); };", "test.conf:1: responder.allow[0]: ", ""},
	{"socket = \"\";", "test.conf:1: socket: ", "expected an absolute path"},
	{"socket = \"run/x.sock\";", "test.conf:1: socket: ", "found \"run/x.sock\""},
	{"socket = \"/run/\";", "test.conf:1: socket: ", "found \"/run/\""},
	{"socket_group = \"a b\";", "test.conf:1: socket_group: ", "name of a group"},
	{"key_file = \"keys\";", "test.conf:1: key_file: ", "an absolute path"},
	{"key_file = \"/nonexistent/k\";", "test.conf:1: key_file: ",
	 "a file of keys (No such file or directory)"},
	{"key_file = \"/\";", "test.conf:1: key_file: ", "an absolute path"},
	{"user = \"a b\";", "test.conf:1: user: ", "name of a user"},
	{"socket_group = \"0\";", "test.conf:1: socket_group: ", "name of a group"},
	{"hostname = \"a_b\";", "test.conf:1: hostname: ", "host name"},
	{"tor = \"a\\tb\";", "test.conf:1: tor: ", "printable ASCII characters, found \"a?b\""},
	{"tor = \"123456789012345678901234567890123\";", "test.conf:1: tor: ", "at most 32"},
	{"log = { target = \"file\"; };",
	 "test.conf:1: log.target: ", "\"stderr\" or \"syslog\", found \"file\""},
	{"log = { level = \"Info\"; };", "test.conf:1: log.level: ", "found \"Info\""},
	{"log = { peer = \"trace\"; };", "test.conf:1: log.peer: ", "found \"trace\""},
	{"cluster = { broker = \"http://b\"; };", "test.conf:1: cluster.broker: ", "mqtts://HOST"},
	{"cluster = { broker = \"mqtt://b:0\"; };", "test.conf:1: cluster.broker: ", ""},
	{"cluster = { prefix = \"\"; };", "test.conf:1: cluster.prefix: ", "levels of a topic"},
	{"cluster = { prefix = \"a/#\"; };", "test.conf:1: cluster.prefix: ", ""},
	{"cluster = { ca = \"x\"; };", "test.conf:1: cluster.ca: ", "an absolute path"},
	{"cluster = { allow = (\"x\"); };", "test.conf:1: cluster.allow[0]: ", "a network"},
	{"cluster = { labels = (\"rack\"); };", "test.conf:1: cluster.labels[0]: ", "NAME=VALUE"},
	{"cluster = { labels = (\"=12\"); };", "test.conf:1: cluster.labels[0]: ", ""},
	{"cluster = { rails = (\"rxe0=\"); };", "test.conf:1: cluster.rails[0]: ", "DEVICE=RAIL"},
	{"cluster = { tors = (\"=leaf1\"); };", "test.conf:1: cluster.tors[0]: ", "DEVICE=SWITCH"},
	{"metrics = { listen = \"9479\"; };", "test.conf:1: metrics.listen: ", "found \"9479\""},
	{"metrics = { listen = \"127.0.0.1:0\"; };",
	 "test.conf:1: metrics.listen: ", "\"ADDRESS:PORT\""},
	{"metrics = { listen = \"127.0.0.1:65536\"; };", "test.conf:1: metrics.listen: ", ""},
	{"metrics = { listen = \"::1:9479\"; };",
	 "test.conf:1: metrics.listen: ", "[IPv6 ADDRESS]:PORT"},
	{"metrics = { listen = \"[127.0.0.1]:9479\"; };", "test.conf:1: metrics.listen: ", ""},
	{"metrics = { listen = \"localhost:9479\"; };", "test.conf:1: metrics.listen: ", ""},

	/* what keys say together */
	{"peers = (\"a\", { interval_ms = 5; });",
	 "test.conf:1: peers[1].address: ", "found nothing"},
	{"peers = ({ address = \"10.0.0.2\";\nsource = \"fd00::1\"; });",
	 "test.conf:2: peers[0].source: ", "expected an IPv4 address"},
	{"peers = ({ address = \"fd00::2\"; source = \"10.0.0.1\"; });",
	 "test.conf:1: peers[0].source: ", "expected an IPv6 address"},
	{"devices = (\"rxe*\"); peers = ({ address = \"a\"; device = \"mlx5_0\"; });",
	 "test.conf:1: peers[0].device: ", "selects"},
	{"peers = ({ address = \"a\"; size = 50; sizes = [50]; });",
	 "test.conf:1: peers[0].size: ", "either size or sizes, found both"},
	{"peers = ({ address = \"a\"; flow_label = 1; flow_labels = 1; });",
	 "test.conf:1: peers[0].flow_label: ", "found both"},
	{"peers = (\"a\",\n\"b\",\n\"a\");",
	 "test.conf:3: peers[2]: ", "found the same as in peers[0]"},
	{"peers = (\"gpu1.example\", \"GPU1.Example.\");",
	 "test.conf:1: peers[1]: ", "the same as in peers[0]"},
	{"peers = (\"AZ\", \"az\");", "test.conf:1: peers[1]: ", "the same as in peers[0]"},
	{"peers = (\"fd00::1\", \"fd00:0:0::0001\");",
	 "test.conf:1: peers[1]: ", "the same as in peers[0]"},
	{"peers = (\"10.0.0.2\", \"::ffff:a00:2\");",
	 "test.conf:1: peers[1]: ", "the same as in peers[0]"},
	{"peers = ({ address = \"a\"; device = \"x\"; }, \"a\", { address = \"a\"; device = \"x\"; "
	 "size = 64; });",
	 "test.conf:1: peers[2]: ", "the same as in peers[0]"},

	/* grammar */
	{"port = 1;\nport = 2;", "test.conf:2: ", "expected each key once"},
	{"log = { level = \"info\";\n level = \"info\"; };",
	 "test.conf:2: ", "expected each key once"},
	{"port", "test.conf:1: near port: ", "expected '=', found the end of the file"},
	{"port =\n\n", "test.conf:3: near port: ", "expected a value"},
	{"port = ;", "test.conf:1: near port: ", "found ';'"},
	{"port = 1 2;", "test.conf:1: near port: ", "expected ';' or the next key, found '2'"},
	{"port = yes;", "test.conf:1: near port: ", "found 'yes'"},
	{"= 1;", "test.conf:1: syntax: ", "expected the name of a key, found '='"},
	{"\"port\" = 1;", "test.conf:1: syntax: ", "found \"port\""},
	{"log.level = \"info\";", "test.conf:1: log.level: ",
	 "write log = { level = …; };"},
	{"sizes = (50,);", "test.conf:1: near sizes: ", "expected a value"},
	{"sizes = (50; 60);",
	 "test.conf:1: near sizes: ", "expected ',' or the end of the list, found ';'"},
	{"sizes = (50];", "test.conf:1: ']': ", "expected ')' to close the '(' of test.conf:1"},
	{"peers = (\n{ address = \"a\"; }\n",
	 "test.conf:1: '(': ", "closing ')', found the end of the file"},
	{"}", "test.conf:1: '}': ", "found none"},
	/* strings side by side, which are one in other formats */
	{"peers = (\"node1\" \"node2\");",
	 "test.conf:1: near peers: ", "expected ',' or the end of the list, found \"node2\""},
	{"tor = \"a\"\n/* b */ \"c\";", "test.conf:2: near tor: ", "found \"c\""},
	{"tor = \"leaf1;\nport = 1;", "test.conf:1: string: ", "closing '\"'"},
	{"tor = \"a\\x00b\";", "test.conf:1: string: ", "NUL"},
	{"port = 1;\n/* no end\n\n", "test.conf:2: comment: ", "closing '*/'"},
	{"a = \xff;", "test.conf:1: near a: ", "found a byte 0xff"},
	{"a = ((((((((((((((((((((1))))))))))))))))))));", "test.conf:1: '(': ", "at most 16"},
	{"port = 1;\n@include \"/nonexistent/x\"",
	 "test.conf:2: @include: ", "found \"/nonexistent/x\": no such file"},
	{"@include \"/\"", "test.conf:1: @include: ", "it is a directory"},
	{"@include", "test.conf:1: @include: ", "expected a file name"},
	{"@include \"\"", "test.conf:1: @include: ", "expected a file name"},
	{"port = 1; @include \"x\"", "test.conf:1: near port: ", "found '@'"},
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config *config = NULL;
		char error[CONF_ERROR] = "";

		if (parse(bad[i].text, "test.conf", &config, error) >= 0)
			fail_msg("accepted: %s", bad[i].text);
		assert_null(config);
		if (strncmp(error, bad[i].where, strlen(bad[i].where)) != 0 ||
		    !strstr(error, bad[i].says) || !strstr(error, "expected ") ||
		    !strstr(error, ", found ") || strchr(error, '\n'))
			fail_msg("%s\nexpected: %s … %s\n     got: %s", bad[i].text, bad[i].where,
				 bad[i].says, error);
	}
}

static void
test_bad_long_list(void **state)
{
	char text[2048] = "sizes = (50", error[CONF_ERROR] = "";
	struct config *config;
	size_t len = strlen(text);

	(void)state;
	for (unsigned int i = 1; i < CONF_LIST_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", 50");
	snprintf(text + len, sizeof(text) - len, ");");
	config_free(parse_ok(text));
	snprintf(text + len, sizeof(text) - len, ", 50);");
	assert_int_equal(parse(text, "f", &config, error), -EINVAL);
	assert_string_equal(error, "f:1: sizes: expected at most 64 elements, found a list of 65");
}

static void
count_labels(void *arg, const struct conf_value *value)
{
	(void)arg;
	if (strcmp(value->name, "flow_labels") == 0)
		assert_int_equal(value->n_items, 1024);
}

/* As many labels as reach all of 64 paths, and up to 1024; all are kept. */
static void
test_many_labels(void **state)
{
	char text[16384] = "peers = (\"10.0.0.2\"); flow_labels = (0", error[CONF_ERROR] = "";
	struct config *config;
	size_t len = strlen(text);

	(void)state;
	for (unsigned int i = 1; i < 1024; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", %u", i);
	snprintf(text + len, sizeof(text) - len, ");");
	config = parse_ok(text);
	assert_int_equal(config->peers[0].n_flow_labels, 1024);
	for (uint32_t i = 0; i < 1024; i++)
		assert_int_equal(config->peers[0].flow_labels[i], i);
	conf_values(config_keys, config, &config->source, count_labels, NULL);
	config_free(config);
	snprintf(text + len, sizeof(text) - len, ", 1024);");
	assert_int_equal(parse(text, "f", &config, error), -EINVAL);
	assert_string_equal(error, "f:1: flow_labels: expected at most 1024 elements, found a list "
				   "of 1025");
}

static void
test_defaults(void **state)
{
	struct config *c = parse_ok("");

	(void)state;
	assert_int_equal(c->n_devices, 0);
	assert_int_equal(c->gid_index, -1);
	assert_int_equal(c->port, 21072);
	assert_int_equal(c->timeout_ms, 500);
	assert_int_equal(c->window_s, 10);
	assert_int_equal(c->max_probes_per_s, 150);
	assert_false(c->clock_software);
	assert_int_equal(c->busy_poll_us, 0);
	assert_int_equal(c->n_peers, 0);
	assert_int_equal(c->responder_per_source, 1000);
	assert_int_equal(c->responder_total, 50000);
	assert_string_equal(c->socket, "/run/rpingmesh/rpingmeshd.sock");
	assert_string_equal(c->socket_group, "rpingmesh");
	assert_string_equal(c->user, "");
	assert_string_equal(c->key_file, "");
	assert_int_equal(c->keys.n, 0);
	assert_string_equal(c->hostname, "");
	assert_string_equal(c->tor, "");
	assert_int_equal(c->limit_cpu_percent, 20);
	assert_int_equal(c->limit_memory_mb, 512);
	assert_int_equal(c->log_target, LOG_TARGET_STDERR);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	for (int i = 0; i < LOG_SUB_N; i++)
		assert_int_equal(c->log_levels[i], LOG_LEVEL_INFO);
	assert_true(c->tracing);
	assert_true(c->trace_probe);
	assert_int_equal(c->trace_interval_ms, 10);
	assert_int_equal(c->trace_source_qps, 16);
	assert_int_equal(c->trace_max_qps, 200000);
	assert_int_equal(c->trace_max_flows, 20000);
	assert_string_equal(c->metrics_listen, "");
	assert_string_equal(c->cluster.broker, "");
	assert_string_equal(c->cluster.prefix, "rpingmesh");
	assert_int_equal(c->cluster.n_labels + c->cluster.n_rails + c->cluster.n_tors, 0);
	assert_string_equal(c->cluster.directory, "/var/lib/rpingmesh");
	assert_string_equal(c->cluster.lldp_file, "/run/rpingmesh-lldp/neighbors.json");
	assert_int_equal(c->cluster.keep_s, 3600);
	assert_int_equal(c->cluster.report_s, 5);
	assert_int_equal(c->cluster.trace_s, 300);
	assert_int_equal(c->cluster.trace_per_s, 1);
	config_free(c);
	config_free(NULL);
}

/* Both `responder.allow` and `cluster.allow`: private networks (RFC 1918, 6598, 3927, 4193). */
static void
test_default_networks(void **state)
{
	static const char *const allowed[] = {"10.255.0.1", "172.31.0.1",  "192.168.1.1",
					      "100.64.0.1", "169.254.1.1", "fd00::1",
					      "fe80::1"};
	static const char *const refused[] = {"8.8.8.8",     "11.0.0.1",    "172.15.0.1",
					      "172.32.0.1",  "192.169.0.1", "100.128.0.1",
					      "2001:db8::1", "::1"};
	struct config *c = parse_ok("");
	struct addr a;

	(void)state;
	for (size_t i = 0;
	     i < sizeof(allowed) / sizeof(allowed[0]) + sizeof(refused) / sizeof(refused[0]); i++) {
		size_t n = sizeof(allowed) / sizeof(allowed[0]);
		bool has = false, listed = false;

		assert_int_equal(addr_parse(i < n ? allowed[i] : refused[i - n], &a), 0);
		for (size_t j = 0; j < c->n_allow; j++)
			has |= addr_net_has(&c->allow[j], &a);
		for (size_t j = 0; j < c->cluster.n_allow; j++)
			listed |= addr_net_has(&c->cluster.allow[j], &a);
		assert_int_equal(has, i < n);
		assert_int_equal(listed, i < n);
	}
	config_free(c);
}

static void
test_default_peer(void **state)
{
	struct config *c = parse_ok("peers = (\"10.0.0.2\");");
	const struct config_peer *p = &c->peers[0];

	(void)state;
	assert_int_equal(c->n_peers, 1);
	assert_string_equal(p->address, "10.0.0.2");
	assert_null(p->device);
	assert_null(p->source);
	assert_int_equal(p->interval_ms, 1000);
	assert_int_equal(p->traffic_class, 0);
	assert_int_equal(p->service_level, 0);
	assert_int_equal(p->n_sizes, 10);
	for (int i = 0; i < 8; i++)
		assert_int_equal(p->sizes[i], 50);
	assert_int_equal(p->sizes[8], 1024);
	assert_int_equal(p->sizes[9], CONFIG_SIZE_MTU);
	assert_int_equal(p->n_flow_labels, 1);
	assert_int_equal(p->flow_labels[0], 0);
	config_free(c);
	c = parse_ok("sizes = \"mtu\"; peers = (\"10.0.0.2\", { address = \"10.0.0.3\"; sizes = "
		     "(64, \"mtu\"); });");
	assert_int_equal(c->n_sizes, 1);
	assert_int_equal(c->sizes[0], CONFIG_SIZE_MTU);
	assert_int_equal(c->peers[0].n_sizes, 1);
	assert_int_equal(c->peers[0].sizes[0], CONFIG_SIZE_MTU);
	assert_int_equal(c->peers[1].n_sizes, 2);
	assert_int_equal(c->peers[1].sizes[1], CONFIG_SIZE_MTU);
	config_free(c);
}

static const char every_key[] =
	"devices = (\"rxe0\", \"mlx5_*\"); gid_index = 3; port = 0x1234; interval_ms = 250; "
	"timeout_ms = 1000;\n"
	"sizes = [64, 1024L]; flow_labels = (1, 2, 0xfffff); traffic_class = 104; service_level = "
	"3;\n"
	"max_probes_per_s = 1000000; window_s = 3600; clock = \"software\"; busy_poll_us = 1000;\n"
	"responder = { allow = [\"10.1.0.0/16\", \"fd00::/8\", \"192.0.2.1\"]; per_source = 10; "
	"total = 20; };\n"
	"socket = \"/tmp/sock\"; socket_group = \"adm\"; user = \"mesh\"; hostname = \"gpu1\";\n"
	"tor = \"leaf 3\";\n"
	"limits = { cpu_percent = 0; memory_mb = 1048576; };\n"
	"log = { target = \"syslog\"; level = \"error\"; main = \"error\"; config = \"warning\"; "
	"device = \"info\";\n"
	"        cm = \"debug\"; peer = \"debug\"; responder = \"info\"; trace = \"warning\" };\n"
	"tracing : { enable = FALSE; probe = false; interval_ms = 3600000; source_qps = 64; "
	"max_qps = 1000; max_flows = 100 };\n"
	"metrics = { listen = \"[::1]:9479\" };\n"
	"cluster = { broker = \"mqtts://[fd00::1]:1\"; prefix = \"a/b\"; ca = \"/ca\";\n"
	"  certificate = \"/c\"; key = \"/k\"; user = \"u\"; password_file = \"/p\";\n"
	"  allow = (\"10.0.0.0/8\"); labels = (\"rack=12\", \"row=b=c\"); rails = (\"*=r\");\n"
	"  tors = (\"*=a\", \"*=b\");\n"
	"  lldp_file = \"/l\"; directory = \"/d\"; keep = 1;\n"
	"  report_s = 15; trace_s = 0; trace_per_s = 1000; };\n"
	"peers = (\"gpu2.example.\", { address = \"10.0.0.3\"; device = \"mlx5_0\"; source = "
	"\"10.0.0.1\";\n"
	"          interval_ms = 3600000; sizes = 4096; flow_labels = [0x0]; traffic_class = 255; "
	"service_level = 15 },\n"
	"         { address = \"10.0.0.3\"; device = \"rxe0\"; size = 128; flow_label = 5; },\n"
	"         { address = \"10.0.0.3\"; source = \"10.0.0.9\"; });\n";

static void
test_every_key(void **state)
{
	static const enum log_level levels[LOG_SUB_N] = {
		LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG,
		LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR,
	};
	struct config *c = parse_ok(every_key);
	struct addr a;

	(void)state;
	assert_int_equal(c->n_devices, 2);
	assert_string_equal(c->devices[0], "rxe0");
	assert_string_equal(c->devices[1], "mlx5_*");
	assert_int_equal(c->gid_index, 3);
	assert_int_equal(c->port, 0x1234);
	assert_int_equal(c->timeout_ms, 1000);
	assert_int_equal(c->window_s, 3600);
	assert_int_equal(c->max_probes_per_s, 1000000);
	assert_true(c->clock_software);
	assert_int_equal(c->busy_poll_us, 1000);
	assert_int_equal(c->n_allow, 3);
	assert_int_equal(addr_parse("10.1.2.3", &a), 0);
	assert_true(addr_net_has(&c->allow[0], &a));
	assert_int_equal(c->allow[2].bits, 128);
	assert_int_equal(c->responder_per_source, 10);
	assert_int_equal(c->responder_total, 20);
	assert_string_equal(c->socket, "/tmp/sock");
	assert_string_equal(c->socket_group, "adm");
	assert_string_equal(c->user, "mesh");
	assert_string_equal(c->hostname, "gpu1");
	assert_string_equal(c->tor, "leaf 3");
	assert_int_equal(c->limit_cpu_percent, 0);
	assert_int_equal(c->limit_memory_mb, 1048576);
	assert_int_equal(c->log_target, LOG_TARGET_SYSLOG);
	assert_int_equal(c->log_level, LOG_LEVEL_ERROR);
	assert_memory_equal(c->log_levels, levels, sizeof(levels));
	assert_false(c->tracing);
	assert_false(c->trace_probe);
	assert_int_equal(c->trace_interval_ms, 3600000);
	assert_int_equal(c->trace_source_qps, 64);
	assert_int_equal(c->trace_max_qps, 1000);
	assert_int_equal(c->trace_max_flows, 100);
	assert_string_equal(c->metrics_listen, "[::1]:9479");
	config_free(c);
}

static void
test_every_cluster_key(void **state)
{
	struct config *c = parse_ok(every_key);

	(void)state;
	assert_string_equal(c->cluster.broker, "mqtts://[fd00::1]:1");
	assert_string_equal(c->cluster.prefix, "a/b");
	assert_string_equal(c->cluster.ca, "/ca");
	assert_string_equal(c->cluster.certificate, "/c");
	assert_string_equal(c->cluster.key, "/k");
	assert_string_equal(c->cluster.user, "u");
	assert_string_equal(c->cluster.password_file, "/p");
	assert_int_equal(c->cluster.n_allow, 1);
	assert_int_equal(c->cluster.allow[0].bits, 104);
	assert_int_equal(c->cluster.n_labels, 2);
	assert_string_equal(c->cluster.labels[1], "row=b=c");
	assert_int_equal(c->cluster.n_rails, 1);
	assert_int_equal(c->cluster.n_tors, 2);
	assert_string_equal(c->cluster.directory, "/d");
	assert_string_equal(c->cluster.lldp_file, "/l");
	assert_int_equal(c->cluster.keep_s, 1);
	assert_int_equal(c->cluster.report_s, 15);
	assert_int_equal(c->cluster.trace_s, 0);
	assert_int_equal(c->cluster.trace_per_s, 1000);
	config_free(c);
}

static void
test_every_peer_key(void **state)
{
	struct config *c = parse_ok(every_key);
	const struct config_peer *p = c->peers;

	(void)state;
	assert_int_equal(c->n_peers, 4);
	/* a peer that says nothing has the file's defaults */
	assert_string_equal(p[0].address, "gpu2.example.");
	assert_int_equal(p[0].interval_ms, 250);
	assert_int_equal(p[0].n_sizes, 2);
	assert_int_equal(p[0].sizes[0], 64);
	assert_int_equal(p[0].sizes[1], 1024);
	assert_int_equal(p[0].n_flow_labels, 3);
	assert_int_equal(p[0].flow_labels[2], 0xfffff);
	assert_int_equal(p[0].traffic_class, 104);
	assert_int_equal(p[0].service_level, 3);
	assert_string_equal(p[1].address, "10.0.0.3");
	assert_string_equal(p[1].device, "mlx5_0");
	assert_string_equal(p[1].source, "10.0.0.1");
	assert_int_equal(p[1].interval_ms, 3600000);
	assert_int_equal(p[1].n_sizes, 1);
	assert_int_equal(p[1].sizes[0], 4096);
	assert_int_equal(p[1].n_flow_labels, 1);
	assert_int_equal(p[1].flow_labels[0], 0);
	assert_int_equal(p[1].traffic_class, 255);
	assert_int_equal(p[1].service_level, 15);
	assert_int_equal(p[2].n_sizes, 1);
	assert_int_equal(p[2].sizes[0], 128);
	assert_int_equal(p[2].n_flow_labels, 1);
	assert_int_equal(p[2].flow_labels[0], 5);
	assert_string_equal(p[3].source, "10.0.0.9");
	assert_null(p[3].device);
	config_free(c);
}

/* Defaults hold for peers that stand before them, too. */
static void
test_order(void **state)
{
	struct config *c = parse_ok("peers = (\"a\"); log = { peer = \"debug\"; level = \"error\"; "
				    "}; interval_ms = 5;");

	(void)state;
	assert_int_equal(c->peers[0].interval_ms, 5);
	assert_int_equal(c->log_levels[LOG_SUB_PEER], LOG_LEVEL_DEBUG);
	assert_int_equal(c->log_levels[LOG_SUB_CM], LOG_LEVEL_ERROR);
	config_free(c);
}

static void
test_syntax_accepted(void **state)
{
	static const char *const good[] = {
		"",
		"\n",
		" ",
		"# comment",
		"// comment",
		"/* a\n b */",
		"port=1",
		"port:1",
		"port = 1,timeout_ms = 10",
		"port = 1 timeout_ms = 10",
		"port = +1;",
		"port = 1L;",
		"port = 1LL;",
		"port = 0x1;",
		"port = 0X1L;",
		"peers = ();",
		"peers = [];",
		"devices = ();",
		"responder = { allow = (); };",
		"log = {};",
		"tracing = { };",
		"tor = \"# no comment // at all\";",
		"tor = \"say \\\"hi\\\"\";",
		"port\n=\n1\n;\r\n",
		"peers = (\"a-b.c\", \"1a\", \"169.254.1.1\");",
		"devices = (\"mlx5_[01]\", \"[!a]x\", \"[[:alpha:]]*\", \"a[:1]\");",
		"devices = (\"rocep?s0\", \"a\\\\*\");",
		"socket_group = \"\";",
		"metrics = { listen = \"0.0.0.0:1\"; };",
		"metrics = { listen = \"[fd00::1]:65535\"; };",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		config_free(parse_ok(good[i]));
}

static void
test_hostname_limits(void **state)
{
	char name[260];

	(void)state;
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	name[253] = '\0';
	assert_true(conf_check_hostname(name));
	name[253] = 'b';
	name[254] = '\0';
	assert_false(conf_check_hostname(name));
	memset(name, 'a', 64);
	name[63] = '\0';
	assert_true(conf_check_hostname(name));
	name[63] = 'a';
	name[64] = '\0';
	assert_false(conf_check_hostname(name));
	assert_false(conf_check_hostname("."));
	assert_false(conf_check_hostname("a-.b"));
	assert_false(conf_check_hostname("1.2."));
	assert_true(conf_check_hostname("3com.com"));
}

/* A subsystem without a key could not be set. */
static void
test_log_subsystems(void **state)
{
	static const char *const names[LOG_SUB_N] = LOG_SUBSYSTEM_NAMES;
	char text[80];

	(void)state;
	for (int i = 0; i < LOG_SUB_N; i++) {
		struct config *c;

		snprintf(text, sizeof(text), "log = { %s = \"debug\"; };",
			 names[i]);
		c = parse_ok(text);
		for (int j = 0; j < LOG_SUB_N; j++)
			assert_int_equal(c->log_levels[j],
					 i == j ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
		config_free(c);
	}
}

/* Whatever is cut off or put in: a config or lines, never a crash (run under sanitizers). */
static void
test_broken(void **state)
{
	char text[sizeof(every_key)], buf[CONF_ERROR];
	struct conf_errors errors;
	const char *line;
	struct config *c;
	unsigned int seed = 1;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(every_key) - 2; i++) {
		size_t at = i % (sizeof(every_key) - 1);

		memcpy(text, every_key, sizeof(text));
		seed = seed * 1103515245 + 12345;
		text[at] = (char)(i < sizeof(every_key) - 1 ? 0 : 1 + (seed >> 16) % 255);
		if (config_parse(text, "f", &c, &errors) == 0) {
			config_free(c);
			continue;
		}
		assert_non_null(conf_errors_line(&errors, 0, buf));
		for (unsigned int j = 0; (line = conf_errors_line(&errors, j, buf)); j++) {
			assert_true(j == CONF_ERRORS_MAX || strncmp(line, "f:", 2) == 0);
			assert_null(strchr(line, '\n'));
		}
	}
}

/*
 * A copy shares nothing with what it was made of; only what streams are made of makes them others.
 */
static void
test_peer_copy(void **state)
{
	char address[] = "node7", device[] = "rxe0", source[] = "10.0.0.1";
	uint32_t sizes[] = {50, 1024, CONFIG_SIZE_MTU}, labels[] = {1, 2};
	const struct config_peer from = {
		.address = address, .device = device, .source = source, .interval_ms = 7,
		.traffic_class = 104, .service_level = 3,
		.sizes = sizes, .n_sizes = 3, .flow_labels = labels, .n_flow_labels = 2,
	};
	const struct config_peer none = {0};
	struct config_peer to;

	(void)state;
	assert_int_equal(config_peer_copy(&from, &to), 0);
	assert_ptr_not_equal(to.address, address);
	assert_ptr_not_equal(to.sizes, sizes);
	assert_ptr_not_equal(to.flow_labels, labels);
	memset(address, 'x', 5);
	assert_string_equal(to.address, "node7");
	assert_string_equal(to.device, "rxe0");
	assert_string_equal(to.source, "10.0.0.1");
	assert_memory_equal(to.sizes, sizes, sizeof(sizes));
	assert_true(
		config_peer_streams_equal(&from, &to)); /* though the address is another one now */
	to.sizes[2] = 50;
	assert_false(config_peer_streams_equal(&from, &to));
	to.sizes[2] = CONFIG_SIZE_MTU;
	to.flow_labels[1] = 3;
	assert_false(config_peer_streams_equal(&from, &to));
	to.flow_labels[1] = 2;
	to.interval_ms++;
	assert_false(config_peer_streams_equal(&from, &to));
	to.interval_ms--;
	to.traffic_class = 0;
	assert_false(config_peer_streams_equal(&from, &to));
	to.traffic_class = 104;
	to.service_level = 0;
	assert_false(config_peer_streams_equal(&from, &to));
	to.service_level = 3;
	to.n_flow_labels = 1;
	assert_false(config_peer_streams_equal(&from, &to));
	to.n_flow_labels = 2;
	assert_true(config_peer_streams_equal(&from, &to));
	config_peer_clear(&to);
	assert_null(to.address);
	assert_null(to.flow_labels);
	assert_int_equal(to.n_sizes, 0);
	config_peer_clear(&to);
	assert_int_equal(config_peer_copy(&none, &to), 0);
	assert_null(to.address);
	assert_null(to.sizes);
	assert_true(config_peer_streams_equal(&none, &to));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bad_long_list),
		cmocka_unit_test(test_many_labels),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_default_networks),
		cmocka_unit_test(test_default_peer),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_every_cluster_key),
		cmocka_unit_test(test_every_peer_key),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_syntax_accepted),
		cmocka_unit_test(test_hostname_limits),
		cmocka_unit_test(test_log_subsystems),
		cmocka_unit_test(test_peer_copy),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
