/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What selfcheck sees for itself. The datagrams are written out by hand after RFC 791, 8200 and
 * 768; the tree of files is as Linux lays it out; path MTUs are those that `ibv_devinfo` shows for
 * these MTUs (iboe_get_mtu()).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/wire/capture.h"
#include "ctl/wire/claims.h"
#include "ctl/wire/kernelnic.h"

#define V4 0x45, 0, 0, 100, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 1, 1
#define UDP_ROCE 0xdf, 0x94, 0x12, 0xb7, 0, 80, 0, 0 /* 57236 to 4791 */

static void
test_datagrams(void **state)
{
	static const uint8_t v4[] = {V4, UDP_ROCE}, options[] = {
		0x46, 0, 0, 100, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 1, 1, 1, 1, 1, 1,
		UDP_ROCE,
	}, v6[] = {0x60, 0, 0, 0, 0, 80, 17, 64, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		   0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, UDP_ROCE};
	struct capture_packet p;
	char text[ADDR_TEXT];
	uint8_t copy[sizeof(v4)];

	(void)state;
	assert_true(capture_parse(v4, sizeof(v4), &p));
	assert_int_equal(p.src_port, 57236);
	assert_string_equal(addr_text(&p.source, text), "10.0.0.1");
	assert_string_equal(addr_text(&p.destination, text), "10.0.1.1");
	assert_true(capture_parse(options, sizeof(options), &p));
	assert_int_equal(p.src_port, 57236);
	assert_true(capture_parse(v6, sizeof(v6), &p));
	assert_string_equal(addr_text(&p.destination, text), "fd00::2");
	for (size_t n = 0; n < sizeof(v4); n++) {
		uint8_t *cut = malloc(n + 1); /* an overrun shows with sanitizers */

		memcpy(cut, v4, n);
		assert_false(capture_parse(cut, n, &p));
		free(cut);
	}
	for (size_t n = 0; n < sizeof(v6); n++)
		assert_false(capture_parse(v6, n, &p));
	memcpy(copy, v4, sizeof(v4));
	copy[23] = 0xb8; /* port 4792 */
	assert_false(capture_parse(copy, sizeof(copy), &p));
	memcpy(copy, v4, sizeof(v4));
	copy[7] = 1; /* a later fragment */
	assert_false(capture_parse(copy, sizeof(copy), &p));
	memcpy(copy, v4, sizeof(v4));
	copy[9] = 6; /* TCP */
	assert_false(capture_parse(copy, sizeof(copy), &p));
	copy[0] = 0x41; /* a header of 4 bytes */
	assert_false(capture_parse(copy, sizeof(copy), &p));
}

/* ---- claims ---- */

static void
key(msgpack_packer *pk, const char *name)
{
	msgpack_pack_str(pk, strlen(name));
	msgpack_pack_str_body(pk, name, strlen(name));
}

struct said {
	const char *destination, *clock;
	uint64_t time_ns, t1_ns, t2_ns, port; /* port 0: nil */
};

static void
say(struct claims *claims, const struct said *said, uint64_t since_ns)
{
	msgpack_unpacked record;
	msgpack_sbuffer buffer;
	msgpack_packer pk;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&pk, &buffer, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, 8);
	key(&pk, "source"), key(&pk, "10.0.0.1");
	key(&pk, "destination"), key(&pk, said->destination);
	key(&pk, "clock"), key(&pk, said->clock);
	key(&pk, "posted"), msgpack_pack_true(&pk);
	key(&pk, "time_ns"), msgpack_pack_uint64(&pk, said->time_ns);
	key(&pk, "t1_ns"), msgpack_pack_uint64(&pk, said->t1_ns);
	key(&pk, "t2_ns"), msgpack_pack_uint64(&pk, said->t2_ns);
	key(&pk, "src_port");
	said->port ? msgpack_pack_uint64(&pk, said->port) : msgpack_pack_nil(&pk);
	msgpack_unpacked_init(&record);
	assert_int_equal(msgpack_unpack_next(&record, buffer.data, buffer.size, NULL),
			 MSGPACK_UNPACK_SUCCESS);
	claims_said(claims, &record.data, since_ns);
	msgpack_unpacked_destroy(&record);
	msgpack_sbuffer_destroy(&buffer);
}

