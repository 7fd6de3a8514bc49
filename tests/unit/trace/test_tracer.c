/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which way to attach the tracer chooses, and what it does when its helper ends. The helper is a
 * process, as in the daemon. In it, libbpf's calls are wrapped by the linker: a kernel of our own
 * says which functions it finds, by which way and name. The object is opened but not loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/loop.h"
#include "trace/btf_mini.h"
#include "trace/helper.h"
#include "trace/tracer.h"

#define OWN_TGID 4711

enum knows {
	KNOWS_EVERYTHING,
	KNOWS_NOTHING,
	KNOWS_MODULE_PREFIX, /* "ib_core:function" alone */
	KNOWS_NOT_QUERY,     /* all but ib_query_qp, which is not vital */
	KNOWS_NOT_DESTROY,   /* all but ib_destroy_qp_user, which is */
	REFUSES,
};

/* Both processes see it. */
static struct fake {
	enum knows perf, multi;
	bool multi_not_loaded; /* the kernel does not take programs for kprobe.multi */
	int loads, links, pipe[2];
} *fake;

static struct loop *loop;
static struct helper *helper;
static pid_t helper_pid;
static struct tracer *tracer;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_btf_mini_make(const struct btf *object, const char *vmlinux, const char *module, int *fd,
			 char missing[BTF_MINI_MISSING]);
int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s);
int __wrap_bpf_map__fd(const struct bpf_map *map);
int __wrap_tracer_ring_new(const struct tracer_ring_config *config, struct tracer_ring **out);
void __wrap_tracer_ring_free(struct tracer_ring *ring);
int __wrap_tracer_ring_fd(const struct tracer_ring *ring);
int __wrap_tracer_ring_read(struct tracer_ring *ring);
void __wrap_tracer_ring_rest(struct tracer_ring *ring);
void __wrap_tracer_ring_count(const struct tracer_ring *ring, struct qp_event_counters *sum);
int __wrap_bpf_link__destroy(struct bpf_link *link);
struct bpf_link *__wrap_bpf_program__attach_kprobe_opts(const struct bpf_program *program,
							const char *function,
							const struct bpf_kprobe_opts *opts);
struct bpf_link *
__wrap_bpf_program__attach_kprobe_multi_opts(const struct bpf_program *program, const char *pattern,
					     const struct bpf_kprobe_multi_opts *opts);

int
__wrap_access(const char *path, int mode)
{
	return strncmp(path, "/sys/", 5) == 0 ? 0 : __real_access(path, mode);
}

int
__wrap_stat(const char *path, struct stat *st)
{
	(void)path;
	memset(st, 0, sizeof(*st));
	st->st_ino = 1;
	return 0;
}

int
__wrap_btf_mini_make(const struct btf *object, const char *vmlinux, const char *module, int *fd,
		     char missing[BTF_MINI_MISSING])
{
	(void)object;
	(void)vmlinux;
	(void)module;
	missing[0] = '\0';
	*fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

/* Which programs are to be loaded says which way is tried. */
int
__wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s)
{
	const struct bpf_program *multi =
		bpf_object__find_program_by_name(*s->obj, "destroy_multi");

	fake->loads++;
	return fake->multi_not_loaded && bpf_program__autoload(multi) ? -EINVAL : 0;
}

int
__wrap_bpf_map__fd(const struct bpf_map *map)
{
	(void)map;
	return fake->pipe[0];
}

/* The daemon has what the helper sent: two descriptors, open at the same end of the pipe. */
int
__wrap_tracer_ring_new(const struct tracer_ring_config *config, struct tracer_ring **out)
{
	struct stat got, sent;

	assert_int_equal(fstat(config->maps.ring, &got), 0);
	assert_int_equal(fstat(fake->pipe[0], &sent), 0);
	assert_true(got.st_ino == sent.st_ino && got.st_dev == sent.st_dev);
	assert_int_equal(fstat(config->maps.counters, &got), 0);
	assert_int_equal(config->maps.ring_bytes, 1 << 20);
	*out = (struct tracer_ring *)fake;
	return 0;
}

void
__wrap_tracer_ring_free(struct tracer_ring *ring)
{
	(void)ring;
}

int
__wrap_tracer_ring_fd(const struct tracer_ring *ring)
{
	(void)ring;
	return fake->pipe[0];
}

int
__wrap_tracer_ring_read(struct tracer_ring *ring)
{
	(void)ring;
	return 0;
}

void
__wrap_tracer_ring_rest(struct tracer_ring *ring)
{
	(void)ring;
}

void
__wrap_tracer_ring_count(const struct tracer_ring *ring, struct qp_event_counters *sum)
{
	(void)ring;
	(void)sum;
}

