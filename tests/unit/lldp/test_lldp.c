/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lldpd 1.0.16 and systemd-networkd 252 of Debian 12 wrote about a lldpd whose host forwards
 * IP packets (a router), at the other ends of two veth pairs. networkd 256 and later is played by
 * a socket; its answer is that of the interface io.systemd.Network as systemd documents it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/jdoc.h"
#include "lldp/lldp.h"

#define NAME "leaf1.dc.example"
#define MAC "b2:ae:75:30:23:7d"

/* /run/systemd/netif/lldp/2: the length of the frame, and the frame. */
static const uint8_t file[] = {
	0x89, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x80, 0xc2, 0x00,
	0x00, 0x0e, 0xb2, 0xae, 0x75, 0x30, 0x23, 0x7d, 0x88, 0xcc, 0x02, 0x07,
	0x04, 0xb2, 0xae, 0x75, 0x30, 0x23, 0x7d, 0x04, 0x07, 0x03, 0xb2, 0xae,
	0x75, 0x30, 0x23, 0x7d, 0x06, 0x02, 0x00, 0x04, 0x0a, 0x10, 0x6c, 0x65,
	0x61, 0x66, 0x31, 0x2e, 0x64, 0x63, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70,
	0x6c, 0x65, 0x0c, 0x14, 0x54, 0x65, 0x73, 0x74, 0x20, 0x22, 0x6c, 0x65,
	0x61, 0x66, 0x22, 0x20, 0x5c, 0x20, 0x73, 0x77, 0x69, 0x74, 0x63, 0x68,
	0x0e, 0x04, 0x00, 0x9c, 0x00, 0x10, 0x10, 0x18, 0x11, 0x02, 0xfe, 0x80,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xb0, 0xae, 0x75, 0xff, 0xfe, 0x30,
	0x23, 0x7d, 0x02, 0x00, 0x00, 0x00, 0x02, 0x00, 0x08, 0x03, 0x73, 0x77,
	0x30, 0xfe, 0x09, 0x00, 0x12, 0x0f, 0x03, 0x01, 0x00, 0x00, 0x00, 0x00,
	0xfe, 0x09, 0x00, 0x12, 0x0f, 0x01, 0x00, 0x80, 0x00, 0x00, 0x36, 0x00,
	0x00,
};
#define FRAME (file + 8)
#define FRAME_LEN (sizeof(file) - 8)
#define AT_CHASSIS 14 /* in the frame: the TLV of the chassis ID */
#define AT_TTL 34     /* the seconds */
#define AT_NAME 36    /* the TLV of the system name */
#define AT_ENABLED 81 /* the lower byte of the enabled capabilities */

/* lldpcli -f json0 show neighbors, without white space. */
static const char neighbours[] =
	"{\"lldp\":[{\"interface\":[{\"name\":\"e0\",\"via\":\"LLDP\",\"rid\":\"1\",\"age\":\""
	"0 day, 00:00:05\",\"chassis\":[{\"id\":[{\"type\":\"mac\",\"value\":\"b2:ae:75:30:23"
	":7d\"}],\"name\":[{\"value\":\"leaf1.dc.example\"}],\"descr\":[{\"value\":\"Test \\\""
	"leaf\\\" \\\\ switch\"}],\"mgmt-ip\":[{\"value\":\"fe80::b0ae:75ff:fe30:237d\"}],\"m"
	"gmt-iface\":[{\"value\":\"2\"}],\"capability\":[{\"type\":\"Bridge\",\"enabled\":fal"
	"se},{\"type\":\"Router\",\"enabled\":true},{\"type\":\"Wlan\",\"enabled\":false},{\""
	"type\":\"Station\",\"enabled\":false}]}],\"port\":[{\"id\":[{\"type\":\"mac\",\"valu"
	"e\":\"b2:ae:75:30:23:7d\"}],\"descr\":[{\"value\":\"sw0\"}],\"ttl\":[{\"value\":\"4\""
	"}]}]},{\"name\":\"e1\",\"via\":\"LLDP\",\"rid\":\"1\",\"age\":\"0 day, 00:00:05\",\""
	"chassis\":[{\"id\":[{\"type\":\"mac\",\"value\":\"b2:ae:75:30:23:7d\"}],\"name\":[{\""
	"value\":\"leaf1.dc.example\"}],\"descr\":[{\"value\":\"Test \\\"leaf\\\" \\\\ switch"
	"\"}],\"mgmt-ip\":[{\"value\":\"fe80::b0ae:75ff:fe30:237d\"}],\"mgmt-iface\":[{\"valu"
	"e\":\"2\"}],\"capability\":[{\"type\":\"Bridge\",\"enabled\":false},{\"type\":\"Rout"
	"er\",\"enabled\":true},{\"type\":\"Wlan\",\"enabled\":false},{\"type\":\"Station\",\""
	"enabled\":false}]}],\"port\":[{\"id\":[{\"type\":\"mac\",\"value\":\"5e:32:e9:ff:d3:"
	"5e\"}],\"descr\":[{\"value\":\"sw1\"}],\"ttl\":[{\"value\":\"4\"}]}]}]}]}";



