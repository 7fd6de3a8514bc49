/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer sees of the world, under the test's control: names, nics with their addresses,
 * routes, SIDR and time. The prober is the real one. Included by one program only.
 */
#ifndef RPINGMESH_TESTS_PEER_FAKE_H
#define RPINGMESH_TESTS_PEER_FAKE_H

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "agent/config/config.h"
#include "agent/peer/asked.h"
#include "agent/peer/peer_impl.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/names.h"
#include "rdma/path.h"
#include "rdma/sidr.h"

#define FAKE_NICS 2

/* The two are one another's devices, too: opaque to peers. */
struct nic {
	const char *name;
	const char *down;     /* NULL: up */
	uint64_t down_ns;
	bool open;            /* it has a device */
	struct device_gid gids[2];
	size_t n_gids;
	bool has_sources;     /* each QP has one port */
	int wants, room;      /* of source ports; for so many */
	struct prober_device *budget;
};

struct fake {
	uint64_t now_ns;
	struct nic nics[FAKE_NICS];
	struct addr routed;   /* the source that the kernel would take; zero: no route */
	struct addr bound;    /* the source of the last socket that was bound */
	int route_mtu;        /* from there; 0: the kernel does not say */
	uint16_t longest;     /* result */
	/* Names. */
	void (*found)(void *arg, const struct addr *addr, const char *reason);
	void *found_arg;
	unsigned int asked;
	uint64_t files;
	/* SIDR. */
	struct sidr_question question, asked_before; /* the last two */
	unsigned int questions;
	unsigned int paths;
	struct prober *prober;
	struct peers *peers;
	struct asked *by_ask; /* NULL: the test has none */
	struct self self;
	struct config config;
	struct config_peer entry;
	struct last_probes_pool last_probes;
	struct loop *loop;
};
static struct fake fake;

uint64_t __wrap_clock_mono_ns(void);
uint64_t
__wrap_clock_mono_ns(void)
{
	return fake.now_ns;
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);
int
__wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)fd;
	(void)to;
	(void)len;
	errno = ENETUNREACH;
	return addr_is_zero(&fake.routed) ? -1 : 0;
}

int __wrap_getsockname(int fd, struct sockaddr *out, socklen_t *len);
int
__wrap_getsockname(int fd, struct sockaddr *out, socklen_t *len)
{
	struct sockaddr_storage ss;

	(void)fd;
	*len = addr_to_sockaddr(&fake.routed, 1, &ss);
	memcpy(out, &ss, *len);
	return 0;
}

int __wrap_bind(int fd, const struct sockaddr *from, socklen_t len);
int
__wrap_bind(int fd, const struct sockaddr *from, socklen_t len)
{
	(void)fd;
	(void)len;
	return addr_from_sockaddr(from, &fake.bound);
}

int __wrap_getsockopt(int fd, int level, int name, void *out, socklen_t *len);
int
__wrap_getsockopt(int fd, int level, int name, void *out, socklen_t *len)
{
	bool v4 = addr_is_v4(&fake.bound);

	(void)fd;
	errno = ENOTCONN;
	if (fake.route_mtu == 0)
		return -1;
	assert_int_equal(level, v4 ? IPPROTO_IP : IPPROTO_IPV6);
	assert_int_equal(name, v4 ? IP_MTU : IPV6_MTU);
	assert_int_equal(*len, sizeof(int));
	memcpy(out, &fake.route_mtu, sizeof(int));
	return 0;
}

/* ---- names ---- */

int
names_find(struct names *names, const char *name, const struct addr *keep,
	   void (*found)(void *arg, const struct addr *addr, const char *reason), void *arg,
	   struct names_lookup **out)
{
	struct addr addr;

	(void)names;
	(void)keep;
	*out = NULL;
	if (addr_parse(name, &addr) == 0) {
		found(arg, &addr, NULL);
		return 0;
	}
	fake.asked++;
	fake.found = found;
	fake.found_arg = arg;
	*out = (struct names_lookup *)(void *)&fake;
	return 0;
}

void
names_cancel(struct names_lookup *lookup)
{
	if (lookup)
		fake.found = NULL;
}

uint64_t
names_files(void)
{
	return fake.files;
}

/* Answers the name that was asked; NULL: it is not found. */
static inline void
fake_name_is(const char *text)
{
	void (*found)(void *arg, const struct addr *addr, const char *reason) = fake.found;
	struct addr addr;

	assert_non_null(found);
	fake.found = NULL;
	if (text)
		assert_int_equal(addr_parse(text, &addr), 0);
	found(fake.found_arg, text ? &addr : NULL, text ? NULL : "not found");
}

