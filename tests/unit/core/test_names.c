/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names against a name server of the test's own, which speaks RFC 1035, and a hosts file of its
 * own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/addr.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/names.h"

enum { TYPE_A = 1, TYPE_AAAA = 28 };

static struct loop *loop;
static struct names *names;
static struct loop_fd *server_watch;
static struct loop_timer *watchdog;
static int server = -1, questions, answers;
static char hosts_path[64], found_address[ADDR_TEXT], found_reason[128];

/* What src/core/names.c asks evdns to read: the system's own files. */
int __wrap_evdns_base_resolv_conf_parse(struct evdns_base *base, int flags, const char *path);
int __wrap_evdns_base_load_hosts(struct evdns_base *base, const char *path);
int __real_evdns_base_load_hosts(struct evdns_base *base, const char *path);

int
__wrap_evdns_base_resolv_conf_parse(struct evdns_base *base, int flags, const char *path)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	char text[32];

	(void)flags;
	assert_string_equal(path, "/etc/resolv.conf");
	assert_int_equal(getsockname(server, (struct sockaddr *)&sin, &len), 0);
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(sin.sin_port));
	return evdns_base_nameserver_ip_add(base, text);
}

int
__wrap_evdns_base_load_hosts(struct evdns_base *base, const char *path)
{
	assert_string_equal(path, "/etc/hosts");
	return __real_evdns_base_load_hosts(base, hosts_path);
}

/* Name and type of a question: the name as text with dots. What follows it is returned. */
static size_t
question(const uint8_t *q, size_t n, char name[128], unsigned int *type)
{
	size_t at = 12, out = 0;

	while (at < n && q[at]) {
		assert_true(out + q[at] + 1 < 128);
		memcpy(name + out, q + at + 1, q[at]);
		out += q[at] + 1U;
		name[out - 1] = '.';
		at += q[at] + 1U;
	}
	name[out ? out - 1 : 0] = '\0';
	*type = (unsigned int)(q[at + 1] << 8 | q[at + 2]);
	return at + 5;
}

/*
 * The address of this name and type in the zone; its length, 0: there is none, -1: nor the name,
 * -2: no answer.
 */
static int
zone(const char *name, unsigned int type, uint8_t address[16])
{
	if (strcasecmp(name, "silent.example") == 0)
		return -2;
	if (type == TYPE_A &&
	    (strcasecmp(name, "four.example") == 0 || strcasecmp(name, "both.example") == 0))
		return inet_pton(AF_INET, "192.0.2.1", address) * 4;
	if (type == TYPE_AAAA &&
	    (strcasecmp(name, "six.example") == 0 || strcasecmp(name, "both.example") == 0))
		return inet_pton(AF_INET6, "2001:db8::1", address) * 16;
	return strcasecmp(name, "nobody.example") == 0 ? -1 : 0;
}

static void
serve(void *arg, int events)
{
	/* pointer to the question's name, type (set below), class IN, a minute */
	uint8_t packet[1024], record[] = {0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 60, 0, 0}, address[16];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(server, packet, 512, 0, (struct sockaddr *)&from, &len);
	char name[128];
	unsigned int type;
	size_t end;
	int size;

	(void)arg;
	(void)events;
	assert_true(n > 12);
	questions++;
	end = question(packet, (size_t)n, name, &type);
	size = zone(name, type, address);
	if (size == -2)
		return;
	packet[2] = 0x81;
	packet[3] = size == -1 ? 0x83 : 0x80; /* NXDOMAIN */
	packet[7] = size > 0;
	memset(packet + 8, 0, 4);
	if (size > 0) {
		record[3] = (uint8_t)type;
		record[11] = (uint8_t)size;
		memcpy(packet + end, record, sizeof(record));
		memcpy(packet + end + sizeof(record), address, (size_t)size);
		end += sizeof(record) + (size_t)size;
	}
	assert_int_equal(sendto(server, packet, end, 0, (struct sockaddr *)&from, len), end);
}

static void
too_long(void *arg)
{
	(void)arg;
	strcpy(found_reason, "TIMEOUT");
	loop_stop(loop);
}

static int
setup(void **state)
{
	static const char hosts[] = "192.0.2.7 hosted hosted.example\n";
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct loop_fd_config config = {.events = LOOP_READ,
					.priority = LOOP_PRIORITY_CONTROL,
					.name = "name server",
					.cb = serve};
	int fd;

	(void)state;
	strcpy(hosts_path, "/tmp/rpingmesh-hosts.XXXXXX");
	fd = mkstemp(hosts_path);
	if (fd < 0 || write(fd, hosts, strlen(hosts)) < 0 || close(fd) < 0)
		return -1;
	questions = answers = 0;
	found_address[0] = found_reason[0] = '\0';
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		return -1;
	config.fd = server;
	if (loop_new(&loop) < 0 || loop_fd_new(loop, &config, &server_watch) < 0 ||
	    loop_timer_new(loop, "watchdog", too_long, NULL, &watchdog) < 0)
		return -1;
	loop_timer_set(watchdog, 60 * NSEC_PER_SEC);
	return names_new(loop, &names);
}

static int
teardown(void **state)
{
	(void)state;
	names_free(names);
	loop_timer_free(watchdog);
	loop_fd_free(server_watch);
	loop_free(loop);
	close(server);
	return unlink(hosts_path);
}

static void
found(void *arg, const struct addr *addr, const char *reason)
{
	assert_ptr_equal(arg, &answers);
	answers++;
	if (addr)
		addr_text(addr, found_address);
	else
		snprintf(found_reason, sizeof(found_reason), "%s", reason);
	loop_stop(loop);
}

static void
find(const char *name, const char *address)
{
	struct names_lookup *lookup;

	answers = 0;
	found_address[0] = '\0';
	assert_int_equal(names_find(names, name, found, &answers, &lookup), 0);
	if (!answers) {
		assert_non_null(lookup);
		assert_int_equal(loop_run(loop), 0);
	} else {
		assert_null(lookup);
	}
	assert_int_equal(answers, 1);
	assert_string_equal(found_address, address);
}

static void
test_address(void **state)
{
	(void)state;
	find("192.0.2.3", "192.0.2.3");
	find("fd00::1", "fd00::1");
	assert_int_equal(questions, 0);
}

static void
test_hosts_file(void **state)
{
	(void)state;
	find("hosted", "192.0.2.7");
	find("hosted.example", "192.0.2.7");
	assert_int_equal(questions, 0);
}

static void
test_server(void **state)
{
	(void)state;
	find("four.example", "192.0.2.1");
	find("six.example", "2001:db8::1");
	find("both.example", "192.0.2.1");
	assert_true(questions >= 6);
}

static void
test_unknown(void **state)
{
	(void)state;
	find("nobody.example", "");
	assert_string_not_equal(found_reason, "");
	assert_string_not_equal(found_reason, "TIMEOUT");
	find("four.example", "192.0.2.1"); /* the server is none the worse */
}

/* What is cancelled is not called back, neither at once nor while all ends. */
static void
test_cancelled(void **state)
{
	struct names_lookup *lookup;

	(void)state;
	assert_int_equal(names_find(names, "silent.example", found, &answers, &lookup), 0);
	assert_non_null(lookup);
	names_cancel(lookup);
	names_cancel(NULL);
	assert_int_equal(names_find(names, "both.example", found, &answers, &lookup), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(answers, 1);
	assert_string_equal(found_address, "192.0.2.1");
	assert_int_equal(names_find(names, "silent.example", found, &answers, &lookup), 0);
	names_cancel(
		lookup); /* and the base is freed by the teardown, with its question under way */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hosts_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
