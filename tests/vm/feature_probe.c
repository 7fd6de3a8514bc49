/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the kernel for one feature after the other, by the system calls that use it, and says what
 * it answered. Nothing is concluded from versions. It shares no code with the daemon. usage() says
 * what it does.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "feature_probe.h"

#define BTF_MAGIC 0xEB9FU
/* In ib_core, a module, called whenever a program moves a QP from state to state. */
#define HOOKED "ib_modify_qp_with_udata"

static void
usage(FILE *to)
{
	fputs("Usage: feature_probe DEVICE FEATURE...\n"
	      "\n"
	      "Prints a JSON object: for each FEATURE \"is\", which is \"yes\" or \"no\", and with "
	      "no also \"why\": the step that failed and\n"
	      "the error's name. DEVICE is an RDMA device, for instance rxe0.\n"
	      "\n"
	      "  timestamps    an extended completion queue of DEVICE with completion timestamps "
	      "can be made\n"
	      "  vmlinux_btf   the kernel's own BTF can be read\n"
	      "  ib_core_btf   that of the module ib_core can\n"
	      "  ring_buffer   a BPF ring buffer can be made\n"
	      "  load          a BPF program for a kprobe can be loaded, and its map made\n"
	      "  perf_kprobe   such a program on a function of ib_core, by perf_event_open(2), "
	      "counts what is done on DEVICE\n"
	      "  kprobe_multi  the same by a link of type kprobe.multi\n"
	      "  bpf_timer     a program starts a timer, whose callback runs\n"
	      "  bpf_iter      a program runs for each task when an iterator is read\n"
	      "  sleepable     a program at the entry of a system call reads the caller's memory "
	      "by bpf_copy_from_user()\n"
	      "  bpf_lsm       a program on the security hook file_open counts an open(2)\n"
	      "  task_storage  a program counts in a task's own storage, and the count is read "
	      "back\n"
	      "  dynptr        a program writes into a map's value through a dynptr\n"
	      "  arena         a program writes into a page of an arena, and this process reads it "
	      "there\n"
	      "\n"
	      "Exit status: 0 whatever the answers are, 2 for a wrong call.\n",
	      to);
}

static const char *device_name;
const char *step;

/* A map of one counter, and a program that counts its calls there. */
struct counter {
	int map, program;
};

static int
counter_load(struct counter *counter, enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type);

	step = "map";
	counter->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "feature_probe", sizeof(uint32_t),
				      sizeof(uint64_t), 1, NULL);
	if (counter->map < 0)
		return counter->map;
	struct bpf_insn code[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = counter->map},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1},
		{.code = BPF_STX | BPF_XADD | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	step = "load";
	counter->program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "feature_probe", "GPL", code,
					 sizeof(code) / sizeof(code[0]), &opts);
	if (counter->program < 0)
		close(counter->map);
	return counter->program < 0 ? counter->program : 0;
}

static void
counter_free(struct counter *counter)
{
	close(counter->program);
	close(counter->map);
}

static struct ibv_context *
device_open(void)
{
	struct ibv_context *ctx = NULL;
	struct ibv_device **list = ibv_get_device_list(NULL);

	step = "open";
	for (int i = 0; list && list[i]; i++)
		if (strcmp(ibv_get_device_name(list[i]), device_name) == 0)
			ctx = ibv_open_device(list[i]);
	if (list)
		ibv_free_device_list(list);
	return ctx;
}

/* Makes a QP and moves it to INIT, which calls the hooked function. */
static int
device_modify_qp(void)
{
	struct ibv_qp_init_attr init =
		{.qp_type = IBV_QPT_UD,
		 .cap = {.max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1}};
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = 1};
	struct ibv_context *ctx = device_open();
	struct ibv_pd *pd = ctx ? ibv_alloc_pd(ctx) : NULL;
	struct ibv_cq *cq = pd ? ibv_create_cq(ctx, 1, NULL, NULL, 0) : NULL;
	struct ibv_qp *qp;
	int rc;

	init.send_cq = init.recv_cq = cq;
	qp = cq ? ibv_create_qp(pd, &init) : NULL;
	step = "QP";
	rc = qp ? -ibv_modify_qp(qp, &attr,
				 IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY) :
		  -errno;
	if (qp)
		ibv_destroy_qp(qp);
	if (cq)
		ibv_destroy_cq(cq);
	if (pd)
		ibv_dealloc_pd(pd);
	if (ctx)
		ibv_close_device(ctx);
	return rc;
}

/* The program is attached: it must count. */
static int
counter_counts(const struct counter *counter)
{
	uint32_t key = 0;
	uint64_t n = 0;
	int rc = device_modify_qp();

	if (rc)
		return rc;
	step = "count";
	rc = bpf_map_lookup_elem(counter->map, &key, &n);
	return rc ? rc : n ? 0 : -ENODATA;
}