static char dir[] = "/tmp/test_lldp_XXXXXX";

static struct lldp_switches
read_lldpd(const char *text, const char *interface)
{
	struct lldp_switches out = {0};
	struct jdoc *json;

	assert_int_equal(jdoc_parse(text, strlen(text), &json), 0);
	lldp_lldpd_read(json, interface, &out);
	jdoc_free(json);
	return out;
}

/* ---- frames ---- */

static void
test_frame(void **state)
{
	struct lldp_neighbour n;

	(void)state;
	assert_int_equal(lldp_frame(FRAME, FRAME_LEN, &n), 0);
	assert_string_equal(n.name, NAME);
	assert_int_equal(n.ttl_s, 4); /* lldpcli configure lldp tx-interval 1 */
	assert_true(n.is_switch);
}

/* Each in a buffer of its own length, so that a sanitizer sees a read beyond it. */
static int
frame_of(const uint8_t *frame, size_t len, struct lldp_neighbour *out)
{
	uint8_t *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, frame, len);
	rc = lldp_frame(copy, len, out);
	free(copy);
	return rc;
}

static void
test_frame_changed(void **state)
{
	uint8_t frame[FRAME_LEN];
	struct lldp_neighbour n;

	(void)state;
	memcpy(frame, FRAME, FRAME_LEN);
	frame[AT_NAME] = 127 << 1; /* an organisation's own TLV: there is no name */
	assert_int_equal(frame_of(frame, FRAME_LEN, &n), 0);
	assert_string_equal(n.name, MAC);
	memcpy(frame, FRAME, FRAME_LEN);
	frame[AT_ENABLED] = 0x80; /* a station only */
	assert_int_equal(frame_of(frame, FRAME_LEN, &n), 0);
	assert_false(n.is_switch);
	frame[AT_NAME + 2] = '\n';
	frame[AT_NAME + 3] = 0xff;
	assert_int_equal(frame_of(frame, FRAME_LEN, &n), 0);
	assert_string_equal(n.name, "__af1.dc.example");
	frame[12] = 0x08; /* another type than LLDP */
	assert_int_equal(frame_of(frame, FRAME_LEN, &n), -EBADMSG);
}

/* A TLV that goes beyond the end is wrong; between two of them, only the end is missing. */
static void
test_frame_cut(void **state)
{
	struct lldp_neighbour n;
	unsigned int good = 0;

	(void)state;
	for (size_t len = 0; len < FRAME_LEN; len++)
		if (frame_of(FRAME, len, &n) == 0) {
			assert_in_range(len, AT_TTL + 2, FRAME_LEN);
			assert_string_equal(n.name, len < AT_NAME + 18 ? MAC : NAME);
			good++;
		}
	/* After the TTL and each of 7 more TLVs; a single byte behind one of these is no TLV. */
	assert_int_equal(good, 2 * 8);
}

/* ---- lldpd ---- */

static void
test_lldpd(void **state)
{
	struct lldp_switches s = read_lldpd(neighbours, "e1");

	(void)state;
	assert_int_equal(s.state, LLDP_HEARD);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.names[0], NAME);
	s = read_lldpd(neighbours, "e2");
	assert_int_equal(s.state, LLDP_ABSENT);
	assert_int_equal(s.n, 0);
	/* What it writes if it hears nothing. */
	s = read_lldpd("{\"lldp\":[{}]}", "e1");
	assert_int_equal(s.n, 0);
}

