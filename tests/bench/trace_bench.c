/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tracing costs: a process creates and destroys QPs, one after the other, while this one
 * traces it, or does not, or is woken by every single event. Prints nanoseconds of CLOCK_MONOTONIC
 * for each QP's life; under qemu -icount these are instructions (tests/bench/trace_overhead). Modes
 * take turns, so that what drifts hits them alike.
 */
#include <errno.h>
#include <infiniband/verbs.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rpingmesh/qp_event.h"
#include "trace/tracer_hooks.h"
#include "trace/tracer_ring.h"

#define POLL_MS 100 /* as the daemon reads what comes without a wake-up */
#define ROUNDS_MAX 99
#define LIVES_MAX 10000
#define LOOP_TURNS 1000000

enum mode {
	MODE_NONE,
	MODE_TRACED,
	MODE_WAKEUP,
	MODE_N
};
static const char *const mode_names[MODE_N] = {"none", "traced", "wakeup-each"};

/* What the worker measured in a round. */
struct result {
	uint64_t mean_ns, median_ns; /* of a life */
};

static const char *device = "rxe0";
static int gid_index = 1;
static unsigned int lives = 200, rounds = 5;
static uint64_t events;

static void __attribute__((noreturn))
die(const char *what, int error)
{
	fprintf(stderr, "trace_bench: %s%s%s\n", what, error ? ": " : "",
		error ? strerror(error) : "");
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t
median(uint64_t *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/*
 * Two instructions a turn on x86-64 and arm64: if the clock counts instructions, it shows 2 ns a
 * turn.
 */
static double
clock_per_instruction(void)
{
	uint64_t turns = LOOP_TURNS, begin = now_ns();

#if defined(__x86_64__)
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(turns));
#elif defined(__aarch64__)
	__asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(turns));
#endif
	return (double)(now_ns() - begin) / (2.0 * LOOP_TURNS);
}

/* The service: QPs on one device, connected to nobody. */
struct worker {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	union ibv_gid gid;
	uint64_t took_ns[LIVES_MAX];
};

static void
worker_open(struct worker *w)
{
	struct ibv_device **list = ibv_get_device_list(NULL);

	for (int i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), device))
			w->context = ibv_open_device(list[i]);
	if (!w->context)
		die(device, ENODEV);
	w->pd = ibv_alloc_pd(w->context);
	w->cq = ibv_create_cq(w->context, 16, NULL, NULL, 0);
	if (!w->pd || !w->cq || ibv_query_gid(w->context, 1, gid_index, &w->gid))
		die("PD, CQ or GID", errno);
}

static void
worker_modify(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	int rc = ibv_modify_qp(qp, attr, mask);

	if (rc)
		die("ibv_modify_qp", rc);
}

