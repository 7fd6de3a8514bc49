/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rpingmeshd is measured against: two processes that exchange UD messages and do nothing
 * else. One asks from its device, the other answers each message with `-r` of the same size; no
 * event loop, no protocol, no statistics.
 *
 *   -m pingpong  one message at a time, -n of them, -i microseconds apart: the times of round
 *                trips, from before the post until the last answer was seen
 *   -m flood     -w of them in flight, for -t seconds: round trips a second
 *
 * Both processes sleep on their completion channel; with -p the one that asks polls without a
 * pause instead, with -P both do.
 */
#include <errno.h>
#include <getopt.h>
#include <infiniband/verbs.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define QKEY 0x11111111u
#define DEPTH 1024
#define SLOT 4224 /* GRH and message */
#define GRH 40
#define ROUND_TRIPS_MAX 1000000
#define BATCH 16
#define SILENCE_MS 500 /* flood: what has not been answered by then is taken for lost */

struct side {
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *send_cq, *recv_cq;
	struct ibv_mr *mr;
	struct ibv_qp *qp;
	struct ibv_ah *ah;
	uint8_t *region; /* DEPTH receive slots, then one to send from */
	uint32_t peer_qpn;
	unsigned int unsent; /* posted, completion not seen */
};

struct name {
	union ibv_gid gid;
	uint32_t qpn;
};

static const char *device[2] = {"rxe0", "rxe1"};
static int gid_index[2] = {1, 1};
static unsigned int size = 50, round_trips = 1000, replies = 1, window = 64, seconds = 3, pause_us;
static bool flood, polling, both_poll;

static void
die(const char *what, int err)
{
	fprintf(stderr, "ud_bare: %s%s%s\n", what, err ? ": " : "", err ? strerror(err) : "");
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
open_device(struct side *s, const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);

	for (int i = 0; list && list[i] && !s->ctx; i++)
		if (strcmp(ibv_get_device_name(list[i]), name) == 0)
			s->ctx = ibv_open_device(list[i]);
	if (list)
		ibv_free_device_list(list);
	if (!s->ctx)
		die(name, ENODEV);
}

static void
post_receive(struct side *s, uint32_t slot)
{
	struct ibv_sge sge = {.addr = (uintptr_t)(s->region + (size_t)slot * SLOT),
			      .length = GRH + size,
			      .lkey = s->mr->lkey};
	struct ibv_recv_wr wr = {.wr_id = slot, .sg_list = &sge, .num_sge = 1}, *bad;
	int err = ibv_post_recv(s->qp, &wr, &bad);

	if (err)
		die("ibv_post_recv", err);
}

static void
make_qp(struct side *s)
{
	struct ibv_qp_init_attr init = {
		.send_cq = s->send_cq,
		.recv_cq = s->recv_cq,
		.cap = {.max_send_wr = DEPTH, .max_recv_wr = DEPTH, .max_send_sge = 1,
		.max_recv_sge = 1},
		.qp_type = IBV_QPT_UD,
	};
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = QKEY};

	s->qp = ibv_create_qp(s->pd, &init);
	if (!s->qp)
		die("ibv_create_qp", errno);
	if (ibv_modify_qp(s->qp, &attr,
			  IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY))
		die("INIT", errno);
	attr.qp_state = IBV_QPS_RTR;
	if (ibv_modify_qp(s->qp, &attr, IBV_QP_STATE))
		die("RTR", errno);
	attr.qp_state = IBV_QPS_RTS;
	if (ibv_modify_qp(s->qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN))
		die("RTS", errno);
}

