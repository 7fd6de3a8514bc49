/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/tracer_reason.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The headers of some systems lack these. */
#define REASON_CAP_PERFMON 38
#define REASON_CAP_BPF 39

#define REASON_MEMLOCK (8U << 20)

/* The first line of a file, without its newline; "" if there is none. */
static void
facts_line(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");

	text[0] = '\0';
	if (!f)
		return;
	if (!fgets(text, (int)size, f))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	fclose(f);
}

static uint64_t
facts_capabilities(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t caps = 0;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "CapEff: %" SCNx64, &caps) == 1)
			break;
	}
	fclose(f);
	return caps;
}

static bool
facts_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Whether the kernel has the types of any module: since Linux 5.11, depending on its config. */
static bool
facts_modules_btf(void)
{
	DIR *dir = opendir("/sys/kernel/btf");
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.' && strcmp(entry->d_name, "vmlinux") != 0;
	if (dir)
		closedir(dir);
	return found;
}

/* If ib_core is built in, it has no initstate. */
static void
facts_types(struct tracer_facts *out)
{
	out->modules_btf = facts_modules_btf();
	out->btf = facts_there("/sys/kernel/btf/vmlinux");
	out->module_btf = facts_there("/sys/kernel/btf/ib_core") ||
			  !facts_there("/sys/module/ib_core/initstate");
}

static void
facts_kprobes(struct tracer_facts *out)
{
	char line[8];

	out->kprobes = facts_there("/sys/bus/event_source/devices/kprobe") ||
		       facts_there("/sys/kernel/tracing/kprobe_events") ||
		       facts_there("/sys/kernel/debug/tracing/kprobe_events");
	facts_line("/sys/kernel/debug/kprobes/enabled", line, sizeof(line));
	out->kprobes_off = line[0] == '0';
	facts_line("/proc/sys/kernel/ftrace_enabled", line, sizeof(line));
	out->ftrace_off = line[0] == '0';
}