int
__wrap_bpf_link__destroy(struct bpf_link *link)
{
	fake->links -= link != NULL;
	return 0;
}

static struct bpf_link *
attach(enum knows knows, const char *name, int unknown)
{
	const char *function = strchr(name, ':') ? strchr(name, ':') + 1 : name;
	int err = 0;

	switch (knows) {
	case KNOWS_EVERYTHING:
		break;
	case KNOWS_NOTHING:
		err = unknown;
		break;
	case KNOWS_MODULE_PREFIX:
		err = strncmp(name, "ib_core:", 8) == 0 ? 0 : unknown;
		break;
	case KNOWS_NOT_QUERY:
		err = strcmp(function, "ib_query_qp") == 0 ? unknown : 0;
		break;
	case KNOWS_NOT_DESTROY:
		err = strcmp(function, "ib_destroy_qp_user") == 0 ? unknown : 0;
		break;
	case REFUSES:
		err = EPERM;
		break;
	}
	errno = err;
	if (err)
		return NULL;
	fake->links++;
	return (struct bpf_link *)fake;
}

/* register_kprobe() of an unknown function: ENOENT */
struct bpf_link *
__wrap_bpf_program__attach_kprobe_opts(const struct bpf_program *program, const char *function,
				       const struct bpf_kprobe_opts *opts)
{
	(void)opts;
	assert_null(strstr(bpf_program__name(program), "_multi"));
	return attach(fake->perf, function, ENOENT);
}

/* ftrace_lookup_symbols(): ESRCH */
struct bpf_link *
__wrap_bpf_program__attach_kprobe_multi_opts(const struct bpf_program *program, const char *pattern,
					     const struct bpf_kprobe_multi_opts *opts)
{
	assert_null(pattern);
	assert_int_equal(opts->cnt, 1);
	assert_non_null(strstr(bpf_program__name(program), "_multi"));
	return attach(fake->multi, opts->syms[0], ESRCH);
}

static void
on_event(void *arg, const struct qp_event *e)
{
	(void)arg;
	(void)e;
}

static void
on_changed(void *arg, enum tracer_state state)
{
	(void)arg;
	if (state == TRACER_ON || state == TRACER_FAILED)
		loop_stop(loop);
}

static void
helper_make(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	helper_pid = fork();
	if (helper_pid == 0) {
		close(fds[0]);
		helper_serve(fds[1], OWN_TGID);
		exit(0); /* and not _exit(2), which would lose what it covers */
	}
	close(fds[1]);
	assert_int_equal(helper_new(loop, fds[0], helper_pid, &helper), 0);
}

static int
setup(void **state)
{
	(void)state;
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tracer = NULL;
	if (fake == MAP_FAILED || pipe(fake->pipe) || loop_new(&loop))
		return -1;
	helper_make();
	return 0;
}

/* Without the daemon, the helper detaches all hooks. */
static int
teardown(void **state)
{
	int links;

	(void)state;
	tracer_free(tracer);
	helper_free(helper);
	links = fake->links;
	loop_free(loop);
	close(fake->pipe[0]);
	close(fake->pipe[1]);
	munmap(fake, sizeof(*fake));
	return links;
}

/* Runs the tracer until it is on or has failed. */
static struct tracer_info
decide(enum knows perf, enum knows multi)
{
	static const struct tracer_ops ops = {.event = on_event, .changed = on_changed};
	const struct tracer_config config = {.loop = loop, .helper = helper, .ops = &ops};
	struct tracer_info info;

	fake->perf = perf;
	fake->multi = multi;
	assert_int_equal(tracer_new(&config, &tracer), 0);
	loop_run(loop);
	tracer_info(tracer, &info);
	return info;
}

static void
assert_well(const struct tracer_info *info, const char *method)
{
	assert_string_equal(info->reason, "");
	assert_int_equal(info->state, TRACER_ON);
	assert_false(info->degraded);
	assert_string_equal(info->method, method);
	assert_int_equal(info->hooks, info->hooks_wanted);
	assert_int_equal(fake->links, info->hooks_wanted);
}

static void
assert_has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, text);
}

static void
test_plain(void **state)
{
	struct tracer_info info = decide(KNOWS_EVERYTHING, REFUSES);

	(void)state;
	assert_well(&info, "perf kprobe");
	assert_int_equal(fake->loads, 1);
}

static void
test_module_prefix(void **state)
{
	struct tracer_info info = decide(KNOWS_MODULE_PREFIX, REFUSES);

	(void)state;
	assert_well(&info, "perf kprobe");
	assert_int_equal(fake->loads, 1);
}