#define NEIGHBOUR(interface, chassis) \
	"{\"name\":\"" interface "\",\"chassis\":[{" chassis "}]}"
#define VALUE(key, text) "\"" key "\":[{\"value\":\"" text "\"}]"
#define CAN(type, on) "\"capability\":[{\"type\":\"" type "\",\"enabled\":" on "}]"

static void
test_lldpd_several(void **state)
{
	static const char text[] =
		"{\"lldp\":[{\"interface\":["
		NEIGHBOUR("e0", VALUE("name", "leaf2")) ","
		NEIGHBOUR("e0", VALUE("name", "leaf1") "," CAN("Bridge", "true")) ","
		NEIGHBOUR("e0", VALUE("name", "leaf2")) ","
		NEIGHBOUR("e0", VALUE("name", "host7") "," CAN("Station", "true")) ","
		NEIGHBOUR("e0", VALUE("name", "off") "," CAN("Bridge", "false")) ","
		NEIGHBOUR("e1", VALUE("id", MAC)) ","
		NEIGHBOUR("e1", VALUE("name", "a\\u000ab")) ","
		NEIGHBOUR("e2", VALUE("name", "") "," VALUE("id", "")) ","
		NEIGHBOUR("e2", "\"name\":7") "," NEIGHBOUR("e2", "\"name\":[]") ",7,[],{}]}]}";
	struct lldp_switches s = read_lldpd(text, "e0");

	(void)state;
	assert_int_equal(s.n, 2);
	assert_string_equal(s.names[0], "leaf1");
	assert_string_equal(s.names[1], "leaf2");
	s = read_lldpd(text, "e1");
	assert_int_equal(s.n, 2);
	assert_string_equal(s.names[0], "a_b");
	assert_string_equal(s.names[1], MAC);
	s = read_lldpd(text, "e2");
	assert_int_equal(s.n, 0);
	assert_int_equal(s.state, LLDP_ABSENT);
	assert_int_equal(read_lldpd("[]", "e0").n, 0);
	assert_int_equal(read_lldpd("7", "e0").n, 0);
}

static void
test_names_bounded(void **state)
{
	char name[100];
	struct lldp_switches s = {0};

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	lldp_add(&s, name);
	assert_int_equal(strlen(s.names[0]), LLDP_NAME - 1);
	for (char c = 'z'; c >= 'a'; c--)
		lldp_add(&s, (char[]){c, '\0'});
	assert_int_equal(s.n, LLDP_NAMES_MAX);
}

/* ---- networkd ---- */

static void
test_networkd_frames(void **state)
{
	uint8_t two[2 * sizeof(file)];
	struct lldp_switches s = {0};

	(void)state;
	memcpy(two, file, sizeof(file));
	memcpy(two + sizeof(file), file, sizeof(file));
	two[sizeof(file) + 8 + AT_NAME + 6] = '2'; /* leaf2 */
	assert_int_equal(lldp_networkd_frames(two, sizeof(two), 4, &s), 0);
	assert_int_equal(s.state, LLDP_HEARD);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.names[0], NAME);
	assert_string_equal(s.names[1], "leaf2.dc.example");
	for (size_t len = 1; len < sizeof(file); len++)
		assert_int_equal(lldp_networkd_frames(two, len, 4, &s), -EBADMSG);
	/* The chassis ID of the first has no length: the second is still heard. */
	s = (struct lldp_switches){0};
	two[8 + AT_CHASSIS + 1] = 0;
	assert_int_equal(lldp_networkd_frames(two, sizeof(two), 4, &s), 0);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.names[0], "leaf2.dc.example");
	two[8 + AT_CHASSIS + 1] = 7;
	/* Whoever says goodbye has a TTL of 0. */
	s = (struct lldp_switches){0};
	two[8 + AT_TTL + 1] = 0;
	assert_int_equal(lldp_networkd_frames(two, sizeof(file), 0, &s), 0);
	assert_int_equal(s.n, 0);
}

