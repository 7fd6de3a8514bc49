/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tracing costs: asks src/hops for the paths of many tuples at once, which differ in their
 * source port, and keeps the paths. tests/bench/hops_cost runs it in a network of namespaces.
 *
 *     hops_bench [-n TUPLES] [-r PER_S] [-s SWITCH_PER_S] SOURCE DESTINATION ROUTERS
 *
 * TUPLES is 20000 unless given, and PER_S the most that src/hops takes. Prints a line for each
 * figure: name, value, unit, goal ("-": none). Exits with 1 if a bound is broken or no path is
 * complete. Processor time is that of this process, which includes what the kernel does for its
 * datagrams: with routers in the same kernel, their work and their answers.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/addr.h"
#include "core/clock.h"
#include "core/loop.h"
#include "hops/hops.h"

#define FIRST_PORT 20000u
#define SAMPLE_NS 20000000ULL
#define SAMPLES 50 /* that are kept: those of a second */

static struct loop *loop;
static struct loop_timer *timer;
static struct hops *hops;
static struct hops_config config = {.per_s = 100000, .burst = 64, .switch_per_s = 100000,
				    .switch_burst = 64};
static unsigned int n_tuples = 20000, n_asked, n_done, n_complete;
static struct hops_path *paths;
static struct {
	size_t running, descriptors;
	uint64_t late_ns;
	double beyond; /* the budget of any SAMPLES: datagrams */
} most;

static double
cpu_us(int which)
{
	struct rusage usage;
	struct timeval *t = which ? &usage.ru_stime : &usage.ru_utime;

	getrusage(RUSAGE_SELF, &usage);
	return 1e6 * (double)t->tv_sec + (double)t->tv_usec;
}

static double
rss_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
		exit(1);
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static size_t
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void
done(void *arg, const struct hops_path *path)
{
	(void)arg;
	paths[n_done++] = *path;
	n_complete += path->error == 0 && path->reached && path->stable;
	if (n_done == n_asked)
		loop_stop(loop);
}

/* What was sent since the sample before the last SAMPLES, against the budget of that time. */
static void
sample_budget(uint64_t sent, uint64_t now_ns)
{
	static struct {
		uint64_t sent, at_ns;
	} samples[SAMPLES];
	static unsigned int n;
	double allowed = config.burst + config.per_s *
			 (double)(now_ns - samples[n].at_ns) / NSEC_PER_SEC;

	if (samples[n].at_ns && (double)(sent - samples[n].sent) - allowed > most.beyond)
		most.beyond = (double)(sent - samples[n].sent) - allowed;
	samples[n].sent = sent;
	samples[n].at_ns = now_ns;
	n = (n + 1) % SAMPLES;
}

/* Looks at all that is bounded. */
static void
sample(void *arg)
{
	static uint64_t due_ns;
	uint64_t now_ns = clock_mono_ns();
	struct hops_stats stats;
	size_t open = descriptors();

	(void)arg;
	hops_stats(hops, &stats);
	sample_budget(stats.sent, now_ns);
	if (stats.running > most.running)
		most.running = stats.running;
	if (open > most.descriptors)
		most.descriptors = open;
	if (due_ns && now_ns - due_ns > most.late_ns)
		most.late_ns = now_ns - due_ns;
	due_ns = now_ns + SAMPLE_NS;
	loop_timer_set(timer, SAMPLE_NS);
}

static int
options(int argc, char **argv, struct hops_ask *ask)
{
	int c;

	while ((c = getopt(argc, argv, "n:r:s:")) != -1) {
		uint32_t value = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;

		if (c == 'n')
			n_tuples = value;
		else if (c == 'r')
			config.per_s = value;
		else if (c == 's')
			config.switch_per_s = value;
		else
			return -1;
	}
	if (argc - optind != 3 || n_tuples == 0 || n_tuples > 65535 - FIRST_PORT)
		return -1;
	ask->routers = (uint8_t)atoi(argv[optind + 2]);
	return addr_parse(argv[optind], &ask->tuple.source) < 0 ||
	       addr_parse(argv[optind + 1], &ask->tuple.destination) < 0 ? -1 : 0;
}

/* All at once. Those of more than may wait are refused. */
static void
ask_all(struct hops_ask *ask)
{
	struct hops_request *request;
	double before = rss_bytes();

	for (unsigned int i = 0; i < n_tuples; i++) {
		ask->tuple.src_port = (uint16_t)(FIRST_PORT + i);
		n_asked += hops_trace(hops, ask, &request) == 0;
	}
	printf("asked %u tuples -\n", n_asked);
	printf("refused %u tuples -\n", n_tuples - n_asked);
	printf("memory_waiting %.0f B/tuple 512\n", (rss_bytes() - before) / n_asked);
}

/* Returns whether all bounds were kept. */
static int
print_bounds(size_t own)
{
	printf("running_most %zu paths %u\n", most.running, HOPS_RUNNING_MAX);
	printf("sockets_most %zu sockets %u\n", most.descriptors - own, HOPS_RUNNING_MAX);
	printf("beyond_budget %.0f datagrams 0\n", most.beyond);
	printf("late_most %.1f ms -\n", (double)most.late_ns / 1e6);
	return most.beyond < 1 && n_asked <= HOPS_WAITING_MAX && most.running <= HOPS_RUNNING_MAX &&
	       most.descriptors - own <= HOPS_RUNNING_MAX;
}

static void
print_cost(double user, double system, uint64_t took_ns)
{
	struct hops_stats stats;

	hops_stats(hops, &stats);
	printf("complete %u paths %u\n", n_complete, n_asked);
	printf("paths_per_s %.0f paths/s -\n", n_done * 1e9 / (double)took_ns);
	printf("datagrams %.3f datagrams/path -\n", (double)stats.sent / n_done);
	printf("answers %.3f datagrams/path -\n", (double)stats.answers / n_done);
	printf("foreign %llu datagrams 0\n", (unsigned long long)stats.foreign);
	printf("user %.1f us/path -\n", user / n_done);
	printf("system %.1f us/path -\n", system / n_done);
	printf("memory_path %zu B/path -\n", sizeof(*paths));
	printf("memory_all %.1f MB -\n", rss_bytes() / 1e6);
}

int
main(int argc, char **argv)
{
	struct hops_ask ask = {.urgency = HOPS_NEW, .asks = 1, .done = done};
	uint64_t begin_ns;
	double user, system;
	size_t own;
	int ok;

	if (options(argc, argv, &ask) < 0)
		return 2;
	paths = calloc(n_tuples, sizeof(*paths));
	if (!paths || loop_new(&loop) < 0 || hops_new(loop, &config, &hops) < 0 ||
	    loop_timer_new(loop, "sample", sample, NULL, &timer) < 0)
		return 1;
	own = descriptors();
	user = cpu_us(0);
	system = cpu_us(1);
	begin_ns = clock_mono_ns();
	ask_all(&ask);
	loop_timer_set(timer, 0);
	if (loop_run(loop) < 0)
		return 1;
	ok = print_bounds(own);
	print_cost(cpu_us(0) - user, cpu_us(1) - system, clock_mono_ns() - begin_ns);
	loop_timer_free(timer);
	hops_free(hops);
	loop_free(loop);
	free(paths);
	return ok && n_complete > 0 ? 0 : 1;
}
