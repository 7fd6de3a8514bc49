/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of BPF programs that the daemon does not use: feature_probe.h. Each program leaves MARK, or
 * a count, where this process can read it: that it could be loaded is not enough.
 */
#include "feature_probe.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NAME "feature_probe"
#define MARK 0x5ca1ab1e
/* linux/bpf.h of Linux 6.9 has these. */
#define MAP_TYPE_ARENA 33
#define ADDR_SPACE_CAST 1
/* A system call with an argument in memory, that nobody else makes much. */
#ifdef __aarch64__
#define SLEEP_CALL "__arm64_sys_nanosleep"
#else
#define SLEEP_CALL "__x64_sys_nanosleep"
#endif

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define INSN(c, d, s, o, i) {.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)}
#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD_IMM(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Skips the next "skip" instructions. */
#define IF_ZERO(d, skip) INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, skip, 0)
#define IF_NOT_ZERO(d, skip) INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, skip, 0)
#define STORE(d, o, s) INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE_IMM(d, o, i) INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, i)
#define LOAD(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define COUNT(d, s) INSN(BPF_STX | BPF_XADD | BPF_DW, d, s, 0, 0)
/* Two instructions: a value of 64 bits; the map; the address of the map's first value; a callback
 * "off" instructions after the second. */
#define WIDE(d, kind, low, high) \
	INSN(BPF_LD | BPF_DW | BPF_IMM, d, kind, 0, low), INSN(0, 0, 0, 0, high)
#define VALUE64(d, v) WIDE(d, 0, (int32_t)(uint32_t)(v), (int32_t)(uint32_t)((v) >> 32))
#define MAP(d, fd) WIDE(d, BPF_PSEUDO_MAP_FD, fd, 0)
#define MAP_VALUE(d, fd) WIDE(d, BPF_PSEUDO_MAP_VALUE, fd, 0)
#define CALLBACK(d, off) WIDE(d, BPF_PSEUDO_FUNC, (off) + 1, 0)

static int
array_make(uint32_t value_bytes)
{
	step = "map";
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, NAME, sizeof(uint32_t), value_bytes, 1, NULL);
}

/* Whether the first 8 bytes of the first value are more than nothing, or are "wanted". */
static int
array_has(int map, uint64_t wanted)
{
	uint32_t key = 0;
	uint64_t n = 0;
	int rc;

	step = "count";
	rc = bpf_map_lookup_elem(map, &key, &n);
	return rc ? rc : (wanted ? n == wanted : n > 0) ? 0 : -ENODATA;
}

/* The map is closed if the program is not loaded. */
static int
program_load(enum bpf_prog_type type, const struct bpf_insn *code, size_t n,
	     const struct bpf_prog_load_opts *opts)
{
	step = "load";
	return bpf_prog_load(type, NAME, "GPL", code, n, opts);
}

/* A program on a function of the kernel, which libbpf finds by what it is attached to as. */
static int
traced_load(enum bpf_prog_type type, enum bpf_attach_type attach, const char *function,
	    uint32_t flags, const struct bpf_insn *code, size_t n)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach, .prog_flags = flags);
	int id;

	step = "BTF";
	id = libbpf_find_vmlinux_btf_id(function, attach);
	if (id < 0)
		return id;
	opts.attach_btf_id = (uint32_t)id;
	return program_load(type, code, n, &opts);
}

/* Attaches a program of the kinds fentry and lsm, which it closes, calls trigger(), and detaches
 * it. */
static int
traced_run(int program, void (*trigger)(void))
{
	int link;

	if (program < 0)
		return program;
	step = "attach";
	link = bpf_raw_tracepoint_open(NULL, program);
	close(program);
	if (link < 0)
		return link;
	trigger();
	close(link);
	return 0;
}

/* Runs a program of the kind sched_cls, which it closes, once; what it returns is an error. */
static int
once_run(int program)
{
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = 1);
	int rc;

	if (program < 0)
		return program;
	step = "run";
	rc = bpf_prog_test_run_opts(program, &opts);
	close(program);
	return rc ? rc : (int)opts.retval;
}

