/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rpingmesh/qp_event.h"

#include <qp_trace.skel.h>

#include "trace/btf_mini.h"

static char missing[BTF_MINI_MISSING];

static int
quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* A file that can be opened by the path in out. */
static int
file_of(const void *data, size_t size, char out[64])
{
	int fd = memfd_create("btf", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	snprintf(out, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static int
btf_file(const struct btf *btf, char out[64])
{
	uint32_t size;
	const void *data = btf__raw_data(btf, &size);

	assert_non_null(data);
	return file_of(data, size, out);
}

static struct btf *
parse_fd(int fd)
{
	char path[64];
	struct btf *btf;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	btf = btf__parse(path, NULL);
	assert_non_null(btf);
	close(fd);
	return btf;
}

/* The small BTF of `kernel`, and `module` split from it, for what `object` names. */
static struct btf *
make(const struct btf *object, const struct btf *kernel, const struct btf *module)
{
	char vmlinux_path[64], module_path[64] = "/nonexistent";
	int vmlinux_fd = btf_file(kernel, vmlinux_path),
	    module_fd = module ? btf_file(module, module_path) : -1, fd = -1;

	assert_int_equal(btf_mini_make(object, vmlinux_path, module_path, &fd, missing), 0);
	close(vmlinux_fd);
	if (module)
		close(module_fd);
	return parse_fd(fd);
}

static const struct btf_type *
type_of(const struct btf *btf, const char *name, uint32_t kind)
{
	int id = btf__find_by_name_kind(btf, name, kind);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	assert_non_null(t);
	if (!t)
		abort(); /* the compiler does not know that the line above does not return */
	return t;
}

static int
member_index(const struct btf *btf, const struct btf_type *t, const char *name)
{
	assert_non_null(t);
	for (int i = 0; i < btf_vlen(t); i++) {
		if (strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), name) == 0)
			return i;
	}
	return -1;
}

static void
expect_member(const struct btf *btf, const char *type, const char *member, uint32_t bits, int size)
{
	const struct btf_type *t = type_of(btf, type, BTF_KIND_STRUCT);
	int i = member_index(btf, t, member);

	if (i < 0)
		fail_msg("no %s.%s", type, member);
	assert_int_equal(btf_member_bit_offset(t, (uint32_t)i), bits);
	assert_int_equal(btf__resolve_size(btf, btf_members(t)[i].type), size);
}

static int
u32_of(struct btf *btf)
{
	return btf__add_int(btf, "unsigned int", 4, 0);
}

/* struct name { u32 <fields>; } as an object would name it. */
static void
want(struct btf *object, const char *name, const char *const *fields)
{
	int u32 = u32_of(object);
	uint32_t bits = 0;

	assert_true(btf__add_struct(object, name, 4096) > 0);
	for (; *fields; fields++, bits += 32)
		assert_int_equal(btf__add_field(object, *fields, u32, bits, 0), 0);
}

#define WANT(object, name, ...) want(object, name, (const char *const[]){__VA_ARGS__, NULL})

static void
test_offsets(void **state)
{
	struct btf *object = btf__new_empty(), *kernel = btf__new_empty(), *mini;
	int u8, u32;

	(void)state;
	WANT(object, "thing", "b", "a");
	u32 = u32_of(kernel);
	u8 = btf__add_int(kernel, "unsigned char", 1, 0);
	btf__add_struct(kernel, "thing", 48);
	btf__add_field(kernel, "pad", u32, 0, 0);
	btf__add_field(kernel, "a", u8, 72, 0);
	btf__add_field(kernel, "b", u32, 320, 0);
	mini = make(object, kernel, NULL);
	assert_string_equal(missing, "");
	expect_member(mini, "thing", "a", 72, 1);
	expect_member(mini, "thing", "b", 320, 4);
	assert_int_equal(type_of(mini, "thing", BTF_KIND_STRUCT)->size, 48);
	assert_int_equal(btf_vlen(type_of(mini, "thing", BTF_KIND_STRUCT)), 2);
	btf__free(mini);
	btf__free(kernel);
	btf__free(object);
}

/* struct thing { u32 top; union { struct { const my_u32 deep; }; }; u32 flag : 3; } */
static void
test_anonymous(void **state)
{
	struct btf *object = btf__new_empty(), *kernel = btf__new_empty(), *mini;
	const struct btf_type *t;
	int u32, alias, inner, outer;

	(void)state;
	WANT(object, "thing", "top", "deep", "flag");
	u32 = u32_of(kernel);
	alias = btf__add_const(kernel, btf__add_typedef(kernel, "my_u32", u32));
	inner = btf__add_struct(kernel, "", 8);
	btf__add_field(kernel, "deep", alias, 32, 0);
	outer = btf__add_union(kernel, "", 8);
	btf__add_field(kernel, "", inner, 0, 0);
	btf__add_struct(kernel, "thing", 20);
	btf__add_field(kernel, "top", u32, 0, 0);
	btf__add_field(kernel, "", outer, 64, 0);
	btf__add_field(kernel, "flag", u32, 131, 3);
	mini = make(object, kernel, NULL);
	assert_string_equal(missing, "");
	expect_member(mini, "thing", "deep", 96, 4);
	t = type_of(mini, "thing", BTF_KIND_STRUCT);
	assert_int_equal(btf_member_bit_offset(t, (uint32_t)member_index(mini, t, "flag")), 131);
	assert_int_equal(btf_member_bitfield_size(t, (uint32_t)member_index(mini, t, "flag")), 3);
	btf__free(mini);
	btf__free(kernel);
	btf__free(object);
}

static void
test_missing(void **state)
{
	struct btf *object = btf__new_empty(), *kernel = btf__new_empty(), *mini;
	int u32;

	(void)state;
	WANT(object, "thing", "here", "gone", "too");
	WANT(object, "absent", "x");
	WANT(object, "thing___old", "flavoured");
	WANT(object, "absent___x86", "y");
	WANT(object, "qp_own", "z");
	btf__add_enum(object, "colour", 4);
	btf__add_enum_value(object, "RED", 0);
	btf__add_enum_value(object, "BLUE", 1);
	u32 = u32_of(kernel);
	btf__add_struct(kernel, "thing", 8);
	btf__add_field(kernel, "here", u32, 32, 0);
	btf__add_enum(kernel, "colour", 4);
	btf__add_enum_value(kernel, "RED", 7);
	mini = make(object, kernel, NULL);
	assert_string_equal(missing, "thing.gone, thing.too, absent, colour.BLUE");
	assert_true(btf__find_by_name_kind(mini, "absent", BTF_KIND_STRUCT) < 0);
	assert_int_equal(btf_enum(type_of(mini, "colour", BTF_KIND_ENUM))->val, 7);
	btf__free(mini);
	btf__free(kernel);
	btf__free(object);
}

/* All flavours of a type are one type of the kernel. */
static void
test_flavours(void **state)
{
	struct btf *object = btf__new_empty(), *kernel = btf__new_empty(), *mini;
	int u32;

	(void)state;
	WANT(object, "regs___x86", "di", "si");
	WANT(object, "regs___arm64", "regs");
	u32 = u32_of(kernel);
	btf__add_struct(kernel, "regs", 16);
	btf__add_field(kernel, "si", u32, 32, 0);
	btf__add_field(kernel, "di", u32, 64, 0);
	mini = make(object, kernel, NULL);
	assert_string_equal(missing, "");
	expect_member(mini, "regs", "di", 64, 4);
	expect_member(mini, "regs", "si", 32, 4);
	btf__free(mini);
	btf__free(kernel);
	btf__free(object);
}

/* A list that does not fit says so, and stays within its room. */
static void
test_many_missing(void **state)
{
	struct btf *object = btf__new_empty(), *kernel = btf__new_empty();
	char name[64];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "a_struct_of_which_there_is_none_%d", i);
		WANT(object, name, "x");
	}
	btf__free(make(object, kernel, NULL));
	assert_true(strlen(missing) < BTF_MINI_MISSING);
	assert_string_equal(missing + strlen(missing) - 5, ", ...");
	btf__free(kernel);
	btf__free(object);
}

