/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command whose kernel refuses some of what tracing needs, as an old kernel, a container or
 * a policy would. A seccomp filter hands the system calls in question to a supervisor
 * (seccomp_unotify(2)), which reads what their pointers point to and either lets the kernel go on
 * or answers with an error. usage() says what it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define RULES_MAX 16
#define TEXT_MAX 128

static void
usage(FILE *to)
{
	fputs("Usage: bpf_deny [--rules FILE] [RULE]... -- COMMAND [ARGUMENT]...\n"
	      "\n"
	      "Runs COMMAND, to which the kernel answers with errors as the rules say: those "
	      "given, and those that FILE has, separated by\n"
	      "white space, at the time of each system call. COMMAND keeps this process's pid. "
	      "Needs CAP_SYS_ADMIN, which COMMAND need\n"
	      "not have.\n"
	      "\n"
	      "  bpf=ERROR                       bpf(2) as a whole\n"
	      "  map_create[:TYPE]=ERROR         its commands; TYPE of map: ringbuf, hash, array\n"
	      "  prog_load[:TYPE]=ERROR          TYPE of program: kprobe, socket_filter, "
	      "raw_tracepoint\n"
	      "  btf_load=ERROR\n"
	      "  link_create[:TYPE]=ERROR        TYPE of attachment: perf_event, kprobe_multi\n"
	      "  prog_run=ERROR                  BPF_PROG_TEST_RUN\n"
	      "  perf_event_open[:FUNCTION]=ERROR  kprobes alone with FUNCTION, which they are on\n"
	      "  socket:rdma=ERROR               sockets of NETLINK_RDMA\n"
	      "\n"
	      "ERROR is EPERM, EACCES, EINVAL, ENOENT, ENOSYS, ENOMEM, EOPNOTSUPP or "
	      "EPROTONOSUPPORT. Exit status: that of COMMAND; 125.\n",
	      to);
}

struct named {
	const char *name;
	int64_t value;
};

static const struct named errors[] = {
	{"EPERM", EPERM}, {"EACCES", EACCES}, {"EINVAL", EINVAL}, {"ENOENT", ENOENT}, {"ENOSYS",
	 ENOSYS}, {"ENOMEM", ENOMEM},
	{"EOPNOTSUPP", EOPNOTSUPP}, {"EPROTONOSUPPORT", EPROTONOSUPPORT}, {NULL, 0},
};
static const struct named maps[] = {
	{"ringbuf", BPF_MAP_TYPE_RINGBUF}, {"hash", BPF_MAP_TYPE_HASH}, {"array",
	 BPF_MAP_TYPE_ARRAY}, {NULL, 0},
};
static const struct named progs[] = {
	{"kprobe", BPF_PROG_TYPE_KPROBE}, {"socket_filter", BPF_PROG_TYPE_SOCKET_FILTER},
	{"raw_tracepoint", BPF_PROG_TYPE_RAW_TRACEPOINT}, {NULL, 0},
};
static const struct named links[] = {
	{"perf_event", BPF_PERF_EVENT}, {"kprobe_multi", BPF_TRACE_KPROBE_MULTI}, {NULL, 0},
};

#define ANY (-1)

/* What a rule may begin with. what_at: where in the attributes of the command the type stands. */
static const struct subject {
	const char *name;
	int call;
	int64_t command;
	const struct named *types;
	size_t what_at;
} subjects[] = {
	{"bpf", __NR_bpf, ANY, NULL, 0},
	{"map_create", __NR_bpf, BPF_MAP_CREATE, maps, offsetof(union bpf_attr, map_type)},
	{"prog_load", __NR_bpf, BPF_PROG_LOAD, progs, offsetof(union bpf_attr, prog_type)},
	{"btf_load", __NR_bpf, BPF_BTF_LOAD, NULL, 0},
	{"link_create", __NR_bpf, BPF_LINK_CREATE, links, offsetof(union bpf_attr,
	 link_create.attach_type)},
	{"prog_run", __NR_bpf, BPF_PROG_TEST_RUN, NULL, 0},
	{"perf_event_open", __NR_perf_event_open, ANY, NULL, 0},
	{"socket", __NR_socket, ANY, NULL, 0},
};
#define SUBJECTS_N (sizeof(subjects) / sizeof(subjects[0]))