static int
probe_timestamps(void)
{
	struct ibv_cq_init_attr_ex attr = {.cqe = 1,
					   .wc_flags = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP};
	struct ibv_context *ctx = device_open();
	struct ibv_cq_ex *cq;
	int rc;

	if (!ctx)
		return -errno;
	step = "CQ";
	errno = 0;
	cq = ibv_create_cq_ex(ctx, &attr);
	rc = cq ? 0 : errno ? -errno : -EIO;
	if (cq)
		ibv_destroy_cq(ibv_cq_ex_to_cq(cq));
	ibv_close_device(ctx);
	return rc;
}

static int
probe_btf(const char *path)
{
	uint16_t magic = 0;
	ssize_t n;
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	step = "open";
	if (fd < 0)
		return -errno;
	step = "read";
	n = read(fd, &magic, sizeof(magic));
	rc = n < 0 ? -errno : magic == BTF_MAGIC ? 0 : -EBADMSG;
	close(fd);
	return rc;
}

static int
probe_vmlinux_btf(void)
{
	return probe_btf("/sys/kernel/btf/vmlinux");
}

static int
probe_ib_core_btf(void)
{
	return probe_btf("/sys/kernel/btf/ib_core");
}

static int
probe_ring_buffer(void)
{
	int fd;

	step = "map";
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "feature_probe", 0, 0,
			    (uint32_t)sysconf(_SC_PAGESIZE), NULL);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int
probe_load(void)
{
	struct counter counter;
	int rc = counter_load(&counter, 0);

	if (!rc)
		counter_free(&counter);
	return rc;
}

static int
perf_kprobe_open(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .kprobe_func = (uint64_t)(uintptr_t)HOOKED};
	FILE *f = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	int fd;

	step = "perf's type kprobe";
	if (!f)
		return -errno;
	fd = fscanf(f, "%u", &attr.type) == 1 ? 0 : -EBADMSG;
	fclose(f);
	if (fd)
		return fd;
	step = "perf_event_open";
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
perf_kprobe_attach(int event, const struct counter *counter)
{
	step = "attach";
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, counter->program) ||
	    ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return counter_counts(counter);
}

static int
probe_perf_kprobe(void)
{
	struct counter counter;
	int event, rc = counter_load(&counter, 0);

	if (rc)
		return rc;
	event = perf_kprobe_open();
	rc = event < 0 ? event : perf_kprobe_attach(event, &counter);
	if (event >= 0)
		close(event);
	counter_free(&counter);
	return rc;
}

static int
probe_kprobe_multi(void)
{
	const char *symbols[] = {HOOKED};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .kprobe_multi = {.syms = symbols, .cnt = 1});
	struct counter counter;
	int link, rc = counter_load(&counter, BPF_TRACE_KPROBE_MULTI);

	if (rc)
		return rc;
	step = "link";
	link = bpf_link_create(counter.program, 0, BPF_TRACE_KPROBE_MULTI, &opts);
	rc = link < 0 ? link : counter_counts(&counter);
	if (link >= 0)
		close(link);
	counter_free(&counter);
	return rc;
}

static const struct {
	const char *name;
	int (*probe)(void);
} features[] = {
	{"timestamps", probe_timestamps},
	{"vmlinux_btf", probe_vmlinux_btf},
	{"ib_core_btf", probe_ib_core_btf},
	{"ring_buffer", probe_ring_buffer},
	{"load", probe_load},
	{"perf_kprobe", probe_perf_kprobe},
	{"kprobe_multi", probe_kprobe_multi},
	{"bpf_timer", probe_bpf_timer},
	{"bpf_iter", probe_bpf_iter},
	{"sleepable", probe_sleepable},
	{"bpf_lsm", probe_bpf_lsm},
	{"task_storage", probe_task_storage},
	{"dynptr", probe_dynptr},
	{"arena", probe_arena},
};
#define FEATURES_N (sizeof(features) / sizeof(features[0]))

static const char *
error_name(int err)
{
	const char *name = strerrorname_np(err);

	/* The kernel's own, which BPF lets out. */
	if (err == 524)
		return "ENOTSUPP";
	return name ? name : "unknown error";
}

static bool
print(const char *name, const char *separator)
{
	for (size_t i = 0; i < FEATURES_N; i++) {
		if (strcmp(features[i].name, name) != 0)
			continue;
		int rc = features[i].probe();

		if (rc)
			printf("%s\"%s\": {\"is\": \"no\", \"why\": \"%s: %s\"}", separator, name,
			       step, error_name(-rc));
		else
			printf("%s\"%s\": {\"is\": \"yes\"}", separator, name);
		return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	if (argc < 3 || argv[1][0] == '-') {
		usage(argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
		return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
	}
	device_name = argv[1];
	for (int i = 2; i < argc; i++) {
		if (!print(argv[i], i == 2 ? "{" : ", ")) {
			fprintf(stderr, "feature_probe: no feature %s\n", argv[i]);
			return 2;
		}
	}
	puts("}");
	return 0;
}