/* Of several definitions that which has most: a module's first. */
static void
test_module(void **state)
{
	struct btf *object = btf__new_empty(), *kernel = btf__new_empty(), *module, *mini;
	int u32;

	(void)state;
	WANT(object, "thing", "a", "b");
	WANT(object, "other", "c");
	u32 = u32_of(kernel);
	btf__add_struct(kernel, "thing", 8);
	btf__add_field(kernel, "a", u32, 0, 0);
	btf__add_struct(kernel, "other", 12);
	btf__add_field(kernel, "c", u32, 64, 0);
	module = btf__new_empty_split(kernel);
	btf__add_struct(module, "thing", 64);
	btf__add_field(module, "a", u32, 128, 0);
	btf__add_field(module, "b", u32, 256, 0);
	mini = make(object, kernel, module);
	assert_string_equal(missing, "");
	expect_member(mini, "thing", "a", 128, 4);
	expect_member(mini, "thing", "b", 256, 4);
	expect_member(mini, "other", "c", 64, 4);
	btf__free(mini);
	btf__free(module);
	mini = make(object, kernel, NULL);
	assert_string_equal(missing, "thing.b");
	expect_member(mini, "thing", "a", 0, 4);
	btf__free(mini);
	btf__free(kernel);
	btf__free(object);
}