/* ---- nics ---- */

struct nic *
nics_next(const struct nics *nics, const struct nic *nic)
{
	struct nic *next = nic ? &fake.nics[nic - fake.nics + 1] : fake.nics;

	(void)nics;
	return next < fake.nics + FAKE_NICS && next->name ? next : NULL;
}

struct nic *
nics_find_local(const struct nics *nics, const struct addr *addr)
{
	(void)nics;
	for (size_t i = 0; i < FAKE_NICS; i++)
		for (size_t j = 0; j < fake.nics[i].n_gids; j++)
			if (addr_equal(&fake.nics[i].gids[j].addr, addr))
				return &fake.nics[i];
	return NULL;
}

void
nics_scan_soon(struct nics *nics)
{
	(void)nics;
}

struct sidr *
nics_sidr(const struct nics *nics)
{
	(void)nics;
	return (struct sidr *)(void *)&fake;
}

struct device *
nic_device(const struct nic *nic)
{
	return nic->open ? (struct device *)(uintptr_t)nic : NULL;
}

const char *
nic_name(const struct nic *nic)
{
	return nic->name;
}

const char *
nic_down_reason(const struct nic *nic)
{
	return nic->down;
}

uint64_t
nic_down_ns(const struct nic *nic)
{
	return nic->down_ns;
}

struct prober_device *
nic_budget(const struct nic *nic)
{
	return nic->budget;
}

void
nic_source(const struct nic *nic, uint32_t flow_label, struct nic_source *out)
{
	(void)nic;
	(void)flow_label;
	memset(out, 0, sizeof(*out));
}

void
nic_info(const struct nic *nic, struct nic_info *out)
{
	*out = (struct nic_info){.has_sources = nic->has_sources};
}

int
nic_want_port(struct nic *nic, uint16_t port, enum source_user user)
{
	(void)port;
	assert_int_equal(user, SOURCE_MESH);
	if (!nic->has_sources)
		return -EALREADY;
	if (nic->wants == nic->room)
		return -ENOSPC;
	nic->wants++;
	return 0;
}

void
nic_unwant_port(struct nic *nic, uint16_t port, enum source_user user)
{
	(void)port;
	assert_int_equal(user, SOURCE_MESH);
	nic->wants--;
}

int
nic_send(struct nic *nic, const struct nic_source *source, const struct endpoint_send *send,
	 struct endpoint_tx *tx)
{
	(void)nic;
	(void)source;
	(void)send;
	(void)tx;
	return -ENODEV;
}

const struct device_gid *
device_find_gid(const struct device *device, const struct addr *addr)
{
	const struct nic *nic = (const struct nic *)(const void *)device;

	for (size_t i = 0; i < nic->n_gids; i++)
		if (addr_equal(&nic->gids[i].addr, addr))
			return &nic->gids[i];
	return NULL;
}

/* The tests' addresses are of one family: the nearest. */
const struct device_gid *
device_source_for(const struct device *device, const struct addr *remote)
{
	const struct nic *nic = (const struct nic *)(const void *)device;
	const struct device_gid *best = NULL;

	for (size_t i = 0; i < nic->n_gids; i++)
		if (!best || addr_common_bits(&nic->gids[i].addr, remote) >
				     addr_common_bits(&best->addr, remote))
			best = &nic->gids[i];
	return best;
}

uint32_t
device_get_mtu(const struct device *device)
{
	(void)device;
	return 1024;
}

/* ---- fabric ---- */

int
path_new(const struct path_config *config, struct path **out)
{
	(void)config;
	fake.paths++;
	*out = (struct path *)(void *)&fake;
	return 0;
}

void
path_free(struct path *path)
{
	(void)path;
}

void
path_renew(struct path *path, uint64_t now_ns)
{
	(void)path;
	(void)now_ns;
}

void
path_reset(struct path *path)
{
	(void)path;
}

int
path_get_ah(struct path *path, uint32_t flow_label, uint8_t traffic_class, uint8_t service_level,
	    uint64_t now_ns, struct path_ah **out)
{
	(void)path;
	(void)flow_label;
	(void)traffic_class;
	(void)service_level;
	(void)now_ns;
	(void)out;
	return -ENODEV;
}