static void
worker_life(struct worker *w)
{
	struct ibv_qp_init_attr init = {
		.send_cq = w->cq, .recv_cq = w->cq, .qp_type = IBV_QPT_RC,
		.cap = {.max_send_wr = 2, .max_recv_wr = 2, .max_send_sge = 1, .max_recv_sge = 1}};
	struct ibv_qp_attr to_init = {.qp_state = IBV_QPS_INIT, .port_num = 1};
	struct ibv_qp_attr to_rtr = {
		.qp_state = IBV_QPS_RTR, .path_mtu = IBV_MTU_1024, .dest_qp_num = 0x123456,
		.max_dest_rd_atomic = 1, .min_rnr_timer = 12,
		.ah_attr = {.is_global = 1, .port_num = 1, .grh = {.dgid = w->gid,
		.sgid_index = (uint8_t)gid_index, .hop_limit = 64}}};
	struct ibv_qp_attr to_rts = {.qp_state = IBV_QPS_RTS,
				     .timeout = 14,
				     .retry_cnt = 7,
				     .rnr_retry = 7,
				     .max_rd_atomic = 1};
	struct ibv_qp *qp = ibv_create_qp(w->pd, &init);

	if (!qp)
		die("ibv_create_qp", errno);
	worker_modify(qp, &to_init,
		      IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	worker_modify(qp, &to_rtr,
		      IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			      IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	worker_modify(qp, &to_rts,
		      IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			      IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
	ibv_destroy_qp(qp);
}

/* Each byte that comes in is an order for a round; its result goes out. */
static void __attribute__((noreturn))
worker_main(int orders, int results)
{
	static struct worker w;
	char order;

	worker_open(&w);
	while (read(orders, &order, 1) == 1) {
		uint64_t begin = now_ns(), at = begin;
		struct result result;

		for (unsigned int i = 0; i < lives; i++) {
			uint64_t before = at;

			worker_life(&w);
			at = now_ns();
			w.took_ns[i] = at - before;
		}
		result.mean_ns = (at - begin) / lives;
		result.median_ns = median(w.took_ns, lives);
		if (write(results, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

static int
on_event(void *arg, const void *data, size_t size)
{
	(void)arg;
	(void)data;
	events += size >= sizeof(struct qp_event);
	return 0;
}

static struct tracer_hooks *
hooks_up(enum mode mode, struct tracer_ring **ring)
{
	struct tracer_hooks_config config = {.wakeup_always = mode == MODE_WAKEUP};
	struct tracer_ring_config reading = {.event = on_event};
	struct tracer_hooks *hooks = NULL;
	char text[TRACER_HOOKS_TEXT];

	*ring = NULL;
	if (mode == MODE_NONE)
		return NULL;
	if (tracer_hooks_load(&config, &hooks, text) < 0 || tracer_hooks_attach(hooks, text) < 0)
		die(text, 0);
	reading.maps = tracer_hooks_maps(hooks);
	if (tracer_ring_new(&reading, ring) < 0)
		die("the ring cannot be mapped", 0);
	return hooks;
}

/*
 * Reads the ring as the daemon does: while events come, each POLL_MS; then when one wakes it.
 * Returns how long to wait.
 */
static int
read_ring(struct tracer_ring *ring)
{
	uint64_t before = events;

	tracer_ring_read(ring);
	if (events == before) {
		tracer_ring_rest(ring);
		tracer_ring_read(ring);
	}
	return events == before ? -1 : POLL_MS;
}

/* One round: the worker works, and the ring is read as the daemon does. */
static struct result
run_round(enum mode mode, int orders, int results)
{
	struct tracer_ring *ring;
	struct tracer_hooks *hooks = hooks_up(mode, &ring);
	struct pollfd fds[2] = {{.fd = results, .events = POLLIN},
				{.fd = ring ? tracer_ring_fd(ring) : -1, .events = POLLIN}};
	struct result result;
	int wait_ms = ring ? POLL_MS : -1;

	events = 0;
	if (write(orders, "", 1) != 1)
		die("the worker has gone", 0);
	do {
		poll(fds, 2, wait_ms);
		if (ring)
			wait_ms = read_ring(ring);
	} while (!fds[0].revents);
	if (read(results, &result, sizeof(result)) != sizeof(result))
		die("the worker has gone", 0);
	/* CREATE, three times MODIFY, DESTROY */
	if (hooks && events != 5ULL * lives)
		fprintf(stderr, "trace_bench: %llu events instead of %u\n",
			(unsigned long long)events, 5 * lives);
	tracer_ring_free(ring);
	tracer_hooks_free(hooks);
	return result;
}

static void
report(uint64_t values[MODE_N][ROUNDS_MAX], const char *what)
{
	uint64_t medians[MODE_N];

	for (int m = 0; m < MODE_N; m++) {
		medians[m] = median(values[m], rounds);
		printf("%-8s %-12s %8llu (%llu to %llu)  %+lld  %.2f\n", what, mode_names[m],
		       (unsigned long long)medians[m], (unsigned long long)values[m][0],
		       (unsigned long long)values[m][rounds - 1],
		       (long long)(medians[m] - medians[MODE_NONE]),
		       (double)medians[m] / (double)medians[MODE_NONE]);
	}
}

static void
parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "d:g:n:r:")) != -1) {
		switch (option) {
		case 'd': device = optarg; break;
		case 'g': gid_index = atoi(optarg); break;
		case 'n': lives = (unsigned int)atoi(optarg); break;
		case 'r': rounds = (unsigned int)atoi(optarg); break;
		default: lives = 0; break;
		}
	}
	if (lives < 1 || lives > LIVES_MAX || rounds < 1 || rounds > ROUNDS_MAX || optind != argc) {
		fprintf(stderr,
			"Usage: trace_bench [-d DEVICE] [-g GIDINDEX] [-n LIVES] [-r ROUNDS]\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	static uint64_t means[MODE_N][ROUNDS_MAX], medians[MODE_N][ROUNDS_MAX];
	int orders[2], results[2];
	pid_t worker;

	parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pipe(orders) || pipe(results))
		die("pipe", errno);
	worker = fork();
	if (worker == 0) {
		close(orders[1]);
		worker_main(orders[0], results[1]);
	}
	close(orders[0]);
	close(results[1]);
	printf("clock: %.3f ns an instruction\n", clock_per_instruction());
	run_round(MODE_NONE, orders[1], results[0]);
	for (unsigned int r = 0; r < rounds; r++) {
		for (enum mode m = MODE_NONE; m < MODE_N; m++) {
			struct result result = run_round(m, orders[1], results[0]);

			means[m][r] = result.mean_ns;
			medians[m][r] = result.median_ns;
		}
	}
	printf("%-8s %-12s %8s (least to most of %u rounds of %u lives)  difference  ratio\n",
	       "a life", "mode", "median", rounds, lives);
	report(medians, "median");
	report(means, "mean");
	close(orders[1]);
	waitpid(worker, NULL, 0);
	return 0;
}