static void
test_networkd_late(void **state)
{
	struct lldp_switches s = {0};

	(void)state;
	assert_int_equal(lldp_networkd_frames(file, sizeof(file), 5, &s), 0);
	assert_int_equal(s.state, LLDP_FAILED);
	assert_int_equal(s.n, 0);
	assert_non_null(strstr(s.reason, NAME));
}

static const char reply[] =
	"{\"parameters\":{\"Neighbors\":[{\"InterfaceIndex\":2,\"InterfaceName\":\"e0\","
	"\"Neighbors\":[{\"ChassisID\":\"" MAC "\",\"RawChassisID\":[178,174],"
	"\"PortID\":\"" MAC "\",\"PortDescription\":\"sw0\",\"SystemName\":\"" NAME "\","
	"\"EnabledCapabilities\":16}]},{\"InterfaceIndex\":3,\"InterfaceName\":\"e1\","
	"\"Neighbors\":[{\"ChassisID\":\"" MAC "\"},{\"SystemName\":\"\",\"ChassisID\":\"\"},"
	"{\"SystemName\":\"host7\","
	"\"EnabledCapabilities\":128}]}]}}";

static void
test_networkd_reply(void **state)
{
	struct lldp_switches s = {0};
	struct jdoc *json;

	(void)state;
	assert_int_equal(jdoc_parse(reply, sizeof(reply) - 1, &json), 0);
	lldp_networkd_read(json, 2, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.names[0], NAME);
	s = (struct lldp_switches){0};
	lldp_networkd_read(json, 3, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.names[0], MAC);
	s = (struct lldp_switches){0};
	lldp_networkd_read(json, 4, &s);
	assert_int_equal(s.n, 0);
	jdoc_free(json);
}

/* ---- the places where they are asked ---- */

