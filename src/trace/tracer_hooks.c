/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: one loading of the BPF object
 *
 * struct tracer_hooks owns the skeleton (programs, maps, counters), the reader of its ring, and one
 * link for each program. The table programs[] lists the functions that they attach to. Return
 * probes come before entry probes: if only the return of a call is seen, nothing happens; if only
 * the entry is seen, the program would remember it forever. Detaching uses the reverse order.
 */
#include "trace/tracer_hooks.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <qp_trace.skel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "rpingmesh/log_subsystems.h"
#include "trace/btf_mini.h"

#define HOOKS_VMLINUX "/sys/kernel/btf/vmlinux"
#define HOOKS_MODULE "ib_core"
#define HOOKS_IB_CORE "/sys/kernel/btf/" HOOKS_MODULE
#define HOOKS_INIT_PID_NS \
	4026531836U /* PROC_PID_INIT_INO of <linux/proc_ns.h>, fixed since Linux 3.8 */

static const struct {
	const char *name, *function;
	bool at_return, vital;
} programs[] = {
	{"modify_user_ret", "ib_modify_qp_with_udata", true, true},
	{"modify_user", "ib_modify_qp_with_udata", false, true},
	{"modify_kernel_ret", "ib_modify_qp", true, false},
	{"modify_kernel", "ib_modify_qp", false, false},
	{"destroy_ret", "ib_destroy_qp_user", true, true},
	{"destroy", "ib_destroy_qp_user", false, true},
	{"query_ret", "ib_query_qp", true, false},
	{"query", "ib_query_qp", false, false},
	{"create", "rdma_restrack_add", false, false},
};
#define PROGRAMS_N (sizeof(programs) / sizeof(programs[0]))

struct tracer_hooks {
	enum tracer_method method;
	struct qp_trace *skel;
	struct ring_buffer *ring;
	struct bpf_link *links[PROGRAMS_N];
	size_t next; /* the next program to attach */
	bool knows_self;
	char missing[BTF_MINI_MISSING];
};

static const char *const method_names[] = {
	[TRACER_METHOD_KPROBE] = "perf kprobe",
	[TRACER_METHOD_KPROBE_MULTI] = "kprobe.multi",
};
_Static_assert(sizeof(method_names) / sizeof(method_names[0]) == TRACER_METHOD_N, "a name each");

const char *
tracer_method_name(enum tracer_method m)
{
	return m < TRACER_METHOD_N ? method_names[m] : "";
}

/*
 * libbpf's print function has no argument for us. So these keep the first warning of the present
 * call, and the end of the verifier's log.
 */
static char hooks_said[TRACER_HOOKS_TEXT], hooks_verifier[TRACER_HOOKS_TEXT / 2];

/* Keeps the last line of the verifier's log before its count of instructions. */
static void
hooks_keep_verifier(const char *log)
{
	for (const char *end, *line = strchr(log, '\n'); line && line[1]; line = end) {
		end = strchr(++line, '\n');
		if (!end || strncmp(line, "-- END", 6) == 0 || strncmp(line, "processed ", 10) == 0)
			return;
		if (end > line)
			snprintf(hooks_verifier, sizeof(hooks_verifier), "%.*s", (int)(end - line),
				 line);
	}
}

static void
hooks_keep(const char *text)
{
	const char *prefix = "libbpf: ";

	if (strstr(text, "-- BEGIN PROG LOAD LOG --"))
		hooks_keep_verifier(text);
	/*
	 * Skip the advice about RLIMIT_MEMLOCK, because our own reason is better, and the messages
	 * that only repeat that loading failed.
	 */
	if (hooks_said[0] || strstr(text, "RLIMIT_MEMLOCK") ||
	    strstr(text, "failed to load object") || strstr(text, "failed to load BPF skeleton"))
		return;
	if (strncmp(text, prefix, strlen(prefix)) == 0)
		text += strlen(prefix);
	snprintf(hooks_said, sizeof(hooks_said), "%.*s", (int)strcspn(text, "\n"), text);
}

/* Logs each line, because a failed verification comes as one text of many lines. */
static void
hooks_log(char *text)
{
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		log_debug(TRACE, "%s", line);
}

__attribute__((format(printf, 2, 0))) static int
hooks_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text;

	if (level != LIBBPF_WARN && !log_enabled(LOG_SUB_TRACE, LOG_LEVEL_DEBUG))
		return 0;
	if (vasprintf(&text, format, args) < 0)
		return 0;
	if (level == LIBBPF_WARN)
		hooks_keep(text);
	hooks_log(text);
	free(text);
	return 0;
}

static void
hooks_listen(void)
{
	hooks_said[0] = hooks_verifier[0] = '\0';
	libbpf_set_print(hooks_print);
}

/* libbpf has its own error numbers from 4000 on, which strerror(3) does not know. */
static int
hooks_error(int err)
{
	return err < -4000 || err >= 0 ? -EINVAL : err;
}

static int
hooks_fail(int err, char text[TRACER_HOOKS_TEXT], const char *what)
{
	err = hooks_error(err);
	if (hooks_said[0])
		snprintf(text, TRACER_HOOKS_TEXT, "%s", hooks_said);
	else
		snprintf(text, TRACER_HOOKS_TEXT, "%s: %s", what, strerror(-err));
	return err;
}

