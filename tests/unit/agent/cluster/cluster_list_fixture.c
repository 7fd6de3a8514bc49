/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_list_fixture.h"

#define GIVE_UP_S 30

static struct self self = {.hostname = "host.a"};
static struct loop *loop;
static struct loop_timer *timer;
static struct config *config;
struct cluster_list *list;
static char base[] = "/tmp/test_cluster_list.XXXXXX";
char directory[64], path[96];

/* ---- ports and peers ---- */

bool has_port;
unsigned int lists, n_added;      /* that the peers got; entries of the last one */
char added[ADDED_MAX][ADDR_TEXT];
struct peer_listed last;
uint32_t slow;
unsigned int n_usual; /* how often the usual rates came back */
int add_rc;

struct nic *
nics_find(const struct nics *nics, const char *name, uint8_t port)
{
	(void)nics;
	return has_port && port == 1 && strcmp(name, "rxe0") == 0 ?
		       (struct nic *)(void *)&has_port : NULL;
}

struct device *
nic_device(const struct nic *nic)
{
	(void)nic;
	return (struct device *)(void *)&has_port;
}

static bool
is(const struct addr *addr, const char *text)
{
	char own[ADDR_TEXT];

	return strcmp(addr_text(addr, own), text) == 0;
}

const struct device_gid *
device_find_gid(const struct device *device, const struct addr *addr)
{
	static const struct device_gid gid;

	(void)device;
	return is(addr, "10.0.0.1") ? &gid : NULL;
}

struct nic *
nics_find_local(const struct nics *nics, const struct addr *addr)
{
	(void)nics;
	return is(addr, "10.0.0.1") ? (struct nic *)(void *)&has_port : NULL;
}

void
peers_list_begin(struct peers *peers)
{
	(void)peers;
	n_added = 0;
}

int
peers_list_add(struct peers *peers, const struct peer_listed *entry)
{
	(void)peers;
	if (add_rc < 0)
		return add_rc;
	assert_true(n_added < ADDED_MAX);
	addr_text(&entry->address, added[n_added++]);
	last = *entry;
	return 0;
}

void
peers_list_end(struct peers *peers)
{
	(void)peers;
	lists++;
}

void
peers_list_slow(struct peers *peers, uint32_t factor)
{
	(void)peers;
	slow = factor;
	n_usual += factor == 1;
}

/* ---- lists ---- */

static struct pinglist_target targets[ADDED_MAX];
size_t n_targets;

struct pinglist_target *
target(const char *address)
{
	struct pinglist_target *t = &targets[n_targets++];

	*t = (struct pinglist_target){.host = "b", .device = "d", .tor = "leaf", .port = 1,
				      .interval_ns = 100000000, .tuples = 1};
	assert_int_equal(addr_parse(address, &t->address), 0);
	return t;
}

void
pack(msgpack_sbuffer *out, const char *host, uint64_t generation, const char *device)
{
	struct pinglist_port port = {.device = device, .port = 1, .targets = targets,
				     .n_targets = n_targets};
	const struct pinglist l = {.host = host, .generation = generation,
				   .ports = &port, .n_ports = 1};
	msgpack_packer pk;

	assert_int_equal(addr_parse("10.0.0.1", &port.source), 0);
	msgpack_sbuffer_init(out);
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	pinglist_pack(&pk, &l);
}

void
hear_as(const char *host, uint64_t generation, const char *device)
{
	msgpack_sbuffer out;

	pack(&out, host, generation, device);
	cluster_list_heard(list, out.data, out.size, true);
	msgpack_sbuffer_destroy(&out);
}

void
hear(uint64_t generation)
{
	hear_as("host.a", generation, "rxe0");
}

void
beat(void)
{
	const struct central_beat b = {.host = "c", .version = "1", .incarnation = 1,
				       .time_ns = 1};
	msgpack_sbuffer out;
	msgpack_packer pk;

	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	central_beat_pack(&pk, &b);
	cluster_list_beat(list, out.data, out.size);
	msgpack_sbuffer_destroy(&out);
}

/* ---- waiting ---- */

struct cluster_list_status status;
static bool (*wanted)(void);
static uint64_t until_ns;

static void
look(void *arg)
{
	(void)arg;
	cluster_list_status(list, &status);
	if (wanted() || clock_mono_ns() > until_ns)
		loop_stop(loop);
	else
		loop_timer_set(timer, NSEC_PER_MSEC);
}

void
wait_until(bool (*fn)(void))
{
	wanted = fn;
	until_ns = clock_mono_ns() + GIVE_UP_S * NSEC_PER_SEC;
	loop_timer_set(timer, 0);
	loop_run(loop);
	cluster_list_status(list, &status);
	assert_true(fn());
}

unsigned int lists_before;

bool
is_applied(void)
{
	return lists > lists_before;
}

bool
is_slow(void)
{
	return status.slow;
}

uint64_t taken_before_ns;

bool
is_taken_again(void)
{
	return status.taken_ns > taken_before_ns;
}

bool
is_kept(void)
{
	return access(path, F_OK) == 0;
}

ino_t kept_before;

struct stat
kept_stat(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st;
}

ino_t
inode(void)
{
	return kept_stat().st_ino;
}

/* The time that a test has set. */
const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

bool
is_gone(void)
{
	return access(path, F_OK) < 0;
}

void
configure(const char *more)
{
	struct config *old = config;
	struct conf_errors errors;
	char text[400];

	snprintf(text, sizeof(text),
		 "max_probes_per_s = 100;\n"
		 "cluster = { %s directory = \"%s\"; %s };",
		 strstr(more, "broker") ? "" : "broker = \"mqtt://127.0.0.1\";", directory, more);
	assert_int_equal(config_parse(text, "test", &config, &errors), 0);
	cluster_list_configure(list, config);
	config_free(old);
}

int
list_setup(void **state)
{
	struct cluster_list_env env = {.self = &self};
	static int n;

	(void)state;
	/* A directory for each test: a thread of the one before may still write. */
	snprintf(directory, sizeof(directory), "%s/%d", base, n++);
	snprintf(path, sizeof(path), "%s/pinglist", directory);
	if (mkdir(directory, 0700) < 0)
		return -1;
	has_port = true;
	lists = lists_before = n_added = 0;
	n_targets = 0;
	slow = 1;
	n_usual = 0;
	add_rc = 0;
	if (loop_new(&loop) < 0 || loop_timer_new(loop, "look", look, NULL, &timer) < 0)
		return -1;
	env.loop = loop;
	return cluster_list_new(&env, &list);
}

int
list_teardown(void **state)
{
	(void)state;
	cluster_list_free(list);
	config_free(config);
	config = NULL;
	loop_timer_free(timer);
	loop_free(loop);
	return 0;
}

int
fixture_begin(void)
{
	return mkdtemp(base) ? 0 : 1;
}

int
fixture_end(int rc)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command) ? 1 : rc;
}
