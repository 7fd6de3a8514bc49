/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeds: each a mesh of 20 to 2,000 hosts that lives for some virtual seconds (sim.h). A seed
 * replays exactly.
 *
 *     sim_mesh [-j PROCESSES] [--trace] [SEEDS [FIRST-SEED]]
 *
 * Prints TAP, progress on the way, and for a seed that fails what did not hold and the command that
 * replays it. Every 64th seed runs twice, and both must have the same story.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "sim.h"

#define MAIN_SEEDS 300
#define MAIN_WORKERS_MAX 64
#define MAIN_TWICE 64
#define MAIN_FAILURES 20 /* enough to see what is wrong */

void
sim_mix(struct sim *sim, uint64_t value)
{
	sim->hash = sim_hash(sim->hash ^ value, 1);
}

void
sim_story(struct sim *sim, const struct sim_host *host, const char *format, ...)
{
	char text[SIM_STORY];
	va_list args;

	if (!sim->trace)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("# %12.6f ", (double)sim->now_ns / 1e9);
	if (host)
		printf("host %-4u ", host->index);
	puts(text);
}

/* ---- one seed ---- */

static void
run_begin(struct sim *sim, uint64_t seed, bool trace)
{
	const struct sim_params *p = &sim->params;

	*sim = (struct sim){.seed = seed, .random = {sim_hash(seed, 0)}, .trace = trace};
	TAILQ_INIT(&sim->free_events);
	sim_params_from_seed(&sim->params, &sim->random);
	sim->n_hosts = p->n_hosts;
	sim->host = sim_alloc(p->n_hosts, sizeof(*sim->host));
	sim->faults_end_ns = p->faults_ns;
	sim->calm_from_ns = p->profile == SIM_LOSS ? UINT64_MAX : p->faults_ns + p->settle_ns;
	sim->end_ns = p->faults_ns + p->settle_ns + p->calm_ns;
	sim_story(sim, NULL,
		  "seed %llu: %s, %u hosts of %u ports, %u peers each, interval %llu ms, timeout "
		  "%llu ms, loss %u ppm, faults %#x",
		  (unsigned long long)seed, sim_profile_name(p->profile), p->n_hosts, p->n_ports,
		  p->n_peers, (unsigned long long)(p->interval_ns / MS),
		  (unsigned long long)(p->timeout_ns / MS), p->loss, p->faults);
	for (uint32_t i = 0; i < p->n_hosts; i++) {
		sim_host_init(sim, i);
		sim_event_put(sim, sim_event_new(sim, SIM_BOOT, i, 0),
			      p->profile == SIM_CALM ? 0 : sim_random_below(&sim->random, SEC));
	}
	sim_fault_begin(sim);
	sim_attack_begin(sim);
	sim_event_put(sim, sim_event_new(sim, SIM_SWEEP, 0, 0), SEC);
}

static void
run_event(struct sim *sim, struct sim_event *event)
{
	struct sim_host *host = &sim->host[event->host];

	sim->n_events++;
	sim_mix(sim, event->at_ns ^ (uint64_t)event->kind << 56 ^ (uint64_t)event->host << 40);
	switch (event->kind) {
	case SIM_BOOT:
		sim_alloc_of(sim, host,
			     sim->now_ns < sim->faults_end_ns ? sim->params.out_of_memory : 0);
		host->powered = true;
		sim_host_boot(host);
		break;
	case SIM_FAULT:
	case SIM_HEAL:
		sim_fault_event(sim, event);
		break;
	case SIM_SWEEP:
		sim_check_sweep(sim);
		sim_event_put(sim, sim_event_new(sim, SIM_SWEEP, 0, 0), sim->now_ns + 500 * MS);
		break;
	case SIM_ATTACK:
		sim_attack_event(sim);
		break;
	case SIM_WAKE:
	case SIM_RESUME:
	case SIM_MESSAGE:
	case SIM_SENT:
	case SIM_SIDR_REQUEST:
	case SIM_SIDR_REPLY:
	case SIM_SIDR_RETRY:
	case SIM_SIDR_TIMEOUT:
	case SIM_PATH:
	case SIM_RETURN_PATH:
	case SIM_PORT_ANSWER:
	case SIM_PORT_TIMER:
		sim_host_event(sim, event);
		return;
	case SIM_KIND_N:
		break;
	}
	sim_event_free(sim, event);
}

