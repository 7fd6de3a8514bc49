/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which way to attach the tracer chooses. libbpf's calls are wrapped by the linker: a kernel of our
 * own says which functions it finds, by which way and name. The object is opened but not loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/loop.h"
#include "trace/btf_mini.h"
#include "trace/tracer.h"

/* PROC_PID_INIT_INO of <linux/proc_ns.h> */
#define INIT_PID_NS 4026531836U

enum knows {
	KNOWS_EVERYTHING,
	KNOWS_NOTHING,
	KNOWS_MODULE_PREFIX, /* "ib_core:function" alone */
	KNOWS_NOT_QUERY,     /* all but ib_query_qp, which is not vital */
	KNOWS_NOT_DESTROY,   /* all but ib_destroy_qp_user, which is */
	REFUSES,
};

static struct {
	enum knows perf, multi;
	bool multi_not_loaded; /* the kernel does not take programs for kprobe.multi */
	int loads, links, pipe[2];
} fake;

static struct loop *loop;
static struct tracer *tracer;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_btf_mini_make(const struct btf *object, const char *vmlinux, const char *module, int *fd,
			 char missing[BTF_MINI_MISSING]);
int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *s);
int __wrap_bpf_prog_test_run_opts(int fd, struct bpf_test_run_opts *opts);
struct ring_buffer *__wrap_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *arg,
					    const struct ring_buffer_opts *opts);
void __wrap_ring_buffer__free(struct ring_buffer *rb);
int __wrap_ring_buffer__epoll_fd(const struct ring_buffer *rb);
int __wrap_ring_buffer__consume(struct ring_buffer *rb);
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
	memset(st, 0, sizeof(*st));
	st->st_ino = strcmp(path, "/proc/self/ns/pid") == 0 ? INIT_PID_NS : 1;
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

	fake.loads++;
	return fake.multi_not_loaded && bpf_program__autoload(multi) ? -EINVAL : 0;
}

int
__wrap_bpf_prog_test_run_opts(int fd, struct bpf_test_run_opts *opts)
{
	(void)fd;
	(void)opts;
	return 0;
}

struct ring_buffer *
__wrap_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *arg,
			const struct ring_buffer_opts *opts)
{
	(void)fd;
	(void)fn;
	(void)arg;
	(void)opts;
	return (struct ring_buffer *)&fake;
}

void
__wrap_ring_buffer__free(struct ring_buffer *rb)
{
	(void)rb;
}

int
__wrap_ring_buffer__epoll_fd(const struct ring_buffer *rb)
{
	(void)rb;
	return fake.pipe[0];
}

int
__wrap_ring_buffer__consume(struct ring_buffer *rb)
{
	(void)rb;
	return 0;
}

int
__wrap_bpf_link__destroy(struct bpf_link *link)
{
	(void)link;
	fake.links--;
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
	fake.links++;
	return (struct bpf_link *)&fake;
}

/* register_kprobe() of an unknown function: ENOENT */
struct bpf_link *
__wrap_bpf_program__attach_kprobe_opts(const struct bpf_program *program, const char *function,
				       const struct bpf_kprobe_opts *opts)
{
	(void)opts;
	assert_null(strstr(bpf_program__name(program), "_multi"));
	return attach(fake.perf, function, ENOENT);
}

/* ftrace_lookup_symbols(): ESRCH */
struct bpf_link *
__wrap_bpf_program__attach_kprobe_multi_opts(const struct bpf_program *program, const char *pattern,
					     const struct bpf_kprobe_multi_opts *opts)
{
	assert_null(pattern);
	assert_int_equal(opts->cnt, 1);
	assert_non_null(strstr(bpf_program__name(program), "_multi"));
	return attach(fake.multi, opts->syms[0], ESRCH);
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

static int
setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	tracer = NULL;
	return pipe(fake.pipe) || loop_new(&loop);
}

static int
teardown(void **state)
{
	(void)state;
	tracer_free(tracer);
	loop_free(loop);
	close(fake.pipe[0]);
	close(fake.pipe[1]);
	return fake.links;
}

/* Runs the tracer until it is on or has failed. */
static struct tracer_info
decide(enum knows perf, enum knows multi)
{
	static const struct tracer_ops ops = {.event = on_event, .changed = on_changed};
	const struct tracer_config config = {.loop = loop, .ops = &ops};
	struct tracer_info info;

	fake.perf = perf;
	fake.multi = multi;
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
	assert_int_equal(fake.links, info->hooks_wanted);
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
	assert_int_equal(fake.loads, 1);
}

static void
test_module_prefix(void **state)
{
	struct tracer_info info = decide(KNOWS_MODULE_PREFIX, REFUSES);

	(void)state;
	assert_well(&info, "perf kprobe");
	assert_int_equal(fake.loads, 1);
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
	assert_int_equal(fake.loads, 3);
	fake.loads = 0;
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
	fake.multi_not_loaded = true;
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
	fake.multi_not_loaded = true;
	info = decide(REFUSES, KNOWS_EVERYTHING);
	assert_int_equal(info.state, TRACER_FAILED);
	assert_has(info.reason, "kprobe.multi does not work either");
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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