struct rule {
	const struct subject *subject;
	int64_t what; /* of subject->types; or ANY */
	char function[TEXT_MAX]; /* of a kprobe; "": any event */
	int error;
};

static struct rule rules[RULES_MAX];
static size_t n_rules;
static const char *rules_file;

static void
die(const char *what)
{
	fprintf(stderr, "bpf_deny: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void
bad_call(const char *text)
{
	fprintf(stderr, "bpf_deny: %s: not understood\n", text);
	usage(stderr);
	exit(125);
}

static int64_t
value_of(const struct named *list, const char *name, const char *text)
{
	for (; list && list->name; list++) {
		if (strcmp(list->name, name) == 0)
			return list->value;
	}
	bad_call(text);
	return 0;
}

static const struct subject *
subject_of(const char *name, const char *text)
{
	for (size_t i = 0; i < SUBJECTS_N; i++) {
		if (strcmp(subjects[i].name, name) == 0)
			return &subjects[i];
	}
	bad_call(text);
	return NULL;
}

/* SUBJECT[:WHAT]=ERROR */
static struct rule
parse_rule(const char *text)
{
	struct rule rule = {.what = ANY};
	char subject[32] = "", what[TEXT_MAX] = "", error[32] = "";

	if (sscanf(text, "%31[a-z_]=%31[A-Z]", subject, error) != 2 &&
	    sscanf(text, "%31[a-z_]:%127[a-z0-9_]=%31[A-Z]", subject, what, error) != 3)
		bad_call(text);
	rule.subject = subject_of(subject, text);
	rule.error = (int)value_of(errors, error, text);
	if (rule.subject->call == __NR_perf_event_open)
		strcpy(rule.function, what);
	else if (rule.subject->call == __NR_socket && strcmp(what, "rdma") != 0)
		bad_call(text);
	else if (what[0] && rule.subject->call == __NR_bpf)
		rule.what = value_of(rule.subject->types, what, text);
	return rule;
}

/* ---- the supervisor ---- */

/* Reads the process's memory; what cannot be read is 0, which no rule asks for. */
static void
peek(uint32_t pid, uint64_t address, void *out, size_t size)
{
	struct iovec mine = {out, size}, its = {(void *)(uintptr_t)address, size};

	memset(out, 0, size);
	/* page by page: a text may stand at the end of what is mapped */
	for (size_t done = 0; done < size;) {
		size_t step = 4096 - (address + done) % 4096;

		step = step < size - done ? step : size - done;
		mine = (struct iovec){(char *)out + done, step};
		its = (struct iovec){(void *)(uintptr_t)(address + done), step};
		if (process_vm_readv((pid_t)pid, &mine, 1, &its, 1, 0) < 0)
			break;
		done += step;
	}
}

static bool
kprobe_is_on(const struct seccomp_notif *call, const char *function)
{
	struct perf_event_attr attr;
	char name[TEXT_MAX];
	const char *colon;

	peek(call->pid, call->data.args[0], &attr, sizeof(attr));
	if (attr.type < PERF_TYPE_MAX || !attr.kprobe_func)
		return false;
	peek(call->pid, attr.kprobe_func, name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	colon = strchr(name, ':'); /* "module:function" */
	return strcmp(colon ? colon + 1 : name, function) == 0;
}

static bool
applies(const struct rule *rule, const struct seccomp_notif *call)
{
	const struct subject *s = rule->subject;
	uint32_t what;

	if (call->data.nr != s->call)
		return false;
	if (s->call == __NR_perf_event_open)
		return !rule->function[0] || kprobe_is_on(call, rule->function);
	if (s->call == __NR_socket)
		return call->data.args[0] == AF_NETLINK && (int)call->data.args[2] == NETLINK_RDMA;
	if (s->command != ANY && (int64_t)call->data.args[0] != s->command)
		return false;
	if (rule->what == ANY)
		return true;
	peek(call->pid, call->data.args[1] + s->what_at, &what, sizeof(what));
	return what == rule->what;
}

static int
verdict_of_file(const struct seccomp_notif *call)
{
	FILE *f = rules_file ? fopen(rules_file, "re") : NULL;
	char text[TEXT_MAX + 64];
	int error = 0;

	while (f && !error && fscanf(f, "%191s", text) == 1) {
		const struct rule rule = parse_rule(text);

		if (applies(&rule, call))
			error = rule.error;
	}
	if (f)
		fclose(f);
	return error;
}

static int
verdict(const struct seccomp_notif *call)
{
	for (size_t i = 0; i < n_rules; i++) {
		if (applies(&rules[i], call))
			return rules[i].error;
	}
	return verdict_of_file(call);
}

/* Whether all who were under the filter have ended (Linux 5.9). */
static bool
deserted(int listener)
{
	struct pollfd fd = {.fd = listener};

	return poll(&fd, 1, 0) > 0 && fd.revents & POLLHUP;
}

/* Until no process has the filter any more. */
static void
supervise(int listener)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp answer;

	for (;;) {
		memset(&call, 0, sizeof(call));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
			/* ENOENT: the caller was interrupted meanwhile, or nobody is left. */
			if (errno == EINTR || (errno == ENOENT && !deserted(listener)))
				continue;
			break;
		}
		answer = (struct seccomp_notif_resp){.id = call.id, .error = -verdict(&call)};
		if (!answer.error)
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	_exit(0);
}

/* ---- the filter ---- */

static int
install_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_perf_event_open, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

struct message {
	struct msghdr header;
	struct iovec byte;
	char text;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
};

static struct msghdr *
message_of(struct message *m)
{
	m->byte = (struct iovec){&m->text, 1};
	m->header = (struct msghdr){.msg_iov = &m->byte,
				    .msg_iovlen = 1,
				    .msg_control = m->control.bytes,
				    .msg_controllen = sizeof(m->control.bytes)};
	return &m->header;
}

static void
give(int sock, int fd)
{
	struct message m = {.text = 0};
	struct cmsghdr *c;

	message_of(&m);
	c = CMSG_FIRSTHDR(&m.header);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(fd)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &m.header, 0) < 0)
		die("sendmsg");
}