static void
see(struct claims *claims, const char *destination, uint16_t port)
{
	struct capture_packet packet = {.src_port = port};

	assert_int_equal(addr_parse("10.0.0.1", &packet.source), 0);
	assert_int_equal(addr_parse(destination, &packet.destination), 0);
	claims_seen(claims, &packet);
}

static void
test_ports(void **state)
{
	struct claims *claims = claims_new();
	char text[CLAIMS_TEXT];

	(void)state;
	assert_int_equal(claims_ports(claims, text), CLAIMS_UNKNOWN);
	assert_string_equal(text, "no probe was sent meanwhile");
	/* what was posted before the capture says nothing */
	say(claims, &(struct said){"10.0.1.1", "sw", 99, 0, 0, 50000}, 100);
	assert_int_equal(claims_ports(claims, text), CLAIMS_UNKNOWN);
	say(claims, &(struct said){"10.0.1.1", "sw", 100, 0, 0, 50000}, 100);
	assert_int_equal(claims_ports(claims, text), CLAIMS_UNKNOWN); /* past the kernel */
	see(claims, "10.0.9.9", 50000); /* a service to somebody else */
	assert_int_equal(claims_ports(claims, text), CLAIMS_UNKNOWN);
	see(claims, "10.0.1.1", 50000);
	assert_int_equal(claims_ports(claims, text), CLAIMS_HOLDS);
	say(claims, &(struct said){"10.0.2.1", "sw", 200, 0, 0, 50001}, 100);
	see(claims, "10.0.2.1", 49152);
	assert_int_equal(claims_ports(claims, text), CLAIMS_DIFFERS);
	assert_string_equal(text, "said 50001 to 10.0.2.1; on the wire 49152 (1 of 2 5-tuples)");
	claims_free(claims);

	claims = claims_new(); /* as ionic: not known, one port for all */
	say(claims, &(struct said){"10.0.1.1", "hw", 100, 0, 0, 0}, 100);
	see(claims, "10.0.1.1", 28272);
	assert_int_equal(claims_ports(claims, text), CLAIMS_UNKNOWN);
	assert_non_null(strstr(text, "on the wire: port 28272"));
	claims_free(claims);
}

/* 20 probes over 10 s; T2 runs ppm faster than T1, from a number of its own. */
static enum claims_verdict
clock_of(int64_t ppm, const char *clock, unsigned int probes)
{
	struct claims *claims = claims_new();
	char text[CLAIMS_TEXT];
	enum claims_verdict verdict;

	for (uint64_t i = 0; i < probes; i++) {
		uint64_t t = i * 500000000;

		say(claims, &(struct said){"10.0.1.1", clock, 1 + i, 7000000000 + t,
					   5 + t + (uint64_t)((int64_t)t * ppm / 1000000), 0}, 0);
	}
	verdict = claims_clock(claims, text);
	claims_free(claims);
	return verdict;
}

/*
 * 41 probes over 20 s of a clock that is as fast as the host's and begins anew after "wraps"
 * nanoseconds, of which is said that it does so after "said".
 */
static enum claims_verdict
wraps_as(uint64_t wraps, uint64_t said, char text[CLAIMS_TEXT])
{
	struct claims *claims = claims_new();
	enum claims_verdict verdict;

	claims_wraps(claims, said);
	for (uint64_t i = 0; i <= 40; i++) {
		uint64_t t = i * 500000000;

		say(claims, &(struct said){"10.0.1.1", "hw", 1 + i, 7000000000 + t,
					   (1000000000 + t) % wraps, 0}, 0);
	}
	verdict = claims_clock(claims, text);
	claims_free(claims);
	return verdict;
}

static void
test_wraps(void **state)
{
	char text[CLAIMS_TEXT];

	(void)state;
	assert_int_equal(wraps_as(8000000000, 8000000000, text), CLAIMS_HOLDS);
	assert_non_null(strstr(text, "began anew 2 times")); /* 1 to 21 s: at 8 and 16 */
	assert_int_equal(wraps_as(8000000000, 9000000000, text), CLAIMS_DIFFERS);
	assert_int_equal(wraps_as(8000000000, 0, text), CLAIMS_DIFFERS);
	assert_int_equal(wraps_as(8000000000, 1 << 20, text), CLAIMS_UNKNOWN);
	assert_int_equal(wraps_as(300000000, 300000000, text), CLAIMS_HOLDS);
	assert_int_equal(wraps_as(1ULL << 48, 1ULL << 48, text), CLAIMS_HOLDS);
	assert_non_null(strstr(text, "every 281475 s was not seen"));
}

