/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes connected queue pairs (QPs) between two RDMA devices of this machine, as a service would,
 * for the tests of tracing. It uses libibverbs alone and shares no code with the daemon. usage()
 * says what it does.
 */
#include <arpa/inet.h>
#include <ctype.h>
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PORT 1
#define MESSAGE 64
#define PAUSE_MS 5
/* Everything is emulated, and slow: this only ends what hangs. */
#define PATIENCE_S 60

static void
usage(FILE *to)
{
	fputs("Usage: qpgen [OPTION]... DEVICE0 GIDINDEX0 DEVICE1 GIDINDEX1\n"
	      "\n"
	      "Makes pairs of connected QPs, one end on each device, brings them to RTS and prints "
	      "\"ready N\" (N pairs). Then in this\n"
	      "order what the options say; without --hold it ends after that.\n"
	      "\n"
	      "  --pairs N         how many pairs, default 1\n"
	      "  --type rc|uc      default rc\n"
	      "  --flow-label X    of both ends, default 0; 0x… is allowed\n"
	      "  --tos T           traffic class, default 0\n"
	      "  --sl S            service level, default 0\n"
	      "  --mtu M           256, 512, 1024 (default), 2048 or 4096\n"
	      "  --print           one JSON line for each QP, before \"ready\"\n"
	      "  --send N          N messages of 64 bytes through each pair, in both directions, 5 "
	      "ms apart; then \"sent N\"\n"
	      "  --error           moves all QPs to the state ERR; then \"error\"\n"
	      "  --hold SECONDS    keeps the QPs open; 0: until told. SIGTERM, SIGINT and lines on "
	      "standard input are obeyed\n"
	      "                    meanwhile: \"end\", \"error\", \"send N\". The end of a pipe "
	      "ends it as well\n"
	      "  --churn N         no pairs: opens and closes N QPs on DEVICE0, one after the "
	      "other, through INIT alone; then\n"
	      "                    \"churned N in T us\"\n"
	      "  --full            with --churn: through RTR and RTS, towards a QP that does not "
	      "exist\n"
	      "\n"
	      "Exit status: 0, 1 when something failed, 2 for a wrong call.\n",
	      to);
}

struct options {
	unsigned int pairs, sends, hold_s, churn;
	uint32_t flow_label;
	uint8_t tos, sl;
	enum ibv_mtu mtu;
	enum ibv_qp_type type;
	bool print, error, hold, full;
};

static struct options options = {.pairs = 1, .mtu = IBV_MTU_1024, .type = IBV_QPT_RC};

/* One of the two devices. */
struct end {
	const char *name;
	int gid_index;
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	union ibv_gid gid;
	uint8_t buffer[MESSAGE];
	struct ibv_qp **qps; /* options.pairs of them */
};

static struct end ends[2];
static volatile sig_atomic_t told_to_end;