uint8_t
path_ah_hop_limit(const struct path_ah *ah)
{
	(void)ah;
	return 64;
}

const char *
sidr_step_name(enum sidr_step step)
{
	(void)step;
	return "";
}

int
sidr_ask(struct sidr *sidr, const struct sidr_question *question, struct sidr_call **out)
{
	(void)sidr;
	fake.questions++;
	fake.asked_before = fake.question;
	fake.question = *question;
	*out = (struct sidr_call *)(void *)&fake;
	return 0;
}

void
sidr_cancel(struct sidr_call *call)
{
	(void)call;
}

void
pump_soon(struct pump *pump)
{
	(void)pump;
}

/* ---- the world ---- */

static void
fake_event(void *arg, struct peer *peer, enum peer_event event)
{
	(void)arg;
	if (fake.by_ask)
		asked_peer_event(fake.by_ask, peer, event);
}

static void
fake_result(void *arg, void *target_user, const struct probe_result *r)
{
	(void)arg;
	(void)target_user;
	if (r->size > fake.longest)
		fake.longest = (uint16_t)r->size;
}

static void
fake_window(void *arg, struct prober_device *device, struct prober_target *target,
	    const struct window *w)
{
	(void)arg;
	(void)device;
	(void)target;
	(void)w;
}

static void
fake_gid(struct nic *nic, const char *text)
{
	assert_int_equal(addr_parse(text, &nic->gids[nic->n_gids].addr), 0);
	nic->gids[nic->n_gids].index = (uint32_t)nic->n_gids;
	nic->n_gids++;
}

/* nic 0, rail0, has 10.0.1.1; nic 1 is rail1 and does not exist yet. The route leads to rail0. */
static int
fake_begin(void **state)
{
	static const struct prober_ops prober_ops = {
		.send = peer_send,
		.resolve = peer_resolve,
		.result = fake_result,
		.window = fake_window,
		.peer_state = peer_state_changed,
	};
	static const struct peers_ops ops = {.event = fake_event};
	const struct prober_config prober = {
		.ops = &prober_ops, .timeout_ns = NSEC_PER_SEC, .window_ns = 60 * NSEC_PER_SEC};
	struct peers_env env = {.self = &fake.self, .last_probes = &fake.last_probes, .ops = &ops};

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.now_ns = 1000 * NSEC_PER_SEC;
	assert_int_equal(loop_new(&fake.loop), 0);
	assert_int_equal(prober_new(&prober, &fake.prober), 0);
	for (size_t i = 0; i < FAKE_NICS; i++) {
		assert_int_equal(prober_device_add(fake.prober, 100, &fake.nics[i].budget), 0);
		prober_device_up(fake.nics[i].budget, fake.now_ns);
	}
	fake.nics[0].name = "rail0";
	fake.nics[0].room = 8;
	fake.nics[0].open = true;
	fake_gid(&fake.nics[0], "10.0.1.1");
	fake.routed = fake.nics[0].gids[0].addr;
	env.loop = fake.loop;
	env.prober = fake.prober;
	fake.config.timeout_ms = 1000;
	assert_int_equal(peers_new(&env, &fake.config, &fake.peers), 0);
	return 0;
}

static int
fake_end(void **state)
{
	(void)state;
	peers_free(fake.peers);
	for (size_t i = 0; i < FAKE_NICS; i++)
		prober_device_remove(fake.nics[i].budget);
	prober_free(fake.prober);
	loop_free(fake.loop);
	return 0;
}

/* Configures one peer. */
static const struct peer *
fake_peer(char *address)
{
	static uint32_t sizes[] = {50, 4096}, labels[] = {0};

	fake.entry = (struct config_peer){.address = address,
					  .interval_ms = 1000,
					  .sizes = sizes,
					  .n_sizes = 2,
					  .flow_labels = labels,
					  .n_flow_labels = 1};
	fake.config.peers = &fake.entry;
	fake.config.n_peers = 1;
	assert_int_equal(peers_configure(fake.peers, &fake.config), 0);
	return peers_next(fake.peers, NULL);
}

/* Time passes, with a look every five seconds as nics_scan.c has it. */
static inline void
fake_pass(unsigned int seconds)
{
	for (unsigned int s = 0; s < seconds; s++) {
		fake.now_ns += NSEC_PER_SEC;
		prober_advance(fake.prober, fake.now_ns);
		if (s % 5 == 4)
			peers_retry(fake.peers, fake.now_ns);
	}
}

#endif