static const char *
path(const char *name)
{
	static char paths[4][256];
	static unsigned int at;
	char *p = paths[at++ % 4];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

static void
put(const char *name, const void *data, size_t len)
{
	FILE *f = fopen(path(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
age(const char *name, time_t s)
{
	const struct timespec times[2] = {{.tv_sec = time(NULL) - s}, {.tv_sec = time(NULL) - s}};

	assert_int_equal(utimensat(AT_FDCWD, path(name), times, 0), 0);
}

static struct lldp_switches
ask(const char *interface, uint32_t index)
{
	char lldpd[256], at[256];
	const struct lldp_places places = {
		.networkd_dir = dir, .lldpd_file = lldpd, .lldpd_socket = at};
	struct lldp_switches out;
	struct lldp *lldp;

	snprintf(lldpd, sizeof(lldpd), "%s", path("neighbors.json"));
	snprintf(at, sizeof(at), "%s", path("lldpd.socket"));
	lldp = lldp_ask(&places);
	assert_non_null(lldp);
	lldp_switches(lldp, interface, index, &out);
	lldp_free(lldp);
	return out;
}

static void
test_states_lldpd(void **state)
{
	(void)state;
	assert_int_equal(ask("e0", 2).state, LLDP_ABSENT);
	put("lldpd.socket", "", 0);
	assert_int_equal(ask("e0", 2).state, LLDP_FAILED);
	assert_non_null(strstr(ask("e0", 2).reason, "rpingmesh-lldp.service"));
	put("neighbors.json", "{\"lldp\":[{}]}", 13);
	assert_int_equal(ask("e0", 2).state, LLDP_NONE);
	put("neighbors.json", neighbours, sizeof(neighbours) - 1);
	assert_int_equal(ask("e0", 2).state, LLDP_HEARD);
	assert_string_equal(ask("e0", 2).names[0], NAME);
	assert_int_equal(ask("e9", 2).state, LLDP_NONE);
	age("neighbors.json", 3600);
	assert_int_equal(ask("e0", 2).state, LLDP_FAILED);
	/* lldpd was stopped; what it had heard before is left. */
	assert_int_equal(unlink(path("lldpd.socket")), 0);
	assert_int_equal(ask("e0", 2).state, LLDP_ABSENT);
	put("lldpd.socket", "", 0);
	put("neighbors.json", "{", 1);
	assert_int_equal(ask("e0", 2).state, LLDP_FAILED);
	assert_int_equal(unlink(path("neighbors.json")), 0);
	assert_int_equal(unlink(path("lldpd.socket")), 0);
	assert_int_equal(ask("e0", 2).state, LLDP_ABSENT);
}

static void
test_states_networkd(void **state)
{
	uint8_t lasting[sizeof(file)];

	(void)state;
	memcpy(lasting, file, sizeof(file));
	lasting[8 + AT_TTL] = 1; /* 260 s */
	assert_int_equal(mkdir(path("links"), 0755), 0);
	assert_int_equal(mkdir(path("lldp"), 0755), 0);
	assert_int_equal(ask("e0", 2).state, LLDP_ABSENT);
	put("links/2", "", 0);
	assert_int_equal(ask("e0", 2).state, LLDP_NONE);
	put("lldp/2", lasting, sizeof(lasting));
	assert_int_equal(ask("e0", 2).state, LLDP_HEARD);
	assert_int_equal(ask("e0", 3).state, LLDP_ABSENT);
	age("lldp/2", 3600);
	assert_int_equal(ask("e0", 2).state, LLDP_FAILED);
	put("lldp/2", file, 20);
	assert_int_equal(ask("e0", 2).state, LLDP_FAILED);
	/* Both: the one that has heard a switch counts. */
	put("neighbors.json", neighbours, sizeof(neighbours) - 1);
	assert_int_equal(ask("e0", 2).state, LLDP_HEARD);
	assert_int_equal(unlink(path("neighbors.json")), 0);
	assert_int_equal(unlink(path("lldp/2")), 0);
	assert_int_equal(unlink(path("links/2")), 0);
	assert_int_equal(rmdir(path("lldp")), 0);
	assert_int_equal(rmdir(path("links")), 0);
}

/* Answers one call, in two parts, and checks it. Its exit status is 0 if the call was right. */
static void
serve(int listener, const char *text, size_t len)
{
	static const char call[] =
		"{\"method\":\"io.systemd.Network.GetLLDPNeighbors\",\"parameters\":{}}";
	char got[sizeof(call)];
	int fd = accept(listener, NULL, NULL);
	ssize_t n = recv(fd, got, sizeof(got), MSG_WAITALL);

	if (n != sizeof(got) || memcmp(got, call, sizeof(call)) != 0)
		_exit(1);
	if (len > 0 && (send(fd, text, len / 2, 0) < 0 ||
			send(fd, text + len / 2, len - len / 2, 0) < 0))
		_exit(2);
	_exit(0);
}

static struct lldp_switches
ask_served(const char *text, size_t len)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), status;
	struct lldp_switches out;
	pid_t child;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path("io.systemd.Network"));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		serve(fd, text, len);
	close(fd);
	out = ask("e0", 2);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(ask("e0", 2).state, LLDP_ABSENT); /* the socket refuses */
	assert_int_equal(unlink(at.sun_path), 0);
	return out;
}

static void
test_states_varlink(void **state)
{
	static const char empty[] = "{\"parameters\":{\"Neighbors\":[]}}",
			  error[] = "{\"error\":\"org.varlink.service.MethodNotFound\"}";
	struct lldp_switches s = ask_served(reply, sizeof(reply));

	(void)state;
	assert_int_equal(s.state, LLDP_HEARD);
	assert_string_equal(s.names[0], NAME);
	assert_int_equal(ask_served(empty, sizeof(empty)).state, LLDP_NONE);
	assert_int_equal(ask_served(error, sizeof(error)).state, LLDP_FAILED);
	assert_int_equal(ask_served("{", 2).state, LLDP_FAILED);
	assert_int_equal(ask_served(reply, sizeof(reply) - 1).state, LLDP_FAILED); /* no end */
	assert_int_equal(ask_served("", 0).state, LLDP_FAILED);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_frame_changed),
		cmocka_unit_test(test_frame_cut),
		cmocka_unit_test(test_lldpd),
		cmocka_unit_test(test_lldpd_several),
		cmocka_unit_test(test_names_bounded),
		cmocka_unit_test(test_networkd_frames),
		cmocka_unit_test(test_networkd_late),
		cmocka_unit_test(test_networkd_reply),
		cmocka_unit_test(test_states_lldpd),
		cmocka_unit_test(test_states_networkd),
		cmocka_unit_test(test_states_varlink),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
