/* SPDX-License-Identifier: Apache-2.0 */
/* A small cluster for tests of the plan, and all its lists in one array. */
#ifndef RPINGMESH_TESTS_PLAN_FAKE_H
#define RPINGMESH_TESTS_PLAN_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/plan.h"

#define FAKE_NOW_S (100 * 3600u)

/* A port with one address under one ToR, and a lot of budget. */
struct fake_port {
	const char *device, *address, *tor, *rail;
	const char *address2, *tor2;
	uint32_t out, in, source_ports;
};

#define PORT(device_, address_, tor_, rail_) \
	{.device = (device_), .address = (address_), .tor = (tor_), .rail = (rail_)}

struct fake_entry {
	char host[32], device[16], to[32], to_device[16], tor[32];
	struct addr from_address, address;
	struct plan_target target;
};

struct fake {
	struct plan *plan;
	struct fake_entry *entries;
	size_t n, room;
	const char *host;       /* whose list is being read */
	unsigned int n_changed;
	char changed[64][32];   /* the first of those whose list has changed */
};

static inline struct plan_options
fake_options(unsigned int paths)
{
	return (struct plan_options){.paths = paths};
}

static inline void
fake_start(struct fake *f, const struct plan_options *options)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(plan_new(options, &f->plan), 0);
}

static inline void
fake_end(struct fake *f)
{
	plan_free(f->plan);
	free(f->entries);
}

static inline int
fake_put_drained(struct fake *f, const char *name, const struct fake_port *ports, size_t n,
		 uint64_t drained_until_s)
{
	struct plan_port *p = calloc(n + 1, sizeof(*p));
	struct addr *addresses = calloc(2 * n + 1, sizeof(*addresses));
	const char **tors = calloc(2 * n + 1, sizeof(*tors));
	struct plan_host host = {name, p, n, drained_until_s};
	int err;

	for (size_t i = 0; i < n; i++) {
		struct plan_port *to = &p[i];

		*to = (struct plan_port){.device = ports[i].device, .port = 1,
					 .addresses = addresses + 2 * i, .tors = tors + 2 * i,
					 .rail = ports[i].rail ? ports[i].rail : "",
					 .budget_out = ports[i].out ? ports[i].out : 10000,
					 .budget_in = ports[i].in ? ports[i].in : 10000,
					 .source_ports = ports[i].source_ports};
		if (ports[i].address)
			assert_int_equal(addr_parse(ports[i].address,
						    &addresses[2 * i + to->n_addresses++]), 0);
		if (ports[i].address2)
			assert_int_equal(addr_parse(ports[i].address2,
						    &addresses[2 * i + to->n_addresses++]), 0);
		if (ports[i].tor)
			tors[2 * i + to->n_tors++] = ports[i].tor;
		if (ports[i].tor2)
			tors[2 * i + to->n_tors++] = ports[i].tor2;
	}
	err = plan_put(f->plan, &host);
	free(p);
	free(addresses);
	free(tors);
	return err;
}

static inline int
fake_put(struct fake *f, const char *name, const struct fake_port *ports, size_t n)
{
	return fake_put_drained(f, name, ports, n, 0);
}

/* A host with one port mlx5_0. */
static inline void
fake_put1(struct fake *f, const char *name, const char *tor, const char *address)
{
	struct fake_port port = {.device = "mlx5_0", .address = address, .tor = tor};

	assert_int_equal(fake_put(f, name, &port, 1), 0);
}

/* Hosts h<tor>-<i> with n ports each under every one of `tors` ToRs; 10.tor.port.host. */
static inline void
fake_grid(struct fake *f, unsigned int tors, unsigned int hosts)
{
	for (unsigned int t = 0; t < tors; t++)
		for (unsigned int h = 0; h < hosts; h++) {
			char name[32], tor[32], address[32];

			snprintf(name, sizeof(name), "h%u-%u", t, h);
			snprintf(tor, sizeof(tor), "tor%u", t);
			snprintf(address, sizeof(address), "10.%u.%u.%u", t % 250, t / 250, h + 1);
			fake_put1(f, name, tor, address);
		}
}

static inline void
fake_collect(void *arg, const struct plan_source *source, const struct plan_target *target)
{
	struct fake *f = arg;
	struct fake_entry *e;

	if (f->n == f->room) {
		f->room = f->room ? 2 * f->room : 64;
		f->entries = reallocarray(f->entries, f->room, sizeof(*f->entries));
		assert_non_null(f->entries);
	}
	e = &f->entries[f->n++];
	memset(e, 0, sizeof(*e));
	snprintf(e->host, sizeof(e->host), "%s", f->host);
	snprintf(e->device, sizeof(e->device), "%s", source->device);
	snprintf(e->to, sizeof(e->to), "%s", target->host);
	snprintf(e->to_device, sizeof(e->to_device), "%s", target->device);
	snprintf(e->tor, sizeof(e->tor), "%s", target->tor);
	e->from_address = *source->address;
	e->address = *target->address;
	e->target = *target;
}

/* Adds the list of a host to the entries. */
static inline void
fake_read(struct fake *f, const char *host)
{
	f->host = host;
	plan_list(f->plan, host, fake_collect, f);
}

static inline void
fake_changed(void *arg, const char *host)
{
	struct fake *f = arg;

	if (f->n_changed < 64)
		snprintf(f->changed[f->n_changed], sizeof(f->changed[0]), "%s", host);
	f->n_changed++;
}

static inline void
fake_run(struct fake *f, uint64_t now_s)
{
	f->n_changed = 0;
	assert_int_equal(plan_run(f->plan, now_s, fake_changed, f), 0);
}

/* Runs, and reads all lists of a grid. */
static inline void
fake_run_grid(struct fake *f, unsigned int tors, unsigned int hosts, uint64_t now_s)
{
	fake_run(f, now_s);
	f->n = 0;
	for (unsigned int t = 0; t < tors; t++)
		for (unsigned int h = 0; h < hosts; h++) {
			char name[32];

			snprintf(name, sizeof(name), "h%u-%u", t, h);
			fake_read(f, name);
		}
}

/* How many entries there are from one host to another; NULL: any. */
static inline size_t
fake_count(const struct fake *f, const char *from, const char *to, enum plan_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += (!from || strcmp(f->entries[i].host, from) == 0) &&
		     (!to || strcmp(f->entries[i].to, to) == 0) &&
		     f->entries[i].target.kind == kind;
	return n;
}

/* Probes a second that all entries from or to a host ask for. */
static inline double
fake_rate(const struct fake *f, const char *from, const char *to)
{
	double rate = 0;

	for (size_t i = 0; i < f->n; i++)
		if ((!from || strcmp(f->entries[i].host, from) == 0) &&
		    (!to || strcmp(f->entries[i].to, to) == 0))
			rate += f->entries[i].target.tuples * 1e6 /
				(double)f->entries[i].target.interval_us;
	return rate;
}

struct fake_find {
	const char *tor;
	struct plan_coverage coverage;
	unsigned int n;
};

static inline void
fake_find_coverage(void *arg, const struct plan_coverage *c)
{
	struct fake_find *find = arg;

	if (strcmp(c->tor, find->tor) != 0)
		return;
	find->coverage = *c;
	find->n++;
}

static inline struct plan_coverage
fake_coverage(const struct fake *f, const char *tor)
{
	struct fake_find find = {.tor = tor};

	plan_coverage(f->plan, fake_find_coverage, &find);
	assert_int_equal(find.n, 1);
	return find.coverage;
}

#endif
