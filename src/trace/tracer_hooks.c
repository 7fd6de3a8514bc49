/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: one loading of the BPF object
 *
 * struct tracer_hooks owns the skeleton (programs, maps) and one link for each program of
 * tracer_programs[].
 */
#include "trace/tracer_hooks.h"

#include "rpingmesh/qp_event.h" /* for the skeleton */

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

#include "trace/btf_mini.h"

#define HOOKS_VMLINUX "/sys/kernel/btf/vmlinux"
#define HOOKS_MODULE "ib_core"
#define HOOKS_IB_CORE "/sys/kernel/btf/" HOOKS_MODULE
#define HOOKS_INIT_PID_NS \
	4026531836U /* PROC_PID_INIT_INO of <linux/proc_ns.h>, fixed since Linux 3.8 */

struct tracer_hooks {
	enum tracer_method method;
	struct qp_trace *skel;
	struct bpf_link *links[TRACER_PROGRAMS];
	char missing[BTF_MINI_MISSING];
};

/*
 * libbpf's print function has no argument for us. So these keep the first warning of the present
 * call, the end of the verifier's log, and who gets the lines.
 */
static char hooks_said[TRACER_HOOKS_TEXT], hooks_verifier[TRACER_HOOKS_TEXT / 2];
static void (*hooks_line)(const char *text);

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

/* A failed verification comes as one text of many lines. */
static void
hooks_pass_on(char *text)
{
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		hooks_line(line);
}

__attribute__((format(printf, 2, 0))) static int
hooks_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text;

	if (level != LIBBPF_WARN && !hooks_line)
		return 0;
	if (vasprintf(&text, format, args) < 0)
		return 0;
	if (level == LIBBPF_WARN)
		hooks_keep(text);
	if (hooks_line)
		hooks_pass_on(text);
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

	snprintf(name, sizeof(name), "%s%s", tracer_programs[i].name,
		 hooks->method == TRACER_METHOD_KPROBE_MULTI ? "_multi" : "");
	return bpf_object__find_program_by_name(hooks->skel->obj, name);
}

static void
hooks_choose(struct tracer_hooks *hooks)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, hooks->skel->obj)
		bpf_program__set_autoload(p, false);
	for (size_t i = 0; i < TRACER_PROGRAMS; i++)
		bpf_program__set_autoload(hooks_program(hooks, i), true);
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
	hooks->skel->bss->qp_own_tgid = config->own_tgid;
	return 0;
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
	hooks_line = config->line;
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

static bool
hooks_in_init_pid_ns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == HOOKS_INIT_PID_NS;
}

uint32_t
tracer_hooks_whoami(void)
{
	/* return bpf_get_current_pid_tgid() >> 32 */
	const struct bpf_insn program[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_pid_tgid},
		{.code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_0, .imm = 32},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int rc, fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "whoami", "GPL", program,
				   sizeof(program) / sizeof(program[0]), NULL);

	rc = fd < 0 ? fd : bpf_prog_test_run_opts(fd, &opts);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		return opts.retval;
	return hooks_in_init_pid_ns() ? (uint32_t)getpid() : 0;
}

void
tracer_hooks_free(struct tracer_hooks *hooks)
{
	if (!hooks)
		return;
	for (size_t i = TRACER_PROGRAMS; i > 0; i--)
		bpf_link__destroy(hooks->links[i - 1]);
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
	LIBBPF_OPTS(bpf_kprobe_opts, opts, .retprobe = tracer_programs[i].at_return);
	struct bpf_program *program = hooks_program(hooks, i);
	struct bpf_link *link;
	char name[64];
	int err;

	link = bpf_program__attach_kprobe_opts(program, tracer_programs[i].function, &opts);
	if (link || (errno != ENOENT && errno != EADDRNOTAVAIL))
		return link;
	err = errno;
	snprintf(name, sizeof(name), HOOKS_MODULE ":%s", tracer_programs[i].function);
	link = bpf_program__attach_kprobe_opts(program, name, &opts);
	if (!link)
		errno = err;
	return link;
}

static struct bpf_link *
hooks_attach(struct tracer_hooks *hooks, size_t i)
{
	const char *function = tracer_programs[i].function;
	LIBBPF_OPTS(bpf_kprobe_multi_opts, multi, .syms = &function, .cnt = 1,
		    .retprobe = tracer_programs[i].at_return);

	if (hooks->method == TRACER_METHOD_KPROBE)
		return hooks_attach_perf(hooks, i);
	return bpf_program__attach_kprobe_multi_opts(hooks_program(hooks, i), NULL, &multi);
}

/* For an unknown function, perf kprobes fail with ENOENT and kprobe.multi with ESRCH. */
int
tracer_hooks_attach(struct tracer_hooks *hooks, char text[TRACER_HOOKS_TEXT])
{
	for (size_t i = 0; i < TRACER_PROGRAMS; i++) {
		hooks_listen();
		hooks->links[i] = hooks_attach(hooks, i);
		if (!hooks->links[i] && errno != ENOENT && errno != ESRCH)
			return hooks_fail(-errno, text, tracer_programs[i].function);
	}
	return 0;
}

uint32_t
tracer_hooks_attached(const struct tracer_hooks *hooks)
{
	uint32_t attached = 0;

	for (size_t i = 0; i < TRACER_PROGRAMS; i++)
		attached |= (uint32_t)(hooks->links[i] != NULL) << i;
	return attached;
}

const char *
tracer_hooks_missing(const struct tracer_hooks *hooks)
{
	return hooks->missing;
}

struct tracer_ring_maps
tracer_hooks_maps(const struct tracer_hooks *hooks)
{
	return (struct tracer_ring_maps){
		.ring = bpf_map__fd(hooks->skel->maps.qp_ring),
		.counters = bpf_map__fd(hooks->skel->maps.bss),
		.ring_bytes = bpf_map__max_entries(hooks->skel->maps.qp_ring),
	};
}
