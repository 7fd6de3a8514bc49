/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "trace/tracer.h"
#include "trace/tracer_reason.h"

#define CAP(n) (1ULL << (n))
#define BOTH (CAP(38) | CAP(39)) /* CAP_PERFMON, CAP_BPF: capabilities(7) */

enum when { LOAD, ATTACH, SILENT, FOREIGN };

/* Where nothing is missing. */
static const struct tracer_facts whole = {
	.capabilities = BOTH,
	.paranoid = 2,
	.major = 6,
	.minor = 1,
	.btf = true,
	.module_btf = true,
	.kprobes = true,
	.memlock = UINT64_MAX,
};

/*
 * One thing missing; what the sentence must name, what it must not, and what the manual has on it.
 */
static const struct row {
	enum when when;
	struct tracer_facts less; /* bits to take away or to set: see facts_of() */
	int err;
	const char *wants[3], *never, *manual;
} rows[] = {
	{LOAD, {.no_ring = true, .major = 4, .minor = 19}, -EINVAL, {"Linux 4.19", "ring buffer",
	 "5.8"}, "CAP_", "no BPF ring buffer"},
	{LOAD, {.btf = true}, -ENOENT, {"/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"}, "CAP_",
	 "CONFIG_DEBUG_INFO_BTF"},
	{LOAD, {.module_btf = true}, -ENODATA, {"/sys/kernel/btf/ib_core", "pahole"}, "CAP_",
	 "/sys/kernel/btf/ib_core"},
	{LOAD, {.module_btf = true}, -ENOMEM, {"does not take the programs", "said"}, "pahole",
	 "does not take the programs"},
	{LOAD, {.module_btf = true, .major = 5, .minor = 10}, -ENODATA,
	 {"does not take the programs"}, "pahole", "does not take the programs"},
	{LOAD, {.module_btf = true, .capabilities = BOTH}, -EPERM, {"CAP_BPF and CAP_PERFMON"},
	 "btf", "CAP_BPF"},
	{LOAD, {0}, -EBADMSG, {"damaged", "libbpf"}, "CAP_", "damaged, or newer"},
	{LOAD, {0}, -ENOSYS, {"bpf(2)", "CONFIG_BPF_SYSCALL"}, "CAP_", "CONFIG_BPF_SYSCALL"},
	{LOAD, {.capabilities = CAP(39)}, -EPERM, {"lacks CAP_BPF:", "AmbientCapabilities",
	 "restart"}, "lacks CAP_PERFMON", "CAP_BPF"},
	{LOAD, {.capabilities = CAP(38)}, -EPERM, {"lacks CAP_PERFMON:", "setcap", "restart"},
	 "lacks CAP_BPF", "CAP_PERFMON"},
	{LOAD, {.confidential = true}, -EINVAL, {"confidentiality", "lockdown=integrity"}, "CAP_",
	 "lockdown=integrity"},
	{LOAD, {.confidential = true}, -EPERM, {"confidentiality", "lockdown=integrity"}, "CAP_",
	 "lockdown=integrity"},
	{LOAD, {.memlock = 65536, .major = 5, .minor = 10}, -EPERM, {"64 kB", "LimitMEMLOCK",
	 "restart"}, "filter", "LimitMEMLOCK"},
	{LOAD, {.memlock = 65536}, -EPERM, {"SystemCallFilter", "security module"}, "LimitMEMLOCK",
	 "SystemCallFilter"},
	{LOAD, {0}, -EINVAL, {"does not take the programs", "said", "debug"}, "CAP_",
	 "does not take the programs"},
	{ATTACH, {.kprobes = true}, -ENOSYS, {"no kprobes", "CONFIG_KPROBE_EVENTS"}, "CAP_",
	 "CONFIG_KPROBE_EVENTS"},
	{ATTACH, {.paranoid = 3}, -EACCES, {"perf_event_paranoid=3", "sysctl", "kprobe.multi"},
	 "filter", "kernel.perf_event_paranoid"},
	{ATTACH, {0}, -EPERM, {"refuses kprobes", "SystemCallFilter"}, "paranoid",
	 "SystemCallFilter"},
	{ATTACH, {.capabilities = CAP(38)}, -EACCES, {"lacks CAP_PERFMON"}, "paranoid",
	 "CAP_PERFMON"},
	{ATTACH, {.confidential = true}, -EPERM, {"lockdown=integrity"}, "paranoid",
	 "lockdown=integrity"},
	{ATTACH, {0}, -EINVAL, {"cannot be attached", "said", "debug"}, "CAP_",
	 "cannot be attached"},
	{SILENT, {.ftrace_off = true}, 0, {"kernel.ftrace_enabled=0", "sysctl"}, "dump",
	 "kernel.ftrace_enabled"},
	{SILENT, {.kprobes_off = true}, 0, {"/sys/kernel/debug/kprobes/enabled"}, "dump",
	 "/sys/kernel/debug/kprobes/enabled"},
	{SILENT, {0}, 0, {"kprobes/enabled", "does not query"}, "ftrace", "does not query"},
	{FOREIGN, {.module_btf = true, .modules_btf = true}, 0, {"/sys/kernel/btf/ib_core",
	 "may be wrong", "pahole"}, "CAP_",
	 "those of vmlinux are used"},
};
#define ROWS_N (sizeof(rows) / sizeof(rows[0]))