/* --- timer ----------------------------------------------------------------------------------- */

/* What the map's value is: the kernel finds the timer in it by its BTF. */
struct timed {
	struct bpf_timer timer;
	uint64_t fired;
};

/* BTF of the map and of the two functions of the program. */
struct timer_types {
	struct btf *btf;
	int key, value, main, callback;
};

static int
timer_types_make(struct timer_types *types)
{
	struct btf *btf = types->btf = btf__new_empty();
	int u64, timer, proto, rc;

	if (!btf)
		return -errno;
	types->key = btf__add_int(btf, "unsigned int", 4, 0);
	u64 = btf__add_int(btf, "unsigned long long", 8, 0);
	timer = btf__add_struct(btf, "bpf_timer", sizeof(struct bpf_timer));
	rc = btf__add_field(btf, "a", u64, 0, 0);
	rc = rc ? rc : btf__add_field(btf, "b", u64, 64, 0);
	types->value = btf__add_struct(btf, "timed", sizeof(struct timed));
	rc = rc ? rc : btf__add_field(btf, "timer", timer, 0, 0);
	rc = rc ? rc : btf__add_field(btf, "fired", u64, 8 * offsetof(struct timed, fired), 0);
	proto = btf__add_func_proto(btf, types->key);
	types->main = btf__add_func(btf, "starts", BTF_FUNC_STATIC, proto);
	proto = btf__add_func_proto(btf, types->key);
	rc = rc ? rc : btf__add_func_param(btf, "map", u64);
	rc = rc ? rc : btf__add_func_param(btf, "key", u64);
	rc = rc ? rc : btf__add_func_param(btf, "value", u64);
	types->callback = btf__add_func(btf, "fires", BTF_FUNC_STATIC, proto);
	return rc ? rc : btf__load_into_kernel(btf);
}

static int
timer_run(const struct timer_types *types, int map)
{
	struct bpf_insn code[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		MOV(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -4),
		MAP(BPF_REG_1, map),
		CALL(BPF_FUNC_map_lookup_elem),
		IF_ZERO(BPF_REG_0, 14),
		MOV(BPF_REG_6, BPF_REG_0),
		MOV(BPF_REG_1, BPF_REG_6),
		MAP(BPF_REG_2, map),
		MOV_IMM(BPF_REG_3, CLOCK_MONOTONIC),
		CALL(BPF_FUNC_timer_init),
		MOV(BPF_REG_1, BPF_REG_6),
		CALLBACK(BPF_REG_2, 6),
		CALL(BPF_FUNC_timer_set_callback),
		MOV(BPF_REG_1, BPF_REG_6),
		MOV_IMM(BPF_REG_2, 1000000),
		MOV_IMM(BPF_REG_3, 0),
		CALL(BPF_FUNC_timer_start),
		EXIT(), /* -> what starting it has answered; 0 if there is no value */
		/* the callback */
		STORE_IMM(BPF_REG_3, offsetof(struct timed, fired), MARK),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	struct bpf_func_info functions[] = {
		{.insn_off = 0, .type_id = (uint32_t)types->main},
		{.insn_off = N(code) - 3, .type_id = (uint32_t)types->callback},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_btf_fd = (uint32_t)btf__fd(types->btf),
		    .func_info = functions, .func_info_cnt = N(functions),
		    .func_info_rec_size = sizeof(functions[0]));
	uint32_t key = 0;
	struct timed value = {.fired = 0};
	int rc = once_run(program_load(BPF_PROG_TYPE_SCHED_CLS, code, N(code), &opts));

	step = rc ? step : "count";
	for (int i = 0; !rc && value.fired != MARK; i++) {
		usleep(10000);
		rc = bpf_map_lookup_elem(map, &key, &value);
		rc = rc || i < 500 ? rc : -ENODATA;
	}
	return rc;
}

int
probe_bpf_timer(void)
{
	struct timer_types types = {0};
	int map = -1, rc;

	step = "BTF";
	rc = timer_types_make(&types);
	if (!rc) {
		LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_fd = (uint32_t)btf__fd(types.btf),
			    .btf_key_type_id = (uint32_t)types.key,
			    .btf_value_type_id = (uint32_t)types.value);

		step = "map";
		map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NAME, sizeof(uint32_t),
				     sizeof(struct timed), 1, &opts);
		rc = map < 0 ? map : timer_run(&types, map);
	}
	if (map >= 0)
		close(map);
	btf__free(types.btf);
	return rc;
}

