/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "core/log.h"
#include "rpingmesh/control.h"
#include "rpingmesh/log_subsystems.h"

/* The headers of some systems lack these. */
#define PRIVILEGES_CAP_PERFMON 38
#define PRIVILEGES_CAP_BPF 39

#define PRIVILEGES_MEMLOCK (512u << 20) /* as in rpingmeshd.service */
#define PRIVILEGES_PORTS 1024           /* below it, ports are privileged */
#define PRIVILEGES_GROUPS 64
#define PRIVILEGES_PARANOID "/proc/sys/kernel/perf_event_paranoid"

#define BIT(capability) (UINT64_C(1) << (capability))

/* ---- needed capabilities ---- */

static bool
privileges_low_port(const struct config *config)
{
	const char *port = strrchr(config->metrics_listen, ':');

	return config->port < PRIVILEGES_PORTS || (port && atoi(port + 1) < PRIVILEGES_PORTS);
}

static uint64_t
privileges_of_daemon(const struct config *config, const struct privileges_facts *facts)
{
	uint64_t need = 0;

	if (facts->memlock < PRIVILEGES_MEMLOCK)
		need |= BIT(CAP_IPC_LOCK);
	if (privileges_low_port(config))
		need |= BIT(CAP_NET_BIND_SERVICE);
	return need;
}

static uint64_t
privileges_of_helper(const struct privileges_facts *facts)
{
	return BIT(PRIVILEGES_CAP_BPF) | BIT(PRIVILEGES_CAP_PERFMON) |
	       (facts->paranoid > 2 ? BIT(CAP_SYS_ADMIN) : 0);
}

uint64_t
privileges_needed(enum privileges_of process, const struct config *config,
		  const struct privileges_facts *facts)
{
	return process == PRIVILEGES_HELPER ? privileges_of_helper(facts) :
	       privileges_of_daemon(config, facts);
}

static void
privileges_facts_read(struct privileges_facts *out)
{
	FILE *f = fopen(PRIVILEGES_PARANOID, "re");
	struct rlimit limit;

	*out = (struct privileges_facts){.memlock = UINT64_MAX};
	if (f && fscanf(f, "%d", &out->paranoid) != 1)
		out->paranoid = 0;
	if (f)
		fclose(f);
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		out->memlock = limit.rlim_cur;
}

const char *
privileges_name(unsigned int capability, char buf[PRIVILEGES_NAME])
{
	switch (capability) {
	case CAP_IPC_LOCK:
		return "CAP_IPC_LOCK";
	case CAP_NET_BIND_SERVICE:
		return "CAP_NET_BIND_SERVICE";
	case CAP_SYS_ADMIN:
		return "CAP_SYS_ADMIN";
	case PRIVILEGES_CAP_BPF:
		return "CAP_BPF";
	case PRIVILEGES_CAP_PERFMON:
		return "CAP_PERFMON";
	default:
		snprintf(buf, PRIVILEGES_NAME, "CAP_%u", capability);
		return buf;
	}
}

/* ---- user ---- */

/*
 * The user to become. NULL: the daemon keeps its user; *rc is -errno, logged, if the configured
 * user does not exist.
 */
static const struct passwd *
privileges_user(const struct config *config, int *rc)
{
	const char *name = config->user[0] ? config->user : PRIVILEGES_USER;
	const struct passwd *user;

	*rc = 0;
	if (geteuid() != 0)
		return NULL;
	user = getpwnam(name);
	if (!user && config->user[0]) {
		log_error(MAIN, "user: there is no user \"%s\" (useradd -r %s)", name, name);
		*rc = -ENOENT;
	}
	return user && user->pw_uid == 0 ? NULL : user;
}

/* Sets the groups of the user, and that of the control socket. */
static int
privileges_groups(const struct config *config, const struct passwd *user)
{
	gid_t groups[PRIVILEGES_GROUPS + 1];
	const struct group *share;
	int n = 0;

	if (user) {
		n = PRIVILEGES_GROUPS;
		if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
			n = PRIVILEGES_GROUPS;
	}
	share = config->socket_group[0] ? getgrnam(config->socket_group) : NULL;
	if (share)
		groups[n++] = share->gr_gid;
	return setgroups((size_t)n, groups) < 0 ? -errno : 0;
}

