/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/owner.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Size of a path that consists of `root`, a fixed part and a cgroup path (OWNER_CGROUP). */
#define OWNER_FILE 1024
#define OWNER_SLUID 12 /* minimum length */
#define OWNER_ID_FULL 64 /* digits of a container's id */
#define OWNER_ID 12 /* the digits that docker(1) and podman(1) show */

/*
 * Whether the path contains a parent directory. Then the process is outside our cgroup namespace
 * (cgroup_namespaces(7)).
 */
static bool
owner_leaves_root(const char *path)
{
	for (const char *at = strstr(path, "/.."); at; at = strstr(at + 1, "/.."))
		if (at[3] == '/' || at[3] == '\0')
			return true;
	return false;
}

static bool
owner_is_inode(const char *root, const char *hierarchy, const char *path, uint64_t cgroup_id)
{
	char file[OWNER_FILE];
	struct stat st;
	int n = snprintf(file, sizeof(file), "%s/sys/fs/cgroup%s%s", root, hierarchy, path);

	return n > 0 && (size_t)n < sizeof(file) && stat(file, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_ino == cgroup_id;
}

/* One directory of a path. */
struct owner_part {
	const char *at;
	size_t len;
};

/* Goes to the next part of the path; {path, 0} begins. Returns false at the end. */
static bool
owner_next(struct owner_part *part)
{
	const char *at = part->at + part->len;

	at += strspn(at, "/");
	*part = (struct owner_part){at, strcspn(at, "/")};
	return part->len > 0;
}

static bool
owner_begins(const struct owner_part *part, const char *prefix)
{
	return part->len >= strlen(prefix) && memcmp(part->at, prefix, strlen(prefix)) == 0;
}

static bool
owner_ends(const struct owner_part *part, const char *suffix)
{
	size_t len = strlen(suffix);

	return part->len > len && memcmp(part->at + part->len - len, suffix, len) == 0;
}

static bool
owner_is(const struct owner_part *part, const char *name)
{
	return part->len == strlen(name) && owner_begins(part, name);
}

static const char *
owner_find(const struct owner_part *part, const char *text)
{
	return memmem(part->at, part->len, text, strlen(text));
}

/* The part without the first `from` and the last `cut` bytes. */
static struct owner_part
owner_rest(const struct owner_part *part, size_t from, size_t cut)
{
	return from + cut > part->len ? (struct owner_part){part->at, 0} :
	       (struct owner_part){part->at + from, part->len - from - cut};
}

static bool
owner_all(const struct owner_part *part, int (*is)(int))
{
	for (size_t i = 0; i < part->len; i++)
		if (!is((unsigned char)part->at[i]))
			return false;
	return part->len > 0;
}

/* Rejects a name that does not fit, because a part of it might be the name of another job. */
static bool
owner_say(char job[OWNER_JOB], const char *kind, const struct owner_part *name)
{
	if (strlen(kind) + name->len >= OWNER_JOB)
		return false;
	snprintf(job, OWNER_JOB, "%s%.*s", kind, (int)name->len, name->at);
	return true;
}

/* The SLUID of Slurm 26.05 is "s" and Crockford's base 32: s5K1KKYAYG5D00. */
static bool
owner_is_sluid(const struct owner_part *part)
{
	for (size_t i = 1; i < part->len; i++)
		if (!isdigit((unsigned char)part->at[i]) && !isupper((unsigned char)part->at[i]))
			return false;
	return part->len >= OWNER_SLUID && part->at[0] == 's';
}

static bool
owner_is_stepd(const struct owner_part *part)
{
	return owner_ends(part, "slurmstepd.scope") || owner_is(part, "slurmstepd.scope");
}

/* job_1234 below slurm…, or a SLUID right below …slurmstepd.scope */
static bool
owner_slurm(const char *path, char job[OWNER_JOB])
{
	bool slurm = false, scope = false;

	for (struct owner_part part = {path, 0}; owner_next(&part);) {
		struct owner_part id = owner_rest(&part, strlen("job_"), 0);

		if (slurm && owner_begins(&part, "job_") && owner_all(&id, isdigit))
			return owner_say(job, "slurm:", &id);
		if (scope && owner_is_sluid(&part))
			return owner_say(job, "slurm:", &part);
		scope = owner_is_stepd(&part);
		slurm = slurm || owner_find(&part, "slurm");
	}
	return false;
}

/* 1234.server, 1234[7].server */
static bool
owner_is_pbs_id(const struct owner_part *part)
{
	size_t digits = 0;

	while (digits < part->len && isdigit((unsigned char)part->at[digits]))
		digits++;
	return digits > 0 && digits < part->len && strchr(".[", part->at[digits]);
}

/*
 * PBS: 1234.server right below "jobid" of pbs….service, or below pbs… (the cgroups hook of OpenPBS
 * uses the prefixes "pbs_jobs" and "pbspro"), and pbs…-1234.server.slice.
 */
static bool
owner_pbs(const char *path, char job[OWNER_JOB])
{
	bool pbs = false;

	for (struct owner_part part = {path, 0}; owner_next(&part);) {
		const char *dash = owner_begins(&part, "pbs") && owner_ends(&part, ".slice") ?
			owner_find(&part, "-") : NULL;
		struct owner_part id = dash ? owner_rest(&part, (size_t)(dash + 1 - part.at),
							 strlen(".slice")) : part;

		if ((pbs || dash) && owner_is_pbs_id(&id))
			return owner_say(job, "pbs:", &id);
		pbs = owner_begins(&part, "pbs") || (pbs && owner_is(&part, "jobid"));
	}
	return false;
}

/*
 * The UID in the name of a pod's directory: "pod<uid>" for the cgroupfs driver,
 * "…kubepods…-pod<uid>.slice" for the systemd driver.
 */
static struct owner_part
owner_pod_uid(const struct owner_part *part, bool below_kubepods)
{
	const char *at = owner_find(part, "-pod"), *end = owner_find(part, ".slice");

	/*
	 * "….slice:cri-containerd:<id>" is systemd's notation, but systemd did not make a slice
	 */
	if (at && end > at && owner_find(part, "kubepods") &&
	    (owner_ends(part, ".slice") || end[strlen(".slice")] == ':'))
		return (struct owner_part){at + strlen("-pod"),
					   (size_t)(end - at) - strlen("-pod")};
	if (below_kubepods && owner_begins(part, "pod"))
		return owner_rest(part, strlen("pod"), 0);
	return (struct owner_part){part->at, 0};
}

static int
owner_is_uid_char(int c)
{
	return isalnum(c) || c == '-' || c == '_';
}

static bool
owner_pod(const char *path, char job[OWNER_JOB])
{
	bool kubepods = false;

	for (struct owner_part part = {path, 0}; owner_next(&part);) {
		struct owner_part uid = owner_pod_uid(&part, kubepods);

		if (owner_all(&uid, owner_is_uid_char) && owner_say(job, "pod:", &uid)) {
			/*
			 * Dashes have a meaning in the names of systemd's slices, so the kubelet
			 * writes those of a UID as underscores.
			 */
			for (char *c = job; *c; c++)
				if (*c == '_')
					*c = '-';
			return true;
		}
		kubepods = kubepods || owner_is(&part, "kubepods");
	}
	return false;
}

static bool
owner_container_id(const struct owner_part *id, const char *kind, char job[OWNER_JOB])
{
	struct owner_part digits = {id->at, OWNER_ID};

	return id->len >= OWNER_ID && owner_all(id, isxdigit) && owner_say(job, kind, &digits);
}

/* Recognises a container's directory: PREFIX<id> or PREFIX<id>.scope. */
static bool
owner_container_part(const struct owner_part *part, const char *prefix, const char *kind,
		     char job[OWNER_JOB])
{
	if (!owner_begins(part, prefix))
		return false;
	struct owner_part id =
		owner_rest(part, strlen(prefix), owner_ends(part, ".scope") ? strlen(".scope") : 0);

	return owner_container_id(&id, kind, job);
}

/* The engines' names for a container's directory: PREFIX<id>[.scope], or ….slice:NAME:<id>. */
static const struct {
	const char *prefix, *name, *kind;
} owner_engines[] = {
	{"docker-", ":docker:", "docker:"},
	{"libpod-payload-", NULL, "podman:"},
	{"libpod-", ":libpod:", "podman:"},
	{"cri-containerd-", ":cri-containerd:", "containerd:"},
	{"nerdctl-", ":nerdctl:", "containerd:"},
	{"crio-", ":crio:", "crio:"},
};

static bool
owner_engine(const struct owner_part *part, char job[OWNER_JOB])
{
	for (size_t i = 0; i < sizeof(owner_engines) / sizeof(owner_engines[0]); i++) {
		const char *kind = owner_engines[i].kind, *name = owner_engines[i].name;
		const char *at = name ? owner_find(part, name) : NULL;

		if (owner_container_part(part, owner_engines[i].prefix, kind, job))
			return true;
		if (at) {
			struct owner_part id =
				owner_rest(part, (size_t)(at - part->at) + strlen(name), 0);

			return owner_container_id(&id, kind, job);
		}
	}
	return false;
}

/* lxc.payload.NAME (LXC, Incus), or lxc/NAME (their older layout) */
static bool
owner_lxc(const struct owner_part *part, bool below_lxc, char job[OWNER_JOB])
{
	struct owner_part name = owner_rest(part, strlen("lxc.payload."), 0);

	if (owner_begins(part, "lxc.payload.") && name.len > 0)
		return owner_say(job, "lxc:", &name);
	return below_lxc && owner_say(job, "lxc:", part);
}

static bool
owner_container(const char *path, char job[OWNER_JOB])
{
	bool docker = false, lxc = false;

	for (struct owner_part part = {path, 0}; owner_next(&part);) {
		if (owner_engine(&part, job) || owner_lxc(&part, lxc, job) ||
		    (docker && owner_container_id(&part, "docker:", job)))
			return true;
		/* The engine has been configured to put its containers elsewhere. */
		if (part.len == OWNER_ID_FULL && owner_container_id(&part, "container:", job))
			return true;
		docker = owner_is(&part, "docker");
		lxc = owner_is(&part, "lxc");
	}
	return false;
}

/*
 * Finds the innermost service or scope. Below a user's manager, the manager's name is added,
 * because units of different users may have the same name. Below machine.slice, it is the outermost
 * one, because each machine has its own systemd with units of the same names.
 */
static bool
owner_unit(const char *path, char job[OWNER_JOB])
{
	struct owner_part unit = {path, 0}, user = {path, 0};
	bool machine = false, stepd = false;

	for (struct owner_part part = {path, 0}; owner_next(&part);) {
		/* A job of Slurm in an unknown layout is not part of the daemon's unit. */
		if (stepd && !owner_is(&part, "system"))
			return false;
		stepd = owner_is_stepd(&part);
		machine = machine || owner_is(&part, "machine.slice");
		if ((machine && unit.len > 0) ||
		    (!owner_ends(&part, ".service") && !owner_ends(&part, ".scope")))
			continue;
		if (owner_begins(&part, "user@"))
			user = part;
		unit = part;
	}
	if (unit.len == 0)
		return false;
	if (user.len == 0 || user.at == unit.at)
		return owner_say(job, "unit:", &unit);
	return strlen("unit:") + user.len + 1 + unit.len < OWNER_JOB &&
	       snprintf(job, OWNER_JOB, "unit:%.*s/%.*s", (int)user.len, user.at, (int)unit.len,
			unit.at) > 0;
}

/* Finds a job, pod or container. */
static bool
owner_names_job(const char *path, char job[OWNER_JOB])
{
	return owner_slurm(path, job) || owner_pbs(path, job) || owner_pod(path, job) ||
	       owner_container(path, job);
}

const char *
owner_job(const char *cgroup_path, char job[OWNER_JOB])
{
	if (!owner_names_job(cgroup_path, job) && !owner_unit(cgroup_path, job))
		job[0] = '\0';
	return job;
}

/*
 * The paths in /proc/TGID/cgroup that count: that of cgroup v2, "0::/path", and the first one of v1
 * that names a job. If both are mounted, batch systems and container engines may use v1 alone.
 */
struct owner_paths {
	char *v2, *v1; /* owned; NULL: there is none */
};

static void
owner_paths_line(struct owner_paths *paths, char *line)
{
	char job[OWNER_JOB], *path = strchr(line, ':');

	path = path ? strchr(path + 1, ':') : NULL;
	if (!path || path[1] != '/')
		return;
	path++;
	path[strcspn(path, "\n")] = '\0';
	if (strncmp(line, "0::", 3) == 0 && !paths->v2)
		paths->v2 = strdup(path);
	else if (!paths->v1 && owner_names_job(path, job))
		paths->v1 = strdup(path);
}

static int
owner_read(const char *file, struct owner_paths *paths)
{
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t room = 0;
	int error;

	if (!f)
		return errno == ESRCH ? -ENOENT : -errno;
	errno = 0;
	while (getline(&line, &room, f) > 0)
		owner_paths_line(paths, line);
	/* If the process ends meanwhile, reading fails with ESRCH. */
	error = errno == ESRCH ? -ENOENT : -errno;
	free(line);
	fclose(f);
	if (paths->v2)
		return 0;
	return error ? error : -EOPNOTSUPP;
}

/* Checks that the directory of the v2 path has the inode number cgroup_id. 0, or -errno. */
static int
owner_check(const char *root, const char *v2, uint64_t cgroup_id)
{
	if (strlen(v2) >= OWNER_CGROUP)
		return -ENAMETOOLONG;
	if (cgroup_id == 0 || owner_leaves_root(v2))
		return -ESTALE;
	if (!owner_is_inode(root, "", v2, cgroup_id) &&
	    !owner_is_inode(root, "/unified", v2, cgroup_id))
		return -ESTALE;
	return 0;
}

static int
owner_choose(const struct owner_paths *paths, char path[OWNER_CGROUP])
{
	char job[OWNER_JOB];
	const char *chosen = paths->v1 && !owner_names_job(paths->v2, job) ? paths->v1 : paths->v2;
	size_t len = strlen(chosen);

	if (len >= OWNER_CGROUP)
		return -ENAMETOOLONG;
	memcpy(path, chosen, len + 1);
	return 0;
}

int
owner_cgroup_path(const char *root, uint32_t tgid, uint64_t cgroup_id, char path[OWNER_CGROUP])
{
	struct owner_paths paths = {NULL, NULL};
	char file[OWNER_FILE];
	int rc, n = snprintf(file, sizeof(file), "%s/proc/%u/cgroup", root, tgid);

	if (n < 0 || (size_t)n >= sizeof(file))
		return -ENAMETOOLONG;
	rc = owner_read(file, &paths);
	if (rc == 0)
		rc = owner_check(root, paths.v2, cgroup_id);
	if (rc == 0)
		rc = owner_choose(&paths, path);
	free(paths.v1);
	free(paths.v2);
	return rc;
}

static bool
owner_can_read(const char *root, const char *process)
{
	char file[OWNER_FILE];
	int n = snprintf(file, sizeof(file), "%s/proc/%s/cgroup", root, process);
	FILE *f = n > 0 && (size_t)n < sizeof(file) ? fopen(file, "re") : NULL;

	if (f)
		fclose(f);
	return f != NULL;
}

bool
owner_hidden(const char *root)
{
	return owner_can_read(root, "self") && !owner_can_read(root, "1");
}