/* error: positive errno; 0: none. */
static void __attribute__((noreturn))
die(const char *what, int error)
{
	fprintf(stderr, "qpgen: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
	exit(1);
}

static void
on_signal(int signo)
{
	(void)signo;
	told_to_end = 1;
}

static struct ibv_context *
open_device(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *context = NULL;

	if (!list)
		die("no RDMA devices", errno);
	for (int i = 0; list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			context = ibv_open_device(list[i]);
	ibv_free_device_list(list);
	if (!context)
		die(name, ENODEV);
	return context;
}

static void
open_end(struct end *end)
{
	end->context = open_device(end->name);
	if (ibv_query_gid(end->context, PORT, end->gid_index, &end->gid))
		die("GID", errno);
	end->pd = ibv_alloc_pd(end->context);
	if (!end->pd)
		die("ibv_alloc_pd", errno);
	end->mr = ibv_reg_mr(end->pd, end->buffer, sizeof(end->buffer), IBV_ACCESS_LOCAL_WRITE);
	if (!end->mr)
		die("ibv_reg_mr", errno);
	end->cq = ibv_create_cq(end->context, (int)options.pairs * 4 + 4, NULL, NULL, 0);
	if (!end->cq)
		die("ibv_create_cq", errno);
	end->qps = calloc(options.pairs, sizeof(struct ibv_qp *));
	if (!end->qps)
		die("QPs", ENOMEM);
}

static void
close_end(struct end *end)
{
	for (unsigned int i = 0; i < options.pairs; i++)
		if (end->qps[i])
			ibv_destroy_qp(end->qps[i]);
	free(end->qps);
	ibv_destroy_cq(end->cq);
	ibv_dereg_mr(end->mr);
	ibv_dealloc_pd(end->pd);
	ibv_close_device(end->context);
}

static struct ibv_qp *
make_qp(struct end *end)
{
	struct ibv_qp_init_attr init = {
		.send_cq = end->cq,
		.recv_cq = end->cq,
		.cap = {.max_send_wr = 2, .max_recv_wr = 2, .max_send_sge = 1, .max_recv_sge = 1},
		.qp_type = options.type,
	};
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_INIT, .port_num = PORT};
	struct ibv_qp *qp = ibv_create_qp(end->pd, &init);
	int rc;

	if (!qp)
		die("ibv_create_qp", errno);
	rc = ibv_modify_qp(qp, &attr,
			   IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	if (rc)
		die("to INIT", rc);
	return qp;
}

static void
to_rtr(const struct end *end, struct ibv_qp *qp, const union ibv_gid *remote, uint32_t remote_qpn)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = options.mtu,
		.dest_qp_num = remote_qpn,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = {
			.is_global = 1,
			.port_num = PORT,
			.sl = options.sl,
			.grh = {
				.dgid = *remote,
				.flow_label = options.flow_label,
				.sgid_index = (uint8_t)end->gid_index,
				.hop_limit = 64,
				.traffic_class = options.tos,
			},
		},
	};
	int mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN, rc;

	if (options.type == IBV_QPT_RC)
		mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
	rc = ibv_modify_qp(qp, &attr, mask);
	if (rc)
		die("to RTR", rc);
}

static void
to_rts(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_RTS,
				   .timeout = 16,
				   .retry_cnt = 7,
				   .rnr_retry = 7,
				   .max_rd_atomic = 1};
	int mask = IBV_QP_STATE | IBV_QP_SQ_PSN, rc;

	if (options.type == IBV_QPT_RC)
		mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			IBV_QP_MAX_QP_RD_ATOMIC;
	rc = ibv_modify_qp(qp, &attr, mask);
	if (rc)
		die("to RTS", rc);
}

static void
connect_pairs(void)
{
	for (unsigned int i = 0; i < options.pairs; i++) {
		for (int e = 0; e < 2; e++)
			ends[e].qps[i] = make_qp(&ends[e]);
		for (int e = 0; e < 2; e++)
			to_rtr(&ends[e], ends[e].qps[i], &ends[!e].gid, ends[!e].qps[i]->qp_num);
		for (int e = 0; e < 2; e++)
			to_rts(ends[e].qps[i]);
	}
}

static void
move_to_error(void)
{
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_ERR};

	for (unsigned int i = 0; i < 2 * options.pairs; i++) {
		int rc = ibv_modify_qp(ends[i % 2].qps[i / 2], &attr, IBV_QP_STATE);

		if (rc)
			die("to ERR", rc);
	}
	puts("error");
}

/* IPv4 as a dotted quad. */
static const char *
gid_text(const union ibv_gid *gid, char text[INET6_ADDRSTRLEN])
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};

	if (memcmp(gid->raw, v4, sizeof(v4)) == 0)
		inet_ntop(AF_INET, gid->raw + 12, text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, gid->raw, text, INET6_ADDRSTRLEN);
	return text;
}

