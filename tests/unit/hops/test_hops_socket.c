/* SPDX-License-Identifier: Apache-2.0 */
/* The base transport header is that of the InfiniBand Architecture, 9.2: opcode, flags and version,
 * partition, reserved, QP, flags, PSN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hops/hops_socket.h"

#define NONCE 0x01020304u

/* As a datagram of TTL 5 has it: a BTH of 12 bytes, and room for DETH (8) and ICRC (4). */
static const uint8_t expected[24] = {0x64, 0x0f, 0xff, 0xff, 5, 0xab, 0xcd, 0xef,
				      1, 2, 3, 4};

/* One of 16 million of this host: nobody else has the port there. */
static struct addr
loopback(void)
{
	struct addr a;

	assert_int_equal(addr_parse("127.0.0.1", &a), 0);
	assert_int_equal(getrandom(a.raw + 13, 3, 0), 3);
	a.raw[15] = (uint8_t)(1 + a.raw[15] % 254);
	return a;
}

/* What leaves can be told from RoCE by its transport version, and is no shorter than a BTH. */
static void
test_datagram(void **state)
{
	struct hops_tuple tuple = {.source = loopback(), .destination = loopback(),
				   .src_port = 50000, .qpn = 0xabcdef};
	int at = socket(AF_INET, SOCK_DGRAM, 0), fd;
	struct sockaddr_storage to, from;
	socklen_t len = addr_to_sockaddr(&tuple.destination, 4791, &to);
	uint8_t data[64];
	const char *reason = NULL;

	(void)state;
	assert_int_equal(bind(at, (struct sockaddr *)&to, len), 0);
	fd = hops_socket_open(&tuple, &reason);
	assert_true(fd >= 0);
	assert_null(reason);
	assert_int_equal(hops_socket_send(fd, &tuple, 5, NONCE), 0);
	len = sizeof(from);
	assert_int_equal(recvfrom(at, data, sizeof(data), 0, (struct sockaddr *)&from, &len),
			 sizeof(expected));
	assert_memory_equal(data, expected, sizeof(expected));
	assert_int_equal(((struct sockaddr_in *)&from)->sin_port, htons(50000));
	close(fd);
	close(at);
}

/* The first n bytes of the payload come back. Returns what hops_socket_parse() does. */
static int
parse(const uint8_t *quote, size_t n, uint32_t nonce, struct trace_answer *out)
{
	const struct {
		struct sock_extended_err error;
		struct sockaddr_in from;
	} body = {
		.error = {.ee_origin = SO_EE_ORIGIN_ICMP, .ee_type = 11},
		.from = {.sin_family = AF_INET, .sin_addr = {htonl(0x0a010001)}},
	};
	union {
		struct cmsghdr header;
		uint8_t raw[CMSG_SPACE(sizeof(body))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(body)), .cmsg_level = SOL_IP,
				.cmsg_type = IP_RECVERR}};
	struct msghdr m = {.msg_control = &control, .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &body, sizeof(body));
	return hops_socket_parse(&m, quote, n, nonce, out);
}

static void
test_quotes(void **state)
{
	uint8_t other[sizeof(expected)];
	struct trace_answer a = {.ttl = 99};

	(void)state;
	assert_int_equal(parse(expected, sizeof(expected), NONCE, &a), 1);
	assert_int_equal(a.ttl, 5);
	assert_int_equal(a.type, 11);
	assert_int_equal(parse(expected, 12, NONCE, &a), 1);
	assert_int_equal(a.ttl, 5);
	/* RFC 792 asks routers to quote the header of UDP only: it does not tell. */
	assert_int_equal(parse(expected, 11, NONCE, &a), 1);
	assert_int_equal(a.ttl, 0);
	assert_int_equal(parse(expected, sizeof(expected), NONCE + 1, &a), 0);
	/* A packet of the QP that has the port. */
	memcpy(other, expected, sizeof(other));
	other[1] = 0;
	assert_int_equal(parse(other, sizeof(other), NONCE, &a), 0);
	memcpy(other, expected, sizeof(other));
	other[4] = HOPS_MAX + 1;
	assert_int_equal(parse(other, sizeof(other), NONCE, &a), 0);
	other[4] = 0;
	assert_int_equal(parse(other, sizeof(other), NONCE, &a), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagram),
		cmocka_unit_test(test_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
