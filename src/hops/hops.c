/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: hops
 *
 * Requests wait in one list for each urgency, then run: a socket and a struct trace each. A step
 * starts what may start, sends what is due and within the budget, ends what is done, and arms the
 * timer for the next step. Two traces from one source address and port never run at once: an ICMP
 * error tells the kernel's socket by that pair.
 */
#include "hops/hops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/loop.h"
#include "hops/hops_budget.h"
#include "hops/hops_socket.h"
#include "hops/trace.h"

#define HOPS_ERRORS_PER_CALL 64 /* that one call of the loop takes from a socket */
#define HOPS_GATEWAYS 16        /* a power of two */
#define HOPS_LOOK_AHEAD 64      /* requests that are passed over because their port is in use */

TAILQ_HEAD(hops_list, hops_request);

/* What a request has while it runs. */
struct hops_run {
	struct hops_path path;
	struct trace trace;
	uint32_t nonce;
	struct addr expected[HOPS_MAX]; /* on whose account the last datagram of each TTL is */
	int fd;
	struct loop_fd *watch;
};

struct hops_request {
	TAILQ_ENTRY(hops_request) entry;
	struct hops *hops;
	struct hops_ask ask;  /* without `before` */
	struct hops_run *run; /* NULL: it waits */
	uint8_t n_before;
	struct addr before[]; /* who answered each TTL */
};

/* Whom the datagrams from an address meet first, when nothing else tells who will answer. */
struct hops_gateway {
	struct addr source, first;
};

struct hops {
	struct loop *loop;
	struct loop_timer *timer;
	struct hops_budget budget;
	struct hops_stats stats;
	struct hops_list waiting[HOPS_URGENCY_N], running;
	struct hops_gateway gateways[HOPS_GATEWAYS]; /* slot: the last byte of the source */
};

static void hops_step(void *arg);

static void
hops_step_soon(struct hops *hops)
{
	loop_timer_set(hops->timer, 0);
}

int
hops_new(struct loop *loop, const struct hops_config *config, struct hops **out)
{
	struct hops *hops = calloc(1, sizeof(*hops));
	int rc;

	if (!hops)
		return -ENOMEM;
	hops->loop = loop;
	for (int i = 0; i < HOPS_URGENCY_N; i++)
		TAILQ_INIT(&hops->waiting[i]);
	TAILQ_INIT(&hops->running);
	rc = loop_timer_new(loop, "hops", hops_step, hops, &hops->timer);
	if (rc < 0) {
		free(hops);
		return rc;
	}
	hops_configure(hops, config);
	*out = hops;
	return 0;
}

void
hops_configure(struct hops *hops, const struct hops_config *config)
{
	hops_budget_set(&hops->budget, config, clock_mono_ns());
	hops_step_soon(hops);
}

/* ---- the lists ---- */

static void
hops_run_free(struct hops_run *run)
{
	loop_fd_free(run->watch);
	if (run->fd >= 0)
		close(run->fd);
	free(run);
}

static void
hops_forget(struct hops_request *r)
{
	struct hops *hops = r->hops;

	if (r->run) {
		TAILQ_REMOVE(&hops->running, r, entry);
		hops->stats.running--;
		hops_run_free(r->run);
	} else {
		TAILQ_REMOVE(&hops->waiting[r->ask.urgency], r, entry);
		hops->stats.waiting--;
	}
	free(r);
}

void
hops_free(struct hops *hops)
{
	struct hops_request *r;

	if (!hops)
		return;
	for (int i = 0; i < HOPS_URGENCY_N; i++)
		while ((r = TAILQ_FIRST(&hops->waiting[i])))
			hops_forget(r);
	while ((r = TAILQ_FIRST(&hops->running)))
		hops_forget(r);
	loop_timer_free(hops->timer);
	free(hops);
}

static bool
hops_ask_is_valid(const struct hops_ask *ask)
{
	return ask->routers > 0 && ask->routers <= HOPS_MAX && ask->asks > 0 && ask->asks <= 2 &&
	       ask->urgency < HOPS_URGENCY_N && ask->tuple.src_port > 0 &&
	       ask->tuple.flow_label <= 0xfffff &&
	       addr_is_v4(&ask->tuple.source) == addr_is_v4(&ask->tuple.destination) &&
	       !addr_is_zero(&ask->tuple.source) && !addr_is_zero(&ask->tuple.destination);
}