/* struct a { struct a self; }, a typedef of itself, a member of a type that is not there. */
static void
test_loops(void **state)
{
	struct btf *object = btf__new_empty(), *kernel = btf__new_empty(), *mini;

	(void)state;
	WANT(object, "a", "self", "alias", "nothing", "x");
	btf__add_struct(kernel, "a", 64);
	btf__add_field(kernel, "self", 1, 0, 0);
	btf__add_field(kernel, "alias", 2, 0, 0);
	btf__add_field(kernel, "nothing", 99, 0, 0);
	btf__add_field(kernel, "", 1, 0, 0);
	assert_int_equal(btf__add_typedef(kernel, "b", 2), 2);
	mini = make(object, kernel, NULL);
	assert_string_equal(missing, "a.self, a.alias, a.nothing, a.x");
	btf__free(mini);
	btf__free(kernel);
	btf__free(object);
}

static struct qp_trace *programs;

static const char *
recorded(const char *kernel)
{
	static char path[4096];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof(path), "%s/tests/unit/trace/btf/%s.btf", top ? top : ".", kernel);
	return path;
}

/* Read off the kernels with bpftool(8), in bits. */
static void
test_recorded(void **state)
{
	static const struct {
		const char *kernel, *type, *member;
		uint32_t bits;
		int size;
	} known[] = {
		{"5.10", "ib_qp", "qp_num", 1408, 4},
		{"5.10", "ib_qp", "port", 1664, 1},
		{"5.10", "rdma_restrack_entry", "user", 480, 1},
		{"5.10", "ib_device", "index", 20224, 4},
		{"5.10", "task_struct", "comm", 21888, 16},
		{"6.12", "ib_qp", "qp_num", 1728, 4},
		{"6.12", "ib_qp", "port", 1984, 4},
		{"6.12", "ib_device", "index", 21056, 4},
		{"6.12", "task_struct", "tgid", 19488, 4},
		{"6.12", "ib_qp_attr", "dest_qp_num", 224, 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		int fd;
		struct btf *mini;

		assert_int_equal(btf_mini_make(bpf_object__btf(programs->obj),
					       recorded(known[i].kernel), NULL, &fd, missing),
				 0);
		assert_string_equal(missing, "");
		mini = parse_fd(fd);
		expect_member(mini, known[i].type, known[i].member, known[i].bits, known[i].size);
		btf__free(mini);
	}
}

/*
 * Every file cut at every length, and with every byte wrong: an answer or an error, never a crash.
 */
static void
test_broken(void **state)
{
	char data[8192], copy[8192], path[64];
	FILE *f = fopen(recorded("6.1"), "rb");
	size_t size;
	int refused = 0;

	(void)state;
	if (!f) {
		fail();
		return;
	}
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	for (size_t i = 0; i < 2 * size; i++) {
		size_t n = i < size ? i : size;
		int file, fd = -1, err;

		memcpy(copy, data, size);
		if (i >= size)
			copy[i - size] = (char)(copy[i - size] ^ 0x81);
		file = file_of(copy, n, path);
		err = btf_mini_make(bpf_object__btf(programs->obj), path, path, &fd, missing);
		refused += err != 0;
		if (i < size) {
			assert_int_not_equal(err, 0);
			assert_true(strlen(missing) > 0);
		}
		if (err == 0)
			close(fd);
		close(file);
	}
	assert_true(refused > (int)size);
}

static void
test_no_file(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(btf_mini_make(bpf_object__btf(programs->obj), "/nonexistent/vmlinux", NULL,
				       &fd, missing),
			 -ENOENT);
	assert_string_equal(missing, "/nonexistent/vmlinux: No such file or directory");
	assert_int_equal(btf_mini_make(bpf_object__btf(programs->obj), "/proc/self/status", NULL,
				       &fd, missing),
			 -EBADMSG);
	assert_non_null(strstr(missing, "not valid BTF"));
}

static int
setup(void **state)
{
	(void)state;
	libbpf_set_print(quiet);
	programs = qp_trace__open();
	return programs ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	qp_trace__destroy(programs);
	return 0;
}

/* The layout of the running kernel into a file, as tests/unit/trace/btf has them. */
static int
record(const char *path)
{
	struct qp_trace *skel = qp_trace__open();
	FILE *out = NULL;
	char data[65536];
	ssize_t n = 0;
	int fd = -1,
	    err = skel ? btf_mini_make(bpf_object__btf(skel->obj), "/sys/kernel/btf/vmlinux",
				       "/sys/kernel/btf/ib_core", &fd, missing) :
			 -errno;

	if (err == 0 && missing[0])
		fprintf(stderr, "test_btf_mini: this kernel lacks %s\n", missing);
	if (err == 0)
		out = fopen(path, "wb");
	if (out)
		n = pread(fd, data, sizeof(data), 0);
	if (!out || n <= 0 || fwrite(data, 1, (size_t)n, out) != (size_t)n || fclose(out) != 0) {
		fprintf(stderr, "test_btf_mini: %s: %s\n", path, err ? missing : strerror(errno));
		return 1;
	}
	close(fd);
	qp_trace__destroy(skel);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_flavours),
		cmocka_unit_test(test_many_missing),
		cmocka_unit_test(test_module),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_no_file),
	};

	if (argc == 2)
		return record(argv[1]);
	return cmocka_run_group_tests_name("btf_mini", tests, setup, teardown);
}