/* --- on the kernel's functions --------------------------------------------------------------- */

static int
iterate(int program)
{
	char bytes[64];
	int link, iterator, rc;

	if (program < 0)
		return program;
	step = "link";
	link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	close(program);
	if (link < 0)
		return link;
	step = "iterator";
	iterator = bpf_iter_create(link);
	close(link);
	if (iterator < 0)
		return iterator;
	step = "read";
	rc = read(iterator, bytes, sizeof(bytes)) < 0 ? -errno : 0;
	close(iterator);
	return rc;
}

int
probe_bpf_iter(void)
{
	int map = array_make(sizeof(uint64_t)), rc;
	struct bpf_insn code[] = {
		MAP_VALUE(BPF_REG_1, map),   MOV_IMM(BPF_REG_2, 1),
		COUNT(BPF_REG_1, BPF_REG_2), MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	if (map < 0)
		return map;
	rc = iterate(traced_load(BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "task", 0, code, N(code)));
	rc = rc ? rc : array_has(map, 0);
	close(map);
	return rc;
}

static void
sleep_shortly(void)
{
	struct timespec shortly = {.tv_nsec = 1000};

	syscall(SYS_nanosleep, &shortly, NULL);
}

int
probe_sleepable(void)
{
	static const uint64_t mark = MARK;
	int map = array_make(sizeof(uint64_t)), rc;
	struct bpf_insn code[] = {
		MOV(BPF_REG_1, BPF_REG_10),
		ADD_IMM(BPF_REG_1, -8),
		MOV_IMM(BPF_REG_2, sizeof(mark)),
		VALUE64(BPF_REG_3, (uint64_t)(uintptr_t)&mark),
		CALL(BPF_FUNC_copy_from_user),
		IF_NOT_ZERO(BPF_REG_0, 4),
		LOAD(BPF_REG_1, BPF_REG_10, -8),
		MAP_VALUE(BPF_REG_2, map),
		STORE(BPF_REG_2, 0, BPF_REG_1),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	if (map < 0)
		return map;
	rc = traced_run(traced_load(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, SLEEP_CALL,
				    BPF_F_SLEEPABLE, code, N(code)),
			sleep_shortly);
	rc = rc ? rc : array_has(map, mark);
	close(map);
	return rc;
}

static void
open_something(void)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

int
probe_bpf_lsm(void)
{
	int map = array_make(sizeof(uint64_t)), rc;
	struct bpf_insn code[] = {
		MAP_VALUE(BPF_REG_1, map),   MOV_IMM(BPF_REG_2, 1),
		COUNT(BPF_REG_1, BPF_REG_2), MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	if (map < 0)
		return map;
	rc = traced_run(traced_load(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "file_open", 0, code, N(code)),
			open_something);
	rc = rc ? rc : array_has(map, 0);
	close(map);
	return rc;
}

/* --- task local storage ---------------------------------------------------------------------- */

static int
task_storage_make(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct btf *btf = btf__new_empty();
	int map, rc;

	step = "BTF";
	if (!btf)
		return -errno;
	opts.btf_key_type_id = (uint32_t)btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	opts.btf_value_type_id = (uint32_t)btf__add_int(btf, "unsigned long long", 8, 0);
	rc = btf__load_into_kernel(btf);
	if (rc) {
		btf__free(btf);
		return rc;
	}
	step = "map";
	opts.btf_fd = (uint32_t)btf__fd(btf);
	map = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, NAME, sizeof(int), sizeof(uint64_t), 0,
			     &opts);
	btf__free(btf);
	return map;
}

/* What the program has counted for this task. */
static int
task_storage_has(int map)
{
	int task = (int)syscall(SYS_pidfd_open, getpid(), 0), rc;
	uint64_t n = 0;

	step = "pidfd_open";
	if (task < 0)
		return -errno;
	step = "count";
	rc = bpf_map_lookup_elem(map, &task, &n);
	close(task);
	return rc ? rc : n ? 0 : -ENODATA;
}

int
probe_task_storage(void)
{
	int map = task_storage_make(), rc;
	struct bpf_insn code[] = {
		CALL(BPF_FUNC_get_current_task_btf),
		MOV(BPF_REG_2, BPF_REG_0),
		MAP(BPF_REG_1, map),
		MOV_IMM(BPF_REG_3, 0),
		MOV_IMM(BPF_REG_4, BPF_LOCAL_STORAGE_GET_F_CREATE),
		CALL(BPF_FUNC_task_storage_get),
		IF_ZERO(BPF_REG_0, 2),
		MOV_IMM(BPF_REG_1, 1),
		COUNT(BPF_REG_0, BPF_REG_1),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	if (map < 0)
		return map;
	rc = traced_run(traced_load(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, SLEEP_CALL, 0, code,
				    N(code)),
			sleep_shortly);
	rc = rc ? rc : task_storage_has(map);
	close(map);
	return rc;
}

/* --- memory ---------------------------------------------------------------------------------- */

int
probe_dynptr(void)
{
	int map = array_make(sizeof(uint64_t)), rc;
	struct bpf_insn code[] = {
		MAP_VALUE(BPF_REG_1, map),
		MOV_IMM(BPF_REG_2, sizeof(uint64_t)),
		MOV_IMM(BPF_REG_3, 0),
		MOV(BPF_REG_4, BPF_REG_10),
		ADD_IMM(BPF_REG_4, -16),
		CALL(BPF_FUNC_dynptr_from_mem),
		STORE_IMM(BPF_REG_10, -24, MARK),
		MOV(BPF_REG_1, BPF_REG_10),
		ADD_IMM(BPF_REG_1, -16),
		MOV_IMM(BPF_REG_2, 0),
		MOV(BPF_REG_3, BPF_REG_10),
		ADD_IMM(BPF_REG_3, -24),
		MOV_IMM(BPF_REG_4, sizeof(uint64_t)),
		MOV_IMM(BPF_REG_5, 0),
		CALL(BPF_FUNC_dynptr_write),
		EXIT(),
	};

	if (map < 0)
		return map;
	rc = once_run(program_load(BPF_PROG_TYPE_SCHED_CLS, code, N(code), NULL));
	rc = rc ? rc : array_has(map, MARK);
	close(map);
	return rc;
}

static int
arena_run(int map, volatile uint64_t *page)
{
	struct bpf_insn code[] = {
		MAP(BPF_REG_1, map),
		VALUE64(BPF_REG_2, (uint64_t)(uintptr_t)page),
		/* From the address space of the arena to the kernel's. */
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_2, ADDR_SPACE_CAST, 1),
		STORE_IMM(BPF_REG_2, 0, MARK),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	int rc;

	/* The page is there once this process has written to it. */
	*page = 1;
	rc = once_run(program_load(BPF_PROG_TYPE_SCHED_CLS, code, N(code), NULL));
	step = rc ? step : "count";
	return rc ? rc : *page == MARK ? 0 : -ENODATA;
}

int
probe_arena(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *page;
	int map, rc;

	step = "map";
	map = bpf_map_create((enum bpf_map_type)MAP_TYPE_ARENA, NAME, 0, 0, 1, &opts);
	if (map < 0)
		return map;
	step = "mmap";
	page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	rc = page == MAP_FAILED ? -errno : arena_run(map, page);
	if (page != MAP_FAILED)
		munmap(page, bytes);
	close(map);
	return rc;
}
