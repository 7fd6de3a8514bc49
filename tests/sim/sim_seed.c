/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a seed says: how many hosts, what network, what goes wrong. Most seeds are small, so that
 * there can be many.
 */
#include <assert.h>

#include "sim.h"

static const char *const profile_names[] = {
	[SIM_CALM] = "calm",
	[SIM_RESTARTS] = "restarts",
	[SIM_LOSS] = "loss",
	[SIM_STORM] = "storm",
};
static_assert(sizeof(profile_names) / sizeof(profile_names[0]) == SIM_PROFILE_N,
	      "a name for each profile");

const char *
sim_profile_name(enum sim_profile profile)
{
	return (unsigned int)profile < SIM_PROFILE_N ? profile_names[profile] : "?";
}

static uint32_t
seed_hosts(struct sim_random *random)
{
	uint64_t dice = sim_random_below(random, 1000);

	if (dice < 2)
		return 500 + (uint32_t)sim_random_below(random, SIM_HOSTS_MAX - 499);
	if (dice < 20)
		return 64 + (uint32_t)sim_random_below(random, 300);
	return 20 + (uint32_t)sim_random_below(random, 20);
}

/* Half of the time nothing, else up to most. */
static uint32_t
seed_chance(struct sim_random *random, uint32_t most)
{
	return sim_random_below(random, 2) ? (uint32_t)sim_random_log(random, 10, most) : 0;
}

static void
seed_network(struct sim_params *p, struct sim_random *random)
{
	p->timeout_ns = 50 * MS + sim_random_below(random, 450 * MS);
	p->delay_min_ns = sim_random_log(random, 500, 20 * US);
	p->delay_max_ns = sim_random_log(random, p->delay_min_ns + 1, p->timeout_ns / 8);
	p->jitter_ns =
		sim_random_below(random, 2) ? sim_random_log(random, 100, p->timeout_ns / 16) : 0;
	p->hw_port = (uint32_t)sim_random_below(random, 3) * 500000;
	p->drift_ppb = (int32_t)sim_random_below(random, 100001); /* ± 100 ppm */
	p->send_not_done = seed_chance(random, 500000);
}

static void
seed_loss(struct sim_params *p, struct sim_random *random)
{
	p->loss = (uint32_t)sim_random_log(random, 100, 300000);
	p->sidr_loss = 0; /* what is not resolved is not counted */
}

static void
seed_storm(struct sim_params *p, struct sim_random *random)
{
	p->loss = seed_chance(random, 200000);
	p->sidr_loss = seed_chance(random, 400000);
	p->dup = seed_chance(random, 50000);
	p->reorder = seed_chance(random, 300000);
	p->reorder_ns = sim_random_log(random, 10 * US, p->timeout_ns);
	p->very_late = seed_chance(random, 30000);
	p->corrupt = seed_chance(random, 10000);
	p->corrupt_delivered = sim_random_below(random, 8) ? 0 : seed_chance(random, 3000);
	p->bad_path = seed_chance(random, 300000);
	p->bad_path_loss = seed_chance(random, SIM_CHANCE);
	p->again = seed_chance(random, 100000);
	p->return_again = seed_chance(random, 50000);
	p->path_fails = seed_chance(random, 200000);
	p->send_error = seed_chance(random, 20000);
	p->send_fails = seed_chance(random, 50000);
	p->send_never = seed_chance(random, 50000);
	p->build_fails = seed_chance(random, 300000);
	p->sidr_refused = seed_chance(random, 300000);
	p->sidr_late = seed_chance(random, 300000);
	p->sidr_dup = seed_chance(random, 300000);
	p->out_of_memory = sim_random_below(random, 8) ? 0 : seed_chance(random, 20000);
	if (sim_random_below(random, 5) == 0)
		p->per_source = 10 + (uint32_t)sim_random_below(random, 60);
}

/* As often as keeps the whole seed small. */
static void
seed_load(struct sim_params *p, struct sim_random *random)
{
	uint64_t streams, probes = p->n_hosts <= 40 ? 4000 : 100ULL * p->n_hosts;
	uint64_t length_ns = p->faults_ns + 12 * SEC;

	p->n_peers = 1 + (uint32_t)sim_random_below(random, 3);
	p->n_targets = 1 + (uint32_t)sim_random_below(random, 2);
	streams = (uint64_t)p->n_hosts * p->n_peers * p->n_targets;
	p->interval_ns = sim_random_log(random, 20 * MS, 2 * SEC);
	if (p->interval_ns < streams * length_ns / probes)
		p->interval_ns = streams * length_ns / probes;
	/*
	 * Without probes that time out nobody notices; a second and a half is what the slowest
	 * stream may take between two.
	 */
	p->settle_ns = 8 * SEC + 6 * p->interval_ns + 6 * p->timeout_ns;
	p->calm_ns = 2 * SEC + p->interval_ns;
}

void
sim_params_from_seed(struct sim_params *p, struct sim_random *random)
{
	uint64_t dice = sim_random_below(random, 100);

	*p = (struct sim_params){
		.profile = dice < 5  ? SIM_CALM :
			   dice < 25 ? SIM_RESTARTS :
			   dice < 40 ? SIM_LOSS :
				       SIM_STORM,
		.n_hosts = seed_hosts(random),
		.n_ports = 1 + (uint32_t)sim_random_below(random, SIM_PORTS_MAX),
		.faults_ns = sim_random_log(random, SEC, 16 * SEC),
		.per_source = 1000000,
		.total = 1000000,
		.window_ns = WINDOW_LEN_MIN_NS + sim_random_below(random, 4) * SEC,
		.schedstat = sim_random_below(random, 4) != 0,
		.max_per_s = (uint32_t)sim_random_log(random, 200, 2000),
	};
	seed_network(p, random);
	seed_load(p, random);
	if (p->profile == SIM_LOSS)
		seed_loss(p, random);
	if (p->profile == SIM_STORM)
		seed_storm(p, random);
	if (p->profile == SIM_STORM || p->profile == SIM_RESTARTS) {
		p->fault_every_ns = sim_random_log(random, 5 * MS, 2 * SEC);
		p->faults = p->profile == SIM_RESTARTS ? SIM_FAULTS_RESTART :
							 (uint32_t)sim_random_u64(random);
	}
	if (sim_random_below(random, 2))
		p->attack_every_ns = sim_random_log(random, 5 * MS, 200 * MS);
}