static int
take(int sock)
{
	struct message m = {.text = 0};
	int fd;

	if (recvmsg(sock, message_of(&m), MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&m.header))
		_exit(125);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m.header)), sizeof(fd));
	return fd;
}

/*
 * A grandchild, so that COMMAND has no child that it does not know. Its streams are COMMAND's no
 * longer.
 */
static void
start_supervisor(int sock, int other)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		close(other);
		if (fork() != 0)
			_exit(0);
		setsid();
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		supervise(take(sock));
	}
	waitpid(pid, NULL, 0);
	close(sock);
}

int
main(int argc, char **argv)
{
	int at = 1, pair[2], listener;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
		if (strcmp(argv[at], "--rules") == 0 && at + 1 < argc)
			rules_file = argv[++at];
		else if (n_rules == RULES_MAX)
			bad_call(argv[at]);
		else
			rules[n_rules++] = parse_rule(argv[at]);
	}
	if (at + 1 >= argc)
		bad_call("no command");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	start_supervisor(pair[0], pair[1]);
	listener = install_filter();
	if (listener < 0)
		die("seccomp");
	give(pair[1], listener);
	close(pair[1]);
	close(listener);
	execvp(argv[at + 1], &argv[at + 1]);
	die(argv[at + 1]);
	return 125;
}