static void
run_until(struct sim *sim, uint64_t until_ns)
{
	struct sim_event *event = NULL;

	while (!sim->failed[0] && (event = sim_event_next(sim))) {
		if (event->at_ns > until_ns) {
			sim_event_put(sim, event, event->at_ns);
			break;
		}
		sim_check(sim, NULL, event->at_ns >= sim->now_ns, "time does not go backwards");
		sim->now_ns = event->at_ns;
		run_event(sim, event);
	}
	if (!sim->failed[0])
		sim->now_ns = until_ns;
}

static void
run_end(struct sim *sim)
{
	sim_check_sweep(sim);
	if (sim->params.profile != SIM_LOSS)
		sim_check_calm(sim);
	else
		sim_check_loss(sim);
	for (uint32_t i = 0; i < sim->n_hosts; i++)
		sim_host_free(&sim->host[i]);
	sim_alloc_of(NULL, NULL, 0);
	sim_check_end(sim);
	sim_events_clear(sim);
	sim_free(sim->host);
}

int
sim_run(struct sim *sim, uint64_t seed, bool trace)
{
	sim_memory = (struct sim_memory){0};
	run_begin(sim, seed, trace);
	run_until(sim, sim->faults_end_ns);
	sim_fault_heal_all(sim);
	run_until(sim, sim->end_ns);
	run_end(sim);
	return sim->failed[0] ? -1 : 0;
}

/* ---- many seeds ---- */

struct worker {
	pid_t pid;
	_Atomic uint64_t seed; /* that it is at */
	_Atomic bool busy;
};

/* Between the processes. */
struct board {
	uint64_t first, n;
	_Atomic uint64_t next, done, failed, probes, events, faults, attacks, corrected;
	_Atomic uint64_t by_class[PROBE_CLASS_N], by_profile[SIM_PROFILE_N];
	struct worker worker[MAIN_WORKERS_MAX];
};

static const char *program;

static void
main_say_failed(uint64_t seed, const char *what, double at_s)
{
	printf("# seed %llu failed at %.6f s: %s\n# replay: %s --trace 1 %llu\n",
	       (unsigned long long)seed, at_s, what, program, (unsigned long long)seed);
	fflush(stdout);
}

static bool
main_run_one(struct board *board, uint64_t seed, bool trace)
{
	static struct sim sim;
	uint64_t hash;
	bool ok = sim_run(&sim, seed, trace) == 0;

	if (ok && seed % MAIN_TWICE == 0) {
		hash = sim.hash;
		ok = sim_run(&sim, seed, false) == 0;
		if (ok && hash != sim.hash) {
			snprintf(sim.failed, sizeof(sim.failed),
				 "it had another story the second time");
			ok = false;
		}
	}
	if (trace)
		printf("# seed %llu: %llu events, %llu probes, hash %016llx\n",
		       (unsigned long long)seed, (unsigned long long)sim.n_events,
		       (unsigned long long)sim.n_probes, (unsigned long long)sim.hash);
	if (!ok)
		main_say_failed(seed, sim.failed, (double)sim.failed_ns / 1e9);
	board->probes += sim.n_probes;
	board->events += sim.n_events;
	board->faults += sim.n_faults;
	board->attacks += sim.n_attacks;
	board->corrected += sim.n_corrected;
	board->by_profile[sim.params.profile]++;
	for (int i = 0; i < PROBE_CLASS_N; i++)
		board->by_class[i] += sim.told.by_class[i];
	return ok;
}

static void
main_work(struct board *board, struct worker *worker, bool trace)
{
	uint64_t i;

	while (board->failed < MAIN_FAILURES && (i = board->next++) < board->n) {
		worker->seed = board->first + i;
		worker->busy = true;
		if (!main_run_one(board, board->first + i, trace))
			board->failed++;
		worker->busy = false;
		board->done++;
	}
}

static void
main_start(struct board *board, struct worker *worker)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		main_work(board, worker, false);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0) {
		perror("fork");
		exit(EXIT_FAILURE);
	}
	worker->pid = pid; /* the board is shared: the child must not write here */
}