/* Of what is there when all is well, what the row has is taken away; of the rest, it is set. */
static struct tracer_facts
facts_of(const struct tracer_facts *less)
{
	struct tracer_facts f = whole;

	f.capabilities &= ~less->capabilities;
	f.btf = !less->btf;
	f.module_btf = !less->module_btf;
	f.kprobes = !less->kprobes;
	f.modules_btf = less->modules_btf;
	f.no_ring = less->no_ring;
	f.confidential = less->confidential;
	f.kprobes_off = less->kprobes_off;
	f.ftrace_off = less->ftrace_off;
	f.paranoid = less->paranoid ? less->paranoid : f.paranoid;
	f.memlock = less->memlock ? less->memlock : f.memlock;
	if (less->major) {
		f.major = less->major;
		f.minor = less->minor;
	}
	return f;
}

static void
sentence_of(const struct row *row, char text[TRACER_REASON])
{
	const struct tracer_facts f = facts_of(&row->less);

	switch (row->when) {
	case LOAD:
		tracer_reason_load(&f, row->err, "what libbpf said", text, TRACER_REASON);
		break;
	case ATTACH:
		tracer_reason_attach(&f, row->err, "what libbpf said", text, TRACER_REASON);
		break;
	case SILENT:
		tracer_reason_silent(&f, text, TRACER_REASON);
		break;
	case FOREIGN:
		assert_true(tracer_reason_foreign(&f, text, TRACER_REASON));
		break;
	}
}

static void
names_cause_and_cure(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS_N; i++) {
		const struct row *row = &rows[i];
		char text[TRACER_REASON];

		sentence_of(row, text);
		for (size_t w = 0; w < 3 && row->wants[w]; w++) {
			if (!strstr(text, row->wants[w]))
				fail_msg("row %zu: no \"%s\" in: %s", i, row->wants[w], text);
		}
		if (strstr(text, row->never))
			fail_msg("row %zu: \"%s\" in: %s", i, row->never, text);
		/* two of them, and libbpf's longest words, have room */
		assert_true(strlen(text) < TRACER_REASON - 130);
	}
}

/* With CAP_SYS_ADMIN alone, all that a kernel before 5.8 has, no right is missing. */
static void
sys_admin_is_both(void **state)
{
	struct tracer_facts f = whole;
	char text[TRACER_REASON];

	(void)state;
	f.capabilities = CAP(CAP_SYS_ADMIN);
	f.paranoid = 3;
	tracer_reason_load(&f, -EPERM, "", text, sizeof(text));
	assert_null(strstr(text, "lacks"));
	assert_false(tracer_reason_foreign(&f, text, sizeof(text)));
	tracer_reason_attach(&f, -EACCES, "", text, sizeof(text));
	assert_null(strstr(text, "lacks"));
	assert_null(strstr(text, "paranoid"));
}

/* rpingmeshd(8) without its macros, line ends as blanks. */
static char *
manual(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096], line[1024], *text = calloc(1, 1 << 17);
	FILE *f;

	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/man/rpingmeshd.8", top ? top : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *at = line;

		if (*at == '.')
			at += strcspn(at, " \n");
		while (at[0] == ' ' && at[1] >= 'A' && at[1] <= 'Z' && at[2] >= 'a' &&
		       at[2] <= 'z' && at[3] == ' ')
			at += 3;
		at += *at == ' ';
		at[strcspn(at, "\n")] = '\0';
		assert_true(strlen(text) + strlen(at) + 2 < 1 << 17);
		strcat(text, at);
		strcat(text, " ");
	}
	fclose(f);
	return text;
}

static void
stands_in_the_manual(void **state)
{
	char *text = manual();

	(void)state;
	for (size_t i = 0; i < ROWS_N; i++) {
		char sentence[TRACER_REASON];

		sentence_of(&rows[i], sentence);
		if (!strstr(text, rows[i].manual))
			fail_msg("rpingmeshd(8) has no \"%s\", of: %s", rows[i].manual, sentence);
	}
	free(text);
}

/* Against what the kernel says by other ways. */
static void
reads_facts(void **state)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	struct rlimit limit;
	struct tracer_facts f;
	char release[65], start[64];
	struct utsname name;

	(void)state;
	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	assert_int_equal(uname(&name), 0);
	tracer_facts_read(&f);
	assert_int_equal(f.capabilities, (uint64_t)data[1].effective << 32 | data[0].effective);
	assert_int_equal(f.memlock, limit.rlim_cur);
	snprintf(release, sizeof(release), "%s", name.release);
	snprintf(start, sizeof(start), "%u.%u", f.major, f.minor);
	assert_memory_equal(release, start, strlen(start));
	assert_false(f.no_ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_cause_and_cure),
		cmocka_unit_test(sys_admin_is_both),
		cmocka_unit_test(stands_in_the_manual),
		cmocka_unit_test(reads_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