static void
print_qps(void)
{
	char here[INET6_ADDRSTRLEN], there[INET6_ADDRSTRLEN];

	for (unsigned int i = 0; i < 2 * options.pairs; i++) {
		const struct end *end = &ends[i % 2], *other = &ends[i % 2 == 0];

		printf("{\"device\":\"%s\",\"qpn\":%u,\"remote_qpn\":%u,\"type\":\"%s\",\"gid\":\"%"
		       "s\",\"remote_gid\":\"%s\","
		       "\"flow_label\":%u,\"tos\":%u,\"sl\":%u,\"mtu\":%u,\"pid\":%d}\n",
		       end->name, end->qps[i / 2]->qp_num, other->qps[i / 2]->qp_num,
		       options.type == IBV_QPT_RC ? "RC" : "UC", gid_text(&end->gid, here),
		       gid_text(&other->gid, there), options.flow_label, options.tos, options.sl,
		       128U << options.mtu, (int)getpid());
	}
}

static void
post(struct end *end, struct ibv_qp *qp, bool receive)
{
	struct ibv_sge sge = {.addr = (uintptr_t)end->buffer,
			      .length = MESSAGE,
			      .lkey = end->mr->lkey};
	struct ibv_recv_wr recv_wr = {.sg_list = &sge, .num_sge = 1}, *bad_recv;
	struct ibv_send_wr send_wr = {
		.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED}, *bad_send;
	int rc = receive ? ibv_post_recv(qp, &recv_wr, &bad_recv) :
			   ibv_post_send(qp, &send_wr, &bad_send);

	if (rc)
		die(receive ? "ibv_post_recv" : "ibv_post_send", rc);
}