/* One that crashed is a seed that failed; another takes over. */
static int
main_reap(struct board *board, uint32_t n_workers, int running)
{
	int status;
	pid_t pid = waitpid(-1, &status, WNOHANG);

	if (pid <= 0)
		return running;
	for (uint32_t i = 0; i < n_workers; i++) {
		struct worker *worker = &board->worker[i];

		if (worker->pid != pid)
			continue;
		worker->pid = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return running - 1;
		main_say_failed(worker->seed,
				WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) :
						      "the process ended",
				0);
		board->failed++;
		board->done++;
		main_start(board, worker);
	}
	return running;
}

static double
main_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
main_progress(const struct board *board, double seconds)
{
	printf("# %llu of %llu seeds, %llu failed, %.0f s, %.1f million probes\n",
	       (unsigned long long)board->done, (unsigned long long)board->n,
	       (unsigned long long)board->failed, seconds, (double)board->probes / 1e6);
	fflush(stdout);
}

static void
main_run_all(struct board *board, uint32_t n_workers)
{
	double began = main_now(), said = began;
	int running = (int)n_workers;

	for (uint32_t i = 0; i < n_workers; i++)
		main_start(board, &board->worker[i]);
	while (running > 0) {
		running = main_reap(board, n_workers, running);
		if (running > 0)
			usleep(20000);
		if (main_now() - said >= 10) {
			said = main_now();
			main_progress(board, said - began);
		}
	}
	main_progress(board, main_now() - began);
}

static void
main_summary(const struct board *board)
{
	printf("# seeds:");
	for (int i = 0; i < SIM_PROFILE_N; i++)
		printf(" %s %llu", sim_profile_name((enum sim_profile)i),
		       (unsigned long long)board->by_profile[i]);
	printf("; %llu faults, %llu attacks, %.1f million events\n# probes:",
	       (unsigned long long)board->faults, (unsigned long long)board->attacks,
	       (double)board->events / 1e6);
	for (int i = 0; i < PROBE_CLASS_N; i++)
		printf(" %s %llu", probe_class_name((enum probe_class)i),
		       (unsigned long long)board->by_class[i]);
	printf("; %llu of the lost had been unreachable\n", (unsigned long long)board->corrected);
}

/* A run of many seeds is worth something only if it went everywhere. */
static bool
main_went_everywhere(const struct board *board)
{
	for (int i = 0; i < PROBE_CLASS_N; i++)
		if (board->by_class[i] == 0)
			return false;
	return board->corrected > 0;
}

static void
main_usage(void)
{
	printf("Usage: %s [-j PROCESSES] [--trace] [SEEDS [FIRST-SEED]]\n", program);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"jobs", required_argument, NULL, 'j'},
						{"trace", no_argument, NULL, 't'},
						{0}};
	struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long jobs = sysconf(_SC_NPROCESSORS_ONLN);
	bool trace = false;
	int option;

	if (board == MAP_FAILED)
		return EXIT_FAILURE;
	program = argv[0];
	log_setup(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	while ((option = getopt_long(argc, argv, "j:", options, NULL)) != -1) {
		if (option == 'j')
			jobs = strtol(optarg, NULL, 10);
		else if (option == 't')
			trace = true;
		else
			return main_usage(), EXIT_FAILURE;
	}
	board->n = optind < argc ? strtoull(argv[optind], NULL, 10) : MAIN_SEEDS;
	board->first = optind + 1 < argc ? strtoull(argv[optind + 1], NULL, 10) : 1;
	jobs = jobs < 1 ? 1 : jobs > MAIN_WORKERS_MAX ? MAIN_WORKERS_MAX : jobs;
	if (trace)
		main_work(board, &board->worker[0], true);
	else
		main_run_all(board, (uint32_t)jobs);
	main_summary(board);
	printf("1..2\n%sok 1 - mesh, seeds %llu to %llu\n", board->failed ? "not " : "",
	       (unsigned long long)board->first, (unsigned long long)(board->first + board->n - 1));
	if (board->n < MAIN_SEEDS)
		puts("ok 2 - all classes were seen # too few seeds to ask");
	else
		printf("%sok 2 - all classes were seen\n",
		       main_went_everywhere(board) ? "" : "not ");
	return board->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