/* The program for the present way to attach. */
static struct bpf_program *
hooks_program(const struct tracer_hooks *hooks, size_t i)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", programs[i].name,
		 hooks->method == TRACER_METHOD_KPROBE_MULTI ? "_multi" : "");
	return bpf_object__find_program_by_name(hooks->skel->obj, name);
}

static void
hooks_choose(struct tracer_hooks *hooks)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, hooks->skel->obj)
		bpf_program__set_autoload(p, false);
	for (size_t i = 0; i < PROGRAMS_N; i++)
		bpf_program__set_autoload(hooks_program(hooks, i), true);
	bpf_program__set_autoload(hooks->skel->progs.whoami, true);
}

static int
hooks_open(struct tracer_hooks *hooks, const struct tracer_hooks_config *config, int btf_fd)
{
	char path[64];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = path);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", btf_fd);
	hooks->skel = qp_trace__open_opts(&opts);
	if (!hooks->skel)
		return -errno;
	hooks_choose(hooks);
	hooks->skel->rodata->qp_wakeup_always = config->wakeup_always;
	return config->ring_bytes ?
		       bpf_map__set_max_entries(hooks->skel->maps.qp_ring, config->ring_bytes) :
		       0;
}

/*
 * The object contains the names of the fields, so it is opened twice: once for its BTF, and once to
 * relocate it.
 */
static int
hooks_make_btf(struct tracer_hooks *hooks, int *fd, char text[TRACER_HOOKS_TEXT])
{
	struct qp_trace *skel = qp_trace__open();
	int err;

	if (!skel)
		return hooks_fail(-errno, text, "open");
	err = btf_mini_make(bpf_object__btf(skel->obj), HOOKS_VMLINUX, HOOKS_IB_CORE, fd,
			    hooks->missing);
	qp_trace__destroy(skel);
	if (err)
		snprintf(text, TRACER_HOOKS_TEXT, "%s", hooks->missing);
	return err;
}

static bool
hooks_in_init_pid_ns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == HOOKS_INIT_PID_NS;
}

/* Tells the programs who the daemon is. */
static void
hooks_tell_self(struct tracer_hooks *hooks)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	bpf_prog_test_run_opts(bpf_program__fd(hooks->skel->progs.whoami), &opts);
	hooks->knows_self = hooks->skel->bss->qp_own_tgid != 0 || hooks_in_init_pid_ns();
	if (!hooks->skel->bss->qp_own_tgid)
		hooks->skel->bss->qp_own_tgid = hooks->knows_self ? (uint32_t)getpid() : 0;
}

/* The missing fields explain most failures better than libbpf's message does. */
static int
hooks_load_fail(const struct tracer_hooks *hooks, int err, char text[TRACER_HOOKS_TEXT])
{
	err = hooks_fail(err, text, "bpf(2)");
	if (hooks_verifier[0]) {
		snprintf(text, TRACER_HOOKS_TEXT, "%.100s; the verifier: %.120s", hooks_said,
			 hooks_verifier);
		err = -EINVAL;
	}
	if (hooks->missing[0] && err != -EPERM && err != -EACCES) {
		snprintf(text, TRACER_HOOKS_TEXT, "this kernel has no %.200s", hooks->missing);
		err = -ENODATA;
	}
	return err;
}

static int
hooks_load(struct tracer_hooks *hooks, const struct tracer_hooks_config *config,
	   char text[TRACER_HOOKS_TEXT])
{
	int fd, err = hooks_make_btf(hooks, &fd, text);

	if (err)
		return err;
	err = hooks_open(hooks, config, fd);
	if (!err)
		err = qp_trace__load(hooks->skel);
	close(fd);
	if (err)
		return hooks_load_fail(hooks, err, text);
	hooks_tell_self(hooks);
	hooks->ring = ring_buffer__new(bpf_map__fd(hooks->skel->maps.qp_ring), config->event,
				       config->arg, NULL);
	return hooks->ring ? 0 : hooks_fail(-errno, text, "ring buffer");
}

int
tracer_hooks_load(const struct tracer_hooks_config *config, struct tracer_hooks **out,
		  char text[TRACER_HOOKS_TEXT])
{
	struct tracer_hooks *hooks = calloc(1, sizeof(*hooks));
	int err;

	if (!hooks) {
		snprintf(text, TRACER_HOOKS_TEXT, "out of memory");
		return -ENOMEM;
	}
	hooks_listen();
	hooks->method = config->method;
	err = hooks_load(hooks, config, text);
	if (err) {
		tracer_hooks_free(hooks);
		return err;
	}
	*out = hooks;
	return 0;
}

bool
tracer_hooks_no_ring(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, (uint32_t)sysconf(_SC_PAGESIZE),
				NULL);

	if (fd >= 0)
		close(fd);
	return fd == -EINVAL;
}