static void
pause_ms(unsigned int ms)
{
	struct timespec t = {.tv_nsec = (long)ms * 1000000};

	nanosleep(&t, NULL);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Takes `wanted` completions of one device. */
static void
await(struct end *end, unsigned int wanted)
{
	uint64_t until = now_ns() + PATIENCE_S * 1000000000ULL;
	struct ibv_wc wc;

	while (wanted > 0) {
		int n = ibv_poll_cq(end->cq, 1, &wc);

		if (n < 0)
			die("ibv_poll_cq", 0);
		if (n > 0 && wc.status != IBV_WC_SUCCESS)
			die(ibv_wc_status_str(wc.status), 0);
		wanted -= (unsigned int)n;
		if (n == 0 && now_ns() > until)
			die("no completion", ETIMEDOUT);
		if (n == 0)
			pause_ms(1);
	}
}

/*
 * Each message is through before the next one: a completion each for sending and receiving, on both
 * devices.
 */
static void
send_messages(unsigned int count)
{
	for (unsigned int n = 0; n < count && !told_to_end; n++) {
		for (unsigned int i = 0; i < options.pairs; i++)
			for (int e = 0; e < 2; e++)
				post(&ends[e], ends[e].qps[i], true);
		for (unsigned int i = 0; i < options.pairs; i++)
			for (int e = 0; e < 2; e++)
				post(&ends[e], ends[e].qps[i], false);
		for (int e = 0; e < 2; e++)
			await(&ends[e], 2 * options.pairs);
		pause_ms(PAUSE_MS);
	}
	printf("sent %u\n", count);
}

static void
churn(void)
{
	uint64_t begin = now_ns();
	unsigned int n;

	for (n = 0; n < options.churn && !told_to_end; n++) {
		struct ibv_qp *qp = make_qp(&ends[0]);

		if (options.full) {
			to_rtr(&ends[0], qp, &ends[1].gid, 0x123456);
			to_rts(qp);
		}
		ibv_destroy_qp(qp);
	}
	printf("churned %u in %llu us\n", n, (unsigned long long)(now_ns() - begin) / 1000);
}

static void
obey(const char *line)
{
	unsigned int n;

	if (!strcmp(line, "end"))
		told_to_end = 1;
	else if (!strcmp(line, "error"))
		move_to_error();
	else if (sscanf(line, "send %u", &n) == 1)
		send_messages(n);
	else
		die(line, EINVAL);
	fflush(stdout);
}

/* What standard input has: lines, in pieces or many at once. Returns false at its end. */
static bool
read_commands(void)
{
	static char line[256];
	static size_t len;
	char bytes[64];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n && !told_to_end; i++) {
		if (bytes[i] != '\n') {
			if (len < sizeof(line) - 1)
				line[len++] = bytes[i];
			continue;
		}
		line[len] = '\0';
		len = 0;
		obey(line);
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

static bool
stdin_is_pipe(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* Looks up ten times a second, as a signal may come between the look at the flag and the wait. */
static void
hold(void)
{
	uint64_t until = now_ns() + options.hold_s * 1000000000ULL;
	struct pollfd in = {.fd = stdin_is_pipe() || isatty(STDIN_FILENO) ? STDIN_FILENO : -1,
			    .events = POLLIN};

	while (!told_to_end && (!options.hold_s || now_ns() < until))
		if (poll(&in, 1, 100) > 0 && !read_commands())
			break;
}

static unsigned long
number(const char *name, const char *text, unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || value > max) {
		fprintf(stderr, "qpgen: %s: not a number from 0 to %lu: %s\n", name, max, text);
		exit(2);
	}
	return value;
}

static enum ibv_mtu
parse_mtu(const char *text)
{
	for (enum ibv_mtu mtu = IBV_MTU_256; mtu <= IBV_MTU_4096; mtu++)
		if (number("--mtu", text, 4096) == 128U << mtu)
			return mtu;
	fprintf(stderr, "qpgen: no such MTU: %s\n", text);
	exit(2);
}

static enum ibv_qp_type
parse_type(const char *text)
{
	if (strcmp(text, "rc") && strcmp(text, "uc")) {
		fprintf(stderr, "qpgen: neither rc nor uc: %s\n", text);
		exit(2);
	}
	return strcmp(text, "rc") ? IBV_QPT_UC : IBV_QPT_RC;
}

static void
parse_option(int option)
{
	switch (option) {
	case 'p': options.pairs = (unsigned int)number("--pairs", optarg, 100000); break;
	case 't': options.type = parse_type(optarg); break;
	case 'f': options.flow_label = (uint32_t)number("--flow-label", optarg, 0xfffff); break;
	case 'c': options.tos = (uint8_t)number("--tos", optarg, 255); break;
	case 's': options.sl = (uint8_t)number("--sl", optarg, 15); break;
	case 'm': options.mtu = parse_mtu(optarg); break;
	case 'P': options.print = true; break;
	case 'S': options.sends = (unsigned int)number("--send", optarg, 1000000); break;
	case 'E': options.error = true; break;
	case 'H':
		options.hold_s = (unsigned int)number("--hold", optarg, 1000000);
		options.hold = true;
		break;
	case 'C': options.churn = (unsigned int)number("--churn", optarg, 100000000); break;
	case 'F': options.full = true; break;
	case 'h': usage(stdout); exit(0);
	default: usage(stderr); exit(2);
	}
}

static void
parse(int argc, char **argv)
{
	static const struct option names[] = {
		{"pairs", required_argument, NULL, 'p'}, {"type", required_argument, NULL, 't'},
		{"flow-label", required_argument, NULL, 'f'}, {"tos", required_argument, NULL, 'c'},
		{"sl", required_argument, NULL, 's'}, {"mtu", required_argument, NULL, 'm'},
		{"print", no_argument, NULL, 'P'}, {"send", required_argument, NULL, 'S'},
		{"error", no_argument, NULL, 'E'}, {"hold", required_argument, NULL, 'H'},
		{"churn", required_argument, NULL, 'C'}, {"full", no_argument, NULL, 'F'},
		{"help", no_argument, NULL, 'h'}, {0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1)
		parse_option(option);
	if (argc - optind != 4)
		parse_option('?');
	for (int e = 0; e < 2; e++) {
		ends[e].name = argv[optind + 2 * e];
		ends[e].gid_index = (int)number("GIDINDEX", argv[optind + 2 * e + 1], 255);
	}
}

int
main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};

	parse(argc, argv);
	if (options.churn)
		options.pairs = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	for (int e = 0; e < 2; e++)
		open_end(&ends[e]);
	if (options.churn) {
		churn();
	} else {
		connect_pairs();
		if (options.print)
			print_qps();
		printf("ready %u\n", options.pairs);
		if (options.sends)
			send_messages(options.sends);
		if (options.error)
			move_to_error();
	}
	if (options.hold)
		hold();
	for (int e = 0; e < 2; e++)
		close_end(&ends[e]);
	return 0;
}