/* Becomes the user. Capabilities stay permitted for privileges_set(). */
static int
privileges_become(const struct config *config, const struct passwd *user)
{
	int rc = privileges_groups(config, user);

	if (!user)
		return 0; /* a process that may not set groups has none to give up */
	if (rc == 0 && (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
			setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
			setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0))
		rc = -errno;
	/* The kernel forbids core dumps of a process that has changed its user. */
	if (rc == 0)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (rc < 0 && config->user[0])
		log_error(MAIN, "user: cannot become %s: %s", user->pw_name, strerror(-rc));
	else if (rc < 0)
		log_warning(MAIN, "staying root: cannot become %s: %s", user->pw_name,
			    strerror(-rc));
	return config->user[0] ? rc : 0;
}

/* ---- capabilities ---- */

static int
privileges_get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &head, data) < 0 ? -errno : 0;
}

uint64_t
privileges_held(void)
{
	struct __user_cap_data_struct data[2];

	if (privileges_get(data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

/* Needs CAP_SETPCAP. Without it, no_new_privs is enough. */
static void
privileges_bound(uint64_t keep)
{
	for (unsigned int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(keep & BIT(i)))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

/* Sets the capabilities. A program that is executed inherits none. */
static int
privileges_set(uint64_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	int rc = privileges_get(data);

	if (rc < 0)
		return rc;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* ---- start ---- */

static void
privileges_raise_memlock(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur >= PRIVILEGES_MEMLOCK)
		return;
	limit.rlim_cur = PRIVILEGES_MEMLOCK;
	if (limit.rlim_max < PRIVILEGES_MEMLOCK)
		limit.rlim_max = PRIVILEGES_MEMLOCK;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* Makes only the directory of the default path; the operator prepares any other directory. */
static void
privileges_make_directory(const struct config *config, const struct passwd *user)
{
	char path[] = CONTROL_SOCKET_DEFAULT;
	struct stat st;
	bool made;
	int fd;

	if (strcmp(config->socket, path) != 0)
		return;
	*strrchr(path, '/') = '\0';
	made = mkdir(path, 0755) == 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	/* Whatever the umask is: the group of the socket must get to it. */
	if (made && fchmod(fd, 0755) < 0)
		log_warning(MAIN, "%s: chmod: %s", path, strerror(errno));
	if (user && fstat(fd, &st) == 0 && st.st_uid == 0 &&
	    fchown(fd, user->pw_uid, user->pw_gid) < 0)
		log_warning(MAIN, "%s: cannot give it to %s: %s", path, user->pw_name,
			    strerror(errno));
	close(fd);
}

void
privileges_prepare(const struct config *config)
{
	int rc;

	if (geteuid() != 0)
		return;
	privileges_raise_memlock();
	privileges_make_directory(config, privileges_user(config, &rc));
}

static void
privileges_warn_file(const char *path)
{
	if (access(path, R_OK) < 0)
		log_warning(MAIN,
			    "%s: %s, so a reload will be refused: let uid %u, which the daemon "
			    "runs as, read it (chgrp, chmod g+r)",
			    path, strerror(errno), (unsigned int)geteuid());
}

static void
privileges_warn(const struct config *config, const struct privileges_facts *facts)
{
	if (config->tracing && facts->paranoid > 2 && privileges_held() & BIT(CAP_SYS_ADMIN))
		log_warning(MAIN,
			    "the tracing helper keeps CAP_SYS_ADMIN, because "
			    "kernel.perf_event_paranoid is above 2: to trace without it, set that "
			    "to 2 (sysctl) and restart");
}

static void
privileges_warn_files(const struct config *config)
{
	for (size_t i = 0; i < config->source.n_files; i++)
		if (config->source.files[i].ino)
			privileges_warn_file(config->source.files[i].path);
	if (config->key_file[0])
		privileges_warn_file(config->key_file);
}

/* Gives up all capabilities but those to keep, and the way back. */
static int
privileges_reduce(const struct config *config, const struct passwd *user, uint64_t keep)
{
	int rc = 0;

	privileges_bound(keep);
	if (geteuid() == 0)
		rc = privileges_become(config, user);
	if (rc < 0)
		return rc;
	rc = privileges_set(keep);
	if (rc < 0 && privileges_held() & ~keep)
		log_warning(MAIN, "cannot give up capabilities: %s", strerror(-rc));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_warning(MAIN, "no_new_privs: %s", strerror(errno));
	return 0;
}

int
privileges_drop(enum privileges_of process, const struct config *config)
{
	struct privileges_facts facts;
	const struct passwd *user;
	int rc;

	user = privileges_user(config, &rc);
	if (rc < 0)
		return rc;
	privileges_facts_read(&facts);
	if (process == PRIVILEGES_DAEMON)
		privileges_warn(config, &facts);
	rc = privileges_reduce(config, user, privileges_needed(process, config, &facts));
	if (rc < 0 || process == PRIVILEGES_HELPER)
		return rc;
	privileges_warn_files(config);
	return 0;
}