/* Perf kprobes answer ENOENT to everything, or to something. */
static void
test_hidden_from_perf(void **state)
{
	struct tracer_info info = decide(KNOWS_NOTHING, KNOWS_EVERYTHING);

	(void)state;
	assert_well(&info, "kprobe.multi");
	tracer_free(tracer);
	info = decide(KNOWS_NOT_QUERY, KNOWS_EVERYTHING);
	assert_well(&info, "kprobe.multi");
}

static void
test_refused_by_perf(void **state)
{
	struct tracer_info info = decide(REFUSES, KNOWS_EVERYTHING);

	(void)state;
	assert_well(&info, "kprobe.multi");
}

/* kprobe.multi does no better: perf kprobes, without what neither finds. */
static void
assert_no_query(const struct tracer_info *info)
{
	assert_int_equal(info->state, TRACER_ON);
	assert_true(info->degraded);
	assert_string_equal(info->method, "perf kprobe");
	assert_has(info->reason, "this kernel has no function ib_query_qp");
	assert_int_equal(info->hooks, info->hooks_wanted - 2);
	assert_int_equal(fake->loads, 3);
	fake->loads = 0;
}

static void
test_not_there(void **state)
{
	struct tracer_info info = decide(KNOWS_NOT_QUERY, KNOWS_NOT_QUERY);

	(void)state;
	assert_no_query(&info);
	tracer_free(tracer);
	info = decide(KNOWS_NOT_QUERY, KNOWS_NOTHING);
	assert_no_query(&info);
	tracer_free(tracer);
	info = decide(KNOWS_NOT_QUERY, REFUSES);
	assert_no_query(&info);
	tracer_free(tracer);
	fake->multi_not_loaded = true;
	info = decide(KNOWS_NOT_QUERY, KNOWS_EVERYTHING);
	assert_no_query(&info);
}

static void
test_vital_not_there(void **state)
{
	struct tracer_info info = decide(KNOWS_NOT_DESTROY, KNOWS_NOT_DESTROY);

	(void)state;
	assert_int_equal(info.state, TRACER_FAILED);
	assert_has(info.reason, "ib_core has no function ib_destroy_qp_user to hook");
	assert_null(strstr(info.reason, "kprobe.multi"));
}

/* Both reasons, if only one of the ways is sure. */
static void
test_vital_not_sure(void **state)
{
	struct tracer_info info = decide(KNOWS_NOT_DESTROY, REFUSES);

	(void)state;
	assert_int_equal(info.state, TRACER_FAILED);
	assert_has(info.reason, "ib_core has no function ib_destroy_qp_user to hook");
	assert_has(info.reason, "kprobe.multi does not work either");
	tracer_free(tracer);
	fake->multi_not_loaded = true;
	info = decide(REFUSES, KNOWS_EVERYTHING);
	assert_int_equal(info.state, TRACER_FAILED);
	assert_has(info.reason, "kprobe.multi does not work either");
}

/* Nothing is attached any more, and the reason says how to cure that. */
static void
test_helper_killed(void **state)
{
	struct tracer_info info = decide(KNOWS_EVERYTHING, REFUSES);

	(void)state;
	assert_well(&info, "perf kprobe");
	assert_null(helper_gone(helper));
	kill(helper_pid, SIGKILL);
	loop_run(loop);
	tracer_info(tracer, &info);
	assert_int_equal(info.state, TRACER_FAILED);
	assert_int_equal(info.hooks, 0);
	assert_has(info.reason, "the tracing helper, which alone has CAP_BPF");
	assert_has(info.reason, "has ended by signal 9: restart rpingmeshd");
	assert_string_equal(helper_gone(helper), info.reason);
	assert_int_equal(helper_capabilities(helper), 0);
	assert_int_equal(helper_ask(helper, HELPER_START, 0), -EPIPE);
	fake->links = 0; /* with the process, as the kernel does */
}

/* Tracing off and on again by a reload: the same helper, and its old answer does not count. */
static void
test_again(void **state)
{
	struct tracer_info info;

	(void)state;
	for (int i = 0; i < 3; i++) {
		info = decide(KNOWS_EVERYTHING, REFUSES);
		assert_well(&info, "perf kprobe");
		assert_int_equal(fake->loads, i + 1);
		tracer_free(tracer);
	}
	tracer = NULL;
}

/* Without one, as where tracing was off when the daemon gave up its rights. */
static void
test_no_helper(void **state)
{
	struct tracer_info info;

	(void)state;
	helper_free(helper);
	helper = NULL;
	info = decide(KNOWS_EVERYTHING, KNOWS_EVERYTHING);
	assert_int_equal(info.state, TRACER_FAILED);
	assert_has(info.reason, "the daemon lacks CAP_BPF and CAP_PERFMON");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_module_prefix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hidden_from_perf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_by_perf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vital_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vital_not_sure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helper_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_helper, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