void
tracer_facts_read(struct tracer_facts *out)
{
	char line[256];
	struct utsname uts;
	struct rlimit limit;

	memset(out, 0, sizeof(*out));
	out->capabilities = facts_capabilities();
	facts_line("/proc/sys/kernel/perf_event_paranoid", line, sizeof(line));
	out->paranoid = atoi(line);
	if (uname(&uts) == 0)
		sscanf(uts.release, "%u.%u", &out->major, &out->minor);
	facts_types(out);
	facts_kprobes(out);
	facts_line("/sys/kernel/security/lockdown", line, sizeof(line));
	out->confidential = strstr(line, "[confidentiality]") != NULL;
	out->memlock = getrlimit(RLIMIT_MEMLOCK, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

static bool
facts_can(const struct tracer_facts *facts, int capability)
{
	return (facts->capabilities >> capability | facts->capabilities >> CAP_SYS_ADMIN) & 1;
}

static bool
facts_older(const struct tracer_facts *facts, unsigned major, unsigned minor)
{
	return facts->major < major || (facts->major == major && facts->minor < minor);
}

/* The names of the missing rights; NULL: none is missing. */
static const char *
facts_lacks(const struct tracer_facts *facts)
{
	bool bpf = facts_can(facts, REASON_CAP_BPF), perfmon = facts_can(facts, REASON_CAP_PERFMON);

	if (bpf && perfmon)
		return NULL;
	return bpf ? "CAP_PERFMON" : perfmon ? "CAP_BPF" : "CAP_BPF and CAP_PERFMON";
}

static bool
reason_refused(int err)
{
	return err == -EPERM || err == -EACCES;
}

/* Explains a refusal by reasons that loading and attaching share. */
static bool
reason_rights(const struct tracer_facts *facts, char *text, size_t size)
{
	const char *lacks = facts_lacks(facts);

	if (lacks)
		snprintf(text, size,
			 "the daemon lacks %s: run it as root, or restart it with both (systemd: "
			 "AmbientCapabilities=CAP_BPF "
			 "CAP_PERFMON; file: setcap cap_bpf,cap_perfmon+ep)",
			 lacks);
	else if (facts->confidential)
		snprintf(text, size,
			 "the kernel is locked down in confidentiality mode and lets nobody read "
			 "kernel memory: boot with "
			 "lockdown=integrity");
	return lacks || facts->confidential;
}

static bool
reason_kernel(const struct tracer_facts *facts, int err, char *text, size_t size)
{
	if (facts->no_ring)
		snprintf(text, size,
			 "the kernel, Linux %u.%u, has no BPF ring buffer: tracing needs 5.8 or "
			 "later",
			 facts->major, facts->minor);
	else if (!facts->btf)
		snprintf(text, size,
			 "the kernel does not describe its types, /sys/kernel/btf/vmlinux is not "
			 "there: run a kernel built "
			 "with CONFIG_DEBUG_INFO_BTF");
	else if (err == -ENOSYS)
		snprintf(text, size,
			 "the kernel has no bpf(2): run one built with CONFIG_BPF_SYSCALL");
	else
		return false;
	return true;
}

/* Explains a failure by missing types. */
static bool
reason_types(const struct tracer_facts *facts, int err, const char *said, char *text, size_t size)
{
	if (err == -EBADMSG)
		snprintf(text, size,
			 "the kernel's types cannot be read (%s): they are damaged, or newer than "
			 "this program's libbpf",
			 said);
	else if (err == -ENODATA && !facts->module_btf && !facts_older(facts, 5, 11))
		snprintf(text, size,
			 "ib_core does not describe its types, /sys/kernel/btf/ib_core is not "
			 "there: use the kernel's own "
			 "ib_core, or build it where /sys/kernel/btf/vmlinux and pahole are at "
			 "hand (%s)",
			 said);
	else
		return false;
	return true;
}

void
tracer_reason_load(const struct tracer_facts *facts, int err, const char *said, char *text,
		   size_t size)
{
	/*
	 * Under lockdown, the verifier does not know the helpers that read kernel memory, so the
	 * error is not that of a refusal.
	 */
	if (reason_kernel(facts, err, text, size) ||
	    ((reason_refused(err) || facts->confidential) && reason_rights(facts, text, size)) ||
	    reason_types(facts, err, said, text, size))
		return;
	if (reason_refused(err) && facts_older(facts, 5, 11) && facts->memlock < REASON_MEMLOCK)
		snprintf(text, size,
			 "Linux %u.%u counts BPF memory as locked, and only %" PRIu64
			 " kB are allowed: set LimitMEMLOCK=8M "
			 "(systemd) or ulimit -l 8192, and restart",
			 facts->major, facts->minor, facts->memlock >> 10);
	else if (reason_refused(err))
		snprintf(text, size,
			 "the kernel refuses bpf(2) (%s) though CAP_BPF and CAP_PERFMON are there: "
			 "look for a system call "
			 "filter (systemd SystemCallFilter=, container seccomp profile) or a "
			 "security module",
			 said);
	else
		snprintf(text, size,
			 "the kernel does not take the programs (%s): raise the log level of trace "
			 "to debug and report what "
			 "it says",
			 said);
}

void
tracer_reason_attach(const struct tracer_facts *facts, int err, const char *said, char *text,
		     size_t size)
{
	if (!facts->kprobes)
		snprintf(text, size,
			 "the kernel has no kprobes: run one built with CONFIG_KPROBE_EVENTS");
	else if (reason_refused(err) && reason_rights(facts, text, size))
		return;
	else if (reason_refused(err) && facts->paranoid >= 3 &&
		 !(facts->capabilities >> CAP_SYS_ADMIN & 1))
		snprintf(text, size,
			 "kernel.perf_event_paranoid=%d refuses kprobes without CAP_SYS_ADMIN: "
			 "sysctl "
			 "kernel.perf_event_paranoid=2, or give CAP_SYS_ADMIN, or run a kernel "
			 "whose kprobe.multi finds functions "
			 "of modules (on x86-64, Linux 6.12)",
			 facts->paranoid);
	else if (reason_refused(err))
		snprintf(text, size,
			 "the kernel refuses kprobes (%s) though CAP_BPF and CAP_PERFMON are "
			 "there: look for a system call "
			 "filter (systemd SystemCallFilter=, container seccomp profile) or a "
			 "security module",
			 said);
	else
		snprintf(text, size,
			 "kprobes cannot be attached (%s): raise the log level of trace to debug "
			 "and report what it says",
			 said);
}

bool
tracer_reason_foreign(const struct tracer_facts *facts, char *text, size_t size)
{
	if (facts->module_btf || !facts->modules_btf)
		return false;
	snprintf(text, size,
		 "ib_core does not describe its types, /sys/kernel/btf/ib_core is not there, and "
		 "those of vmlinux are used: reports may be wrong if ib_core is not the kernel's "
		 "own; build it where /sys/kernel/btf/vmlinux and pahole are at hand");
	return true;
}

void
tracer_reason_silent(const struct tracer_facts *facts, char *text, size_t size)
{
	if (facts->ftrace_off)
		snprintf(text, size,
			 "the hooks are not called while kernel.ftrace_enabled=0: sysctl "
			 "kernel.ftrace_enabled=1");
	else if (facts->kprobes_off)
		snprintf(text, size, "the hooks are not called while kprobes are switched off: "
			 "echo 1 > /sys/kernel/debug/kprobes/enabled");
	else
		snprintf(text, size,
			 "the hooks see nothing of a dump of QPs, so older QPs lack their paths: "
			 "kprobes may be switched off "
			 "(/sys/kernel/debug/kprobes/enabled), or this kernel's dump does not "
			 "query QPs");
}
