/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every tracing program loads and passes the verifier against the recorded BTF of four kernels,
 * needing neither RDMA nor kprobes here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "rpingmesh/qp_event.h"

#include <qp_trace.skel.h>

static char warnings[16384];

__attribute__((format(printf, 2, 0))) static int
on_print(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t used = strlen(warnings);

	if (level == LIBBPF_WARN)
		vsnprintf(warnings + used, sizeof(warnings) - used, format, args);
	return 0;
}

static void
skip_because(const char *why)
{
	print_message("skipped: %s\n", why);
	skip();
}

/* kprobe.multi came with Linux 5.18. */
static bool
kernel_has_multi(void)
{
	struct utsname uts;
	int major = 0, minor = 0;

	uname(&uts);
	sscanf(uts.release, "%d.%d", &major, &minor);
	return major > 5 || (major == 5 && minor >= 18);
}

static int
load_btf(const char *btf, int *n_loaded)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf);
	struct qp_trace *skel;
	struct bpf_program *p;
	int err;

	warnings[0] = '\0';
	libbpf_set_print(on_print);
	skel = qp_trace__open_opts(&opts);
	if (!skel)
		return -errno;
	*n_loaded = 0;
	bpf_object__for_each_program(p, skel->obj) {
		bool multi = strstr(bpf_program__name(p), "_multi");

		bpf_program__set_autoload(p, !multi || kernel_has_multi());
		*n_loaded += bpf_program__autoload(p);
	}
	err = qp_trace__load(skel);
	qp_trace__destroy(skel);
	if (err == -EPERM || err == -EACCES)
		skip_because("the kernel does not let this user load BPF");
	return err;
}

static const char *
recorded(const char *kernel)
{
	static char path[4096];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof(path), "%s/tests/unit/trace/btf/%s.btf", top ? top : ".", kernel);
	return path;
}

static void
test_recorded(void **state)
{
	int n, err = load_btf(recorded(*state), &n);

	if (err)
		fail_msg("%d: %s", err, warnings);
	assert_int_equal(n, kernel_has_multi() ? 9 * 2 + 1 : 9 + 1);
}

/* A copy of a recorded BTF in which a name is misspelt: the kernel does not have that field. */
static int
load_without(const char *name)
{
	char data[16384], path[64];
	FILE *f = fopen(recorded("6.1"), "rb");
	int fd = memfd_create("btf", 0), n, err;
	size_t size, found = 0, len = strlen(name) + 1;

	if (!f)
		return -ENOENT;
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	for (size_t i = 1; i + len <= size; i++) {
		if (data[i - 1] == '\0' && memcmp(data + i, name, len) == 0) {
			data[i] = '?';
			found++;
		}
	}
	assert_int_equal(found, 1);
	assert_int_equal(write(fd, data, size), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = load_btf(path, &n);
	close(fd);
	return err;
}

/* Fields that tracing can do without, and names of enumerators. */
static void
test_degraded(void **state)
{
	static const char *const names[] = {
		"av_sgid_attr",
		"gid_type",
		"port",
		"res",
		"task",
		"user",
		"kern_name",
		"cgroups",
		"dfl_cgrp",
		"kn",
		"name",
		"ops",
		"driver_id",
		"qp_type",
		"ah_attr",
		"grh",
		"dgid",
		"flow_label",
		"sgid_index",
		"hop_limit",
		"traffic_class",
		"sl",
		"ah_flags",
		"port_num",
		"qp_state",
		"path_mtu",
		"dest_qp_num",
		"IB_GID_TYPE_ROCE",
		"RDMA_AH_ATTR_TYPE_ROCE",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int err = load_without(names[i]);

		if (err)
			fail_msg("without %s: %d: %s", names[i], err, warnings);
	}
}

/* Nothing can be told without these: better refused than wrong. */
static void
test_vital(void **state)
{
	static const char *const names[] = {"qp_num", "device", "index", "real_qp", "di"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_not_equal(load_without(names[i]), 0);
}

int
main(void)
{
	static char v5_10[] = "5.10", v6_1[] = "6.1", v6_12[] = "6.12", v7_2[] = "7.2";
	const struct CMUnitTest tests[] = {
		{"load for Linux 5.10", test_recorded, NULL, NULL, v5_10},
		{"load for Linux 6.1", test_recorded, NULL, NULL, v6_1},
		{"load for Linux 6.12", test_recorded, NULL, NULL, v6_12},
		{"load for Linux 7.2", test_recorded, NULL, NULL, v7_2},
		cmocka_unit_test(test_degraded),
		cmocka_unit_test(test_vital),
	};

	return cmocka_run_group_tests_name("bpf_load", tests, NULL, NULL);
}