int
hops_trace(struct hops *hops, const struct hops_ask *ask, struct hops_request **out)
{
	uint8_t n = ask->before ? ask->before->n_hops : 0;
	struct hops_request *r;

	if (!hops_ask_is_valid(ask) || n > HOPS_MAX)
		return -EINVAL;
	if (hops->stats.waiting >= HOPS_WAITING_MAX) {
		hops->stats.refused++;
		return -ENOBUFS;
	}
	r = calloc(1, sizeof(*r) + n * sizeof(r->before[0]));
	if (!r)
		return -ENOMEM;
	r->hops = hops;
	r->ask = *ask;
	r->ask.before = NULL;
	r->n_before = n;
	for (uint8_t i = 0; i < n; i++)
		r->before[i] = ask->before->hops[i].address;
	TAILQ_INSERT_TAIL(&hops->waiting[ask->urgency], r, entry);
	hops->stats.waiting++;
	hops_step_soon(hops);
	*out = r;
	return 0;
}

void
hops_cancel(struct hops_request *request)
{
	if (!request)
		return;
	hops_step_soon(request->hops);
	hops_forget(request);
}

void
hops_stats(const struct hops *hops, struct hops_stats *out)
{
	*out = hops->stats;
}

/* ---- the end of a trace ---- */

static void
hops_end(struct hops_request *r)
{
	struct hops_ask ask = r->ask;
	struct hops_path path = r->run->path;

	path.time_ns = clock_wall_ns();
	r->hops->stats.traced++;
	r->hops->stats.failed += path.error != 0;
	hops_forget(r);
	ask.done(ask.arg, &path);
}

static void
hops_fail(struct hops_request *r, int error, const char *reason)
{
	struct hops_path *path = &r->run->path;
	struct hops_tuple tuple = path->tuple;

	*path = (struct hops_path){.tuple = tuple, .error = error, .reason = reason};
	r->run->trace.done = true;
}

/* ---- answers ---- */

static struct hops_gateway *
hops_gateway(struct hops *hops, const struct addr *source)
{
	return &hops->gateways[source->raw[15] % HOPS_GATEWAYS];
}

static void
hops_answered(struct hops_request *r, const struct trace_answer *answer)
{
	struct hops *hops = r->hops;
	uint64_t now_ns = clock_mono_ns();

	if (!trace_answered(&r->run->trace, answer, now_ns)) {
		hops->stats.foreign++;
		return;
	}
	hops->stats.answers++;
	if (answer->ttl == 0 ||
	    !addr_equal(&r->run->expected[answer->ttl - 1], &answer->from))
		hops_budget_charge(&hops->budget, &answer->from, now_ns);
	if (answer->ttl == 1)
		*hops_gateway(hops, &r->ask.tuple.source) = (struct hops_gateway){
			.source = r->ask.tuple.source, .first = answer->from};
}

/* Whoever sends to this port is not heard. */
static void
hops_drain(int fd)
{
	char byte;

	for (int i = 0; i < HOPS_ERRORS_PER_CALL; i++)
		if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0 &&
		    (errno == EAGAIN || errno == EBADF))
			break;
}

static void
hops_readable(void *arg, int events)
{
	struct hops_request *r = arg;
	struct trace_answer answer;
	int rc = 0;

	(void)events;
	for (int i = 0; i < HOPS_ERRORS_PER_CALL && rc >= 0; i++) {
		rc = hops_socket_take(r->run->fd, r->run->nonce, &answer);
		if (rc > 0)
			hops_answered(r, &answer);
		else if (rc == 0)
			r->hops->stats.foreign++;
	}
	hops_drain(r->run->fd);
	hops_step_soon(r->hops);
}

/* ---- the beginning of a trace ---- */

static int
hops_open(struct hops_request *r, const char **reason)
{
	struct loop_fd_config config = {.events = LOOP_READ, .priority = LOOP_PRIORITY_NORMAL,
					.name = "hops", .cb = hops_readable, .arg = r};
	int rc = hops_socket_open(&r->ask.tuple, reason);

	if (rc < 0)
		return rc;
	r->run->fd = config.fd = rc;
	*reason = "the socket cannot be watched";
	return loop_fd_new(r->hops->loop, &config, &r->run->watch);
}

/* The first of these gets what the budget leaves: the most urgent one, then the oldest. */
static void
hops_run_after(struct hops *hops, struct hops_request *r)
{
	struct hops_request *last = TAILQ_LAST(&hops->running, hops_list);

	while (last && last->ask.urgency > r->ask.urgency)
		last = TAILQ_PREV(last, hops_list, entry);
	if (last)
		TAILQ_INSERT_AFTER(&hops->running, last, r, entry);
	else
		TAILQ_INSERT_HEAD(&hops->running, r, entry);
}

static void
hops_run(struct hops_request *r)
{
	struct hops *hops = r->hops;
	struct hops_run *run = calloc(1, sizeof(*run));
	const char *reason = NULL;
	int rc;

	if (!run)
		return;
	TAILQ_REMOVE(&hops->waiting[r->ask.urgency], r, entry);
	hops->stats.waiting--;
	hops_run_after(hops, r);
	hops->stats.running++;
	r->run = run;
	run->fd = -1;
	run->path.tuple = r->ask.tuple;
	(void)!getrandom(&run->nonce, sizeof(run->nonce), GRND_NONBLOCK);
	trace_begin(&run->trace, &run->path, r->ask.routers, r->ask.asks);
	rc = hops_open(r, &reason);
	if (rc < 0)
		hops_fail(r, rc, reason);
}