static void
make_side(struct side *s, const char *name)
{
	open_device(s, name);
	s->region = aligned_alloc(4096, (size_t)SLOT * (DEPTH + 1) / 4096 * 4096 + 4096);
	s->pd = ibv_alloc_pd(s->ctx);
	s->channel = ibv_create_comp_channel(s->ctx);
	if (!s->region || !s->pd || !s->channel)
		die("resources", errno);
	memset(s->region, 0, (size_t)SLOT * (DEPTH + 1));
	s->mr = ibv_reg_mr(s->pd, s->region, (size_t)SLOT * (DEPTH + 1), IBV_ACCESS_LOCAL_WRITE);
	s->send_cq = ibv_create_cq(s->ctx, DEPTH, NULL, NULL, 0);
	s->recv_cq = ibv_create_cq(s->ctx, DEPTH, NULL, s->channel, 0);
	if (!s->mr || !s->send_cq || !s->recv_cq)
		die("memory region or completion queue", errno);
	make_qp(s);
	for (uint32_t i = 0; i < DEPTH; i++)
		post_receive(s, i);
	ibv_req_notify_cq(s->recv_cq, 0);
}

/* Tells the other side who we are, and learns who it is. */
static void
meet(struct side *s, int gid, int in, int out)
{
	struct name mine = {.qpn = s->qp->qp_num}, theirs;
	struct ibv_ah_attr attr = {.is_global = 1, .port_num = 1, .grh = {.hop_limit = 64}};

	if (ibv_query_gid(s->ctx, 1, gid, &mine.gid))
		die("no such GID", 0);
	if (write(out, &mine, sizeof(mine)) != sizeof(mine) ||
	    read(in, &theirs, sizeof(theirs)) != sizeof(theirs))
		die("the other side has gone", 0);
	s->peer_qpn = theirs.qpn;
	attr.grh.dgid = theirs.gid;
	attr.grh.sgid_index = (uint8_t)gid;
	s->ah = ibv_create_ah(s->pd, &attr);
	if (!s->ah)
		die("ibv_create_ah", errno);
}

static void
reap_sends(struct side *s)
{
	struct ibv_wc wc[BATCH];
	int n;

	while (s->unsent && (n = ibv_poll_cq(s->send_cq, BATCH, wc)) > 0) {
		for (int i = 0; i < n; i++)
			if (wc[i].status != IBV_WC_SUCCESS)
				die(ibv_wc_status_str(wc[i].status), 0);
		s->unsent -= (unsigned int)n;
	}
}

static void
post_send(struct side *s)
{
	struct ibv_sge sge = {.addr = (uintptr_t)(s->region + (size_t)DEPTH * SLOT),
			      .length = size,
			      .lkey = s->mr->lkey};
	struct ibv_send_wr wr = {
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.ud = {.ah = s->ah, .remote_qpn = s->peer_qpn, .remote_qkey = QKEY},
	}, *bad;
	int err;

	do
		reap_sends(s);
	while (s->unsent >= DEPTH);
	err = ibv_post_send(s->qp, &wr, &bad);
	if (err)
		die("ibv_post_send", err);
	s->unsent++;
}

/*
 * Messages that have arrived, their buffers posted again; waits for one for limit_ms at most (-1:
 * for ever).
 */
static unsigned int
receive(struct side *s, int limit_ms)
{
	uint64_t end = limit_ms < 0 ? UINT64_MAX : now_ns() + (uint64_t)limit_ms * 1000000u;
	struct pollfd fd = {.fd = s->channel->fd, .events = POLLIN};
	struct ibv_wc wc[BATCH];
	struct ibv_cq *cq;
	void *context;
	int n;

	while ((n = ibv_poll_cq(s->recv_cq, BATCH, wc)) == 0) {
		if (polling) {
			if (now_ns() >= end)
				return 0;
			continue;
		}
		if (poll(&fd, 1, limit_ms) == 0)
			return 0;
		if (ibv_get_cq_event(s->channel, &cq, &context))
			die("ibv_get_cq_event", errno);
		ibv_ack_cq_events(cq, 1);
		ibv_req_notify_cq(cq, 0);
	}
	if (n < 0)
		die("ibv_poll_cq", 0);
	for (int i = 0; i < n; i++) {
		if (wc[i].status != IBV_WC_SUCCESS)
			die(ibv_wc_status_str(wc[i].status), 0);
		post_receive(s, (uint32_t)wc[i].wr_id);
	}
	return (unsigned int)n;
}