void
tracer_hooks_free(struct tracer_hooks *hooks)
{
	if (!hooks)
		return;
	while (tracer_hooks_detach(hooks))
		;
	ring_buffer__free(hooks->ring);
	qp_trace__destroy(hooks->skel);
	free(hooks);
}

/*
 * Some kernels look for a bare name in vmlinux only, so the module is named next. The first error
 * is the one to report.
 */
static struct bpf_link *
hooks_attach_perf(struct tracer_hooks *hooks, size_t i)
{
	LIBBPF_OPTS(bpf_kprobe_opts, opts, .retprobe = programs[i].at_return);
	struct bpf_program *program = hooks_program(hooks, i);
	struct bpf_link *link;
	char name[64];
	int err;

	link = bpf_program__attach_kprobe_opts(program, programs[i].function, &opts);
	if (link || (errno != ENOENT && errno != EADDRNOTAVAIL))
		return link;
	err = errno;
	snprintf(name, sizeof(name), HOOKS_MODULE ":%s", programs[i].function);
	link = bpf_program__attach_kprobe_opts(program, name, &opts);
	if (!link)
		errno = err;
	return link;
}

static struct bpf_link *
hooks_attach(struct tracer_hooks *hooks, size_t i)
{
	const char *function = programs[i].function;
	LIBBPF_OPTS(bpf_kprobe_multi_opts, multi, .syms = &function, .cnt = 1,
		    .retprobe = programs[i].at_return);

	if (hooks->method == TRACER_METHOD_KPROBE)
		return hooks_attach_perf(hooks, i);
	return bpf_program__attach_kprobe_multi_opts(hooks_program(hooks, i), NULL, &multi);
}

/* For an unknown function, perf kprobes fail with ENOENT and kprobe.multi with ESRCH. */
int
tracer_hooks_attach(struct tracer_hooks *hooks, char text[TRACER_HOOKS_TEXT])
{
	size_t i = hooks->next;

	hooks_listen();
	hooks->links[i] = hooks_attach(hooks, i);
	if (!hooks->links[i] && errno != ENOENT && errno != ESRCH)
		return hooks_fail(-errno, text, programs[i].function);
	return ++hooks->next < PROGRAMS_N;
}

bool
tracer_hooks_detach(struct tracer_hooks *hooks)
{
	size_t i = PROGRAMS_N;

	while (i > 0 && !hooks->links[i - 1])
		i--;
	if (i == 0)
		return false;
	bpf_link__destroy(hooks->links[i - 1]);
	hooks->links[i - 1] = NULL;
	return true;
}

uint32_t
tracer_hooks_attached(const struct tracer_hooks *hooks)
{
	uint32_t n = 0;

	for (size_t i = 0; i < PROGRAMS_N; i++)
		n += hooks->links[i] != NULL;
	return n;
}

uint32_t
tracer_hooks_wanted(void)
{
	return PROGRAMS_N;
}

bool
tracer_hooks_vital(const struct tracer_hooks *hooks)
{
	for (size_t i = 0; i < PROGRAMS_N; i++) {
		if (programs[i].vital && !hooks->links[i])
			return false;
	}
	return true;
}

bool
tracer_hooks_heartbeat(const struct tracer_hooks *hooks)
{
	for (size_t i = 0; i < PROGRAMS_N; i++) {
		if (strcmp(programs[i].name, "query_ret") == 0)
			return hooks->links[i] != NULL;
	}
	return false;
}

void
tracer_hooks_absent(const struct tracer_hooks *hooks, char *text, size_t size)
{
	const char *last = "";

	text[0] = '\0';
	for (size_t i = 0; i < PROGRAMS_N; i++) {
		size_t used = strlen(text);

		if (hooks->links[i] || strcmp(last, programs[i].function) == 0)
			continue;
		last = programs[i].function;
		snprintf(text + used, size - used, "%s%s", used ? ", " : "", last);
	}
}

const char *
tracer_hooks_missing(const struct tracer_hooks *hooks)
{
	return hooks->missing;
}

bool
tracer_hooks_knows_self(const struct tracer_hooks *hooks)
{
	return hooks->knows_self;
}

int
tracer_hooks_fd(const struct tracer_hooks *hooks)
{
	return ring_buffer__epoll_fd(hooks->ring);
}

void
tracer_hooks_rest(struct tracer_hooks *hooks)
{
	/*
	 * This must come before the next reading. The kernel does the reverse: it commits an event,
	 * then reads this flag.
	 */
	__atomic_store_n(&hooks->skel->bss->qp_reader_rests, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int
tracer_hooks_read(struct tracer_hooks *hooks)
{
	return ring_buffer__consume(hooks->ring);
}

static uint64_t
hooks_counter(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void
tracer_hooks_count(const struct tracer_hooks *hooks, struct qp_event_counters *sum)
{
	const struct qp_event_counters *c = &hooks->skel->bss->qp_counters;

	sum->sent += hooks_counter(&c->sent);
	sum->lost_ring += hooks_counter(&c->lost_ring);
	sum->lost_calls += hooks_counter(&c->lost_calls);
	sum->missed_returns += hooks_counter(&c->missed_returns);
	sum->queries += hooks_counter(&c->queries);
	sum->own += hooks_counter(&c->own);
}