static void
test_clock(void **state)
{
	(void)state;
	assert_int_equal(clock_of(0, "hw", 20), CLAIMS_HOLDS);
	assert_int_equal(clock_of(-100, "hw", 20), CLAIMS_HOLDS);
	assert_int_equal(clock_of(2000, "hw", 20), CLAIMS_DIFFERS);
	assert_int_equal(clock_of(-500000, "hw", 20), CLAIMS_DIFFERS); /* half the rate */
	assert_int_equal(clock_of(0, "sw", 20), CLAIMS_UNKNOWN);
	assert_int_equal(clock_of(0, "hw", 9), CLAIMS_UNKNOWN);
	assert_int_equal(clock_of(0, "hw", 11), CLAIMS_HOLDS); /* 5 s */
}

/* ---- the kernel's files ---- */

static char root[] = "/tmp/kernelnic.XXXXXX";

static void
file(const char *path, const char *text)
{
	char name[512];
	FILE *f;

	snprintf(name, sizeof(name), "%s%s", root, path);
	for (char *slash = name + sizeof(root); (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(name, 0755);
		*slash = '/';
	}
	f = fopen(name, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define PORT "/sys/class/infiniband/mlx5_0/ports/1/"

static void
test_kernel(void **state)
{
	struct kernelnic nic = {.root = root, .device = "mlx5_0", .netdev = "eth1", .port = 1};
	char type[KERNELNIC_TEXT], netdev[KERNELNIC_TEXT], text[ADDR_TEXT];
	struct addr address;
	uint64_t value;

	(void)state;
	assert_non_null(mkdtemp(root));
	file(PORT "gids/3", "0000:0000:0000:0000:0000:ffff:0a00:0001\n");
	file(PORT "gid_attrs/types/3", "RoCE v2\n");
	file(PORT "gid_attrs/ndevs/3", "eth1\n");
	file(PORT "hw_counters/out_of_sequence", "7\n");
	file(PORT "counters/port_rcv_errors", "18446744073709551615\n");
	file(PORT "counters/odd", "N/A (no PMA)\n");
	file("/sys/class/net/eth1/mtu", "9000\n");
	file("/sys/class/net/eth1/statistics/rx_dropped", "5\n");

	assert_int_equal(kernelnic_gid(&nic, 3, &address, type, netdev), 0);
	assert_string_equal(addr_text(&address, text), "10.0.0.1");
	assert_string_equal(type, "RoCE v2");
	assert_string_equal(netdev, "eth1");
	assert_int_equal(kernelnic_gid(&nic, 4, &address, type, netdev), -ENOENT);
	assert_int_equal(kernelnic_mtu(&nic, &value), 0);
	assert_int_equal(value, 9000);
	assert_int_equal(kernelnic_counter(&nic, "out_of_sequence", &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(kernelnic_counter(&nic, "port_rcv_errors", &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(kernelnic_counter(&nic, "net_rx_dropped", &value), 0);
	assert_int_equal(value, 5);
	assert_int_equal(kernelnic_counter(&nic, "odd", &value), -EBADMSG);
	assert_int_equal(kernelnic_counter(&nic, "ethtool_rx_discards_phy", &value), -ENOENT);
	assert_int_equal(kernelnic_counter(&nic, "../gids/3", &value), -EINVAL);
	nic.device = "..";
	assert_int_equal(kernelnic_gid(&nic, 3, &address, type, netdev), -EINVAL);
	assert_int_equal(kernelnic_counter(&nic, "out_of_sequence", &value), -EINVAL);

	assert_int_equal(kernelnic_path_mtu(9000), 4096);
	assert_int_equal(kernelnic_path_mtu(4200), 4096);
	assert_int_equal(kernelnic_path_mtu(4191), 2048);
	assert_int_equal(kernelnic_path_mtu(1500), 1024);
	assert_int_equal(kernelnic_path_mtu(351), 0);
}

static int
remove_tree(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command) == 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_kernel),
	};

	return cmocka_run_group_tests_name("claims", tests, NULL, remove_tree);
}