static void
answer(struct side *s)
{
	for (;;) {
		unsigned int n = receive(s, -1) * replies;

		while (n--)
			post_send(s);
	}
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
ask_one_by_one(struct side *s)
{
	static uint64_t took[ROUND_TRIPS_MAX];
	unsigned int n = 0, lost = 0;
	uint64_t sum = 0;

	while (n < round_trips && lost < round_trips) {
		uint64_t begin = now_ns();
		unsigned int got = 0, more = 1;

		post_send(s);
		while (more && got < replies)
			got += more = receive(s, SILENCE_MS);
		if (!more) {
			lost++;
			continue;
		}
		took[n] = now_ns() - begin;
		sum += took[n++];
		if (pause_us)
			usleep(pause_us);
	}
	if (n < round_trips)
		die("no answers", 0);
	qsort(took, n, sizeof(took[0]), by_value);
	printf("{\"mode\": \"pingpong\", \"n\": %u, \"lost\": %u, \"mean_ns\": %llu, \"p50_ns\": "
	       "%llu, \"p99_ns\": %llu}\n",
	       n, lost, (unsigned long long)(sum / n), (unsigned long long)took[n / 2],
	       (unsigned long long)took[n - 1 - n / 100]);
}

static void
ask_many(struct side *s)
{
	uint64_t begin = now_ns(), end = begin + seconds * 1000000000ULL, answers = 0, asked = 0;
	unsigned int silences = 0, flying = 0; /* flying: answers that are still to come */

	while (now_ns() < end) {
		unsigned int got;

		while (flying + replies <= window * replies) {
			post_send(s);
			asked++;
			flying += replies;
		}
		got = receive(s, SILENCE_MS);
		answers += got;
		flying = got && got < flying ? flying - got : 0;
		silences += !got;
	}
	printf("{\"mode\": \"flood\", \"asked\": %llu, \"answers\": %llu, \"silences\": %u, "
	       "\"per_s\": %.1f}\n",
	       (unsigned long long)asked, (unsigned long long)answers, silences,
	       (double)answers / replies * 1e9 / (double)(now_ns() - begin));
}

static void
parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "m:d:g:D:G:s:n:i:r:w:t:pP")) != -1) {
		switch (option) {
		case 'm': flood = strcmp(optarg, "flood") == 0; break;
		case 'd': device[0] = optarg; break;
		case 'g': gid_index[0] = atoi(optarg); break;
		case 'D': device[1] = optarg; break;
		case 'G': gid_index[1] = atoi(optarg); break;
		case 's': size = (unsigned int)atoi(optarg); break;
		case 'n': round_trips = (unsigned int)atoi(optarg); break;
		case 'i': pause_us = (unsigned int)atoi(optarg); break;
		case 'r': replies = (unsigned int)atoi(optarg); break;
		case 'w': window = (unsigned int)atoi(optarg); break;
		case 't': seconds = (unsigned int)atoi(optarg); break;
		case 'p': polling = true; break;
		case 'P': polling = both_poll = true; break;
		default: size = 0; break;
		}
	}
	if (size < 1 || size > SLOT - GRH || round_trips < 1 || round_trips > ROUND_TRIPS_MAX ||
	    replies < 1 || window < 1 || window * replies > DEPTH || seconds < 1 ||
	    optind != argc) {
		fprintf(stderr, "Usage: ud_bare [-m pingpong|flood] [-d DEVICE -g GIDINDEX] [-D "
				"DEVICE -G GIDINDEX] [-s SIZE] [-r REPLIES]\n"
				"               [-p|-P] [-n ROUNDTRIPS] [-i PAUSE_US] [-w WINDOW] "
				"[-t SECONDS]\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct side side = {0};
	int there[2], back[2];
	pid_t child;

	parse(argc, argv);
	if (pipe(there) || pipe(back))
		die("pipe", errno);
	child = fork();
	if (child < 0)
		die("fork", errno);
	make_side(&side, device[child ? 0 : 1]);
	meet(&side, gid_index[child ? 0 : 1], child ? back[0] : there[0],
	     child ? there[1] : back[1]);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		polling = both_poll;
		answer(&side);
	}
	if (flood)
		ask_many(&side);
	else
		ask_one_by_one(&side);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