static bool
hops_port_is_in_use(const struct hops *hops, const struct hops_tuple *tuple)
{
	const struct hops_request *r;

	TAILQ_FOREACH(r, &hops->running, entry)
		if (r->ask.tuple.src_port == tuple->src_port &&
		    addr_equal(&r->ask.tuple.source, &tuple->source))
			return true;
	return false;
}

/* The next that may begin, or NULL. */
static struct hops_request *
hops_next(struct hops *hops)
{
	struct hops_request *r;
	int passed = 0;

	for (int i = 0; i < HOPS_URGENCY_N; i++)
		TAILQ_FOREACH(r, &hops->waiting[i], entry) {
			if (!hops_port_is_in_use(hops, &r->ask.tuple))
				return r;
			if (++passed > HOPS_LOOK_AHEAD)
				return NULL;
		}
	return NULL;
}

/* ---- steps ---- */

/* What stands for whoever will answer this TTL: no address of an interface (RFC 6666). */
static struct addr
hops_unknown(const struct addr *source, uint8_t ttl)
{
	struct addr address = *source;

	address.raw[0] = 1;
	address.raw[1] = ttl;
	return address;
}

/* Who will answer this TTL. */
static struct addr
hops_expected(const struct hops_request *r, uint8_t ttl)
{
	const struct addr *source = &r->ask.tuple.source;
	const struct hops_gateway *gateway = hops_gateway(r->hops, source);
	const struct addr *heard = &r->run->path.hops[ttl - 1].address;

	if (!addr_is_zero(heard))
		return *heard;
	if (ttl <= r->n_before && !addr_is_zero(&r->before[ttl - 1]))
		return r->before[ttl - 1];
	if (ttl == 1 && addr_equal(&gateway->source, source))
		return gateway->first;
	return hops_unknown(source, ttl);
}

static void
hops_send(struct hops_request *r, uint8_t ttl, const struct addr *expected, uint64_t now_ns)
{
	struct hops *hops = r->hops;
	int rc = hops_socket_send(r->run->fd, &r->ask.tuple, ttl, r->run->nonce);

	hops_budget_take(&hops->budget, now_ns);
	if (rc < 0 && r->run->path.sent == 0) {
		hops_fail(r, rc, "no route to the destination");
		return;
	}
	hops->stats.sent++;
	hops_budget_charge(&hops->budget, expected, now_ns);
	r->run->expected[ttl - 1] = *expected;
	trace_sent(&r->run->trace, ttl, now_ns);
}

/* Sends what may go now. Returns the time of the next step for it. */
static uint64_t
hops_advance(struct hops_request *r, uint64_t now_ns)
{
	struct trace *trace = &r->run->trace;
	uint8_t ttl;

	while ((ttl = trace_next(trace, now_ns))) {
		struct addr expected = hops_expected(r, ttl);
		uint64_t ready_ns = hops_budget_ready_ns(&r->hops->budget, &expected);

		if (ready_ns > now_ns)
			return ready_ns;
		hops_send(r, ttl, &expected, now_ns);
	}
	return trace->done ? now_ns : trace->deadline_ns;
}

static struct hops_request *
hops_first_done(const struct hops *hops)
{
	struct hops_request *r;

	TAILQ_FOREACH(r, &hops->running, entry)
		if (r->run->trace.done)
			return r;
	return NULL;
}

static void
hops_begin(struct hops *hops)
{
	struct hops_request *r;
	size_t running;

	while (hops->stats.running < HOPS_RUNNING_MAX && (r = hops_next(hops))) {
		running = hops->stats.running;
		hops_run(r);
		if (hops->stats.running == running)
			break; /* no memory: at the next step */
	}
}

static void
hops_step(void *arg)
{
	struct hops *hops = arg;
	struct hops_request *r;
	uint64_t now_ns = clock_mono_ns(), next_ns = UINT64_MAX;

	hops_begin(hops);
	TAILQ_FOREACH(r, &hops->running, entry) {
		uint64_t at_ns = hops_advance(r, now_ns);

		if (at_ns < next_ns)
			next_ns = at_ns;
	}
	if (next_ns != UINT64_MAX)
		loop_timer_set(hops->timer, next_ns > now_ns ? next_ns - now_ns : 0);
	else if (hops->stats.waiting)
		loop_timer_set(hops->timer, NSEC_PER_SEC);
	r = hops_first_done(hops);
	if (!r)
		return;
	/* One at a time: `done` may ask for more, or cancel others. */
	hops_step_soon(hops);
	hops_end(r);
}
