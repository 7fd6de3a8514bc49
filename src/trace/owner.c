/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/owner.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A path below `root`: the root, a fixed part and a cgroup path of at most OWNER_CGROUP. */
#define OWNER_FILE 1024
#define OWNER_ID 12 /* digits of a container's id that docker(1) and podman(1) show */

/*
 * A parent directory in the path: the process is outside of our cgroup namespace
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

/* The line of cgroup v2, "0::/path"; line is getline(3)'s, the caller frees it. NULL and *error. */
static char *
owner_v2_line(FILE *f, char **line, int *error)
{
	size_t room = 0;

	errno = 0;
	while (getline(line, &room, f) > 0)
		if (strncmp(*line, "0::/", 4) == 0) {
			(*line)[strcspn(*line, "\n")] = '\0';
			return *line + 3;
		}
	/* reading what belongs to a process that has gone meanwhile: ESRCH */
	*error = errno == ESRCH ? -ENOENT : errno ? -errno : -EOPNOTSUPP;
	return NULL;
}

static int
owner_check(const char *root, const char *found, uint64_t cgroup_id, char path[OWNER_CGROUP])
{
	size_t len = strlen(found);

	if (len >= OWNER_CGROUP)
		return -ENAMETOOLONG;
	if (cgroup_id == 0 || owner_leaves_root(found))
		return -ESTALE;
	if (!owner_is_inode(root, "", found, cgroup_id) &&
	    !owner_is_inode(root, "/unified", found, cgroup_id))
		return -ESTALE;
	memcpy(path, found, len + 1);
	return 0;
}

int
owner_cgroup_path(const char *root, uint32_t tgid, uint64_t cgroup_id, char path[OWNER_CGROUP])
{
	char file[OWNER_FILE], *line = NULL;
	int error = 0, n = snprintf(file, sizeof(file), "%s/proc/%u/cgroup", root, tgid);

	if (n < 0 || (size_t)n >= sizeof(file))
		return -ENAMETOOLONG;
	FILE *f = fopen(file, "re");

	if (!f)
		return errno == ESRCH ? -ENOENT : -errno;
	const char *found = owner_v2_line(f, &line, &error);

	if (found)
		error = owner_check(root, found, cgroup_id, path);
	free(line);
	fclose(f);
	return error;
}

/* One directory of a path. */
struct owner_part {
	const char *at;
	size_t len;
};

/* The part after `part` ({path, 0} begins); false at the end. */
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

/* What is left of a part from `from` on without `cut` bytes at its end. */
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

/* A name that does not fit is none: half a name would be another one's. */
static bool
owner_say(char job[OWNER_JOB], const char *kind, const struct owner_part *name)
{
	if (strlen(kind) + name->len >= OWNER_JOB)
		return false;
	snprintf(job, OWNER_JOB, "%s%.*s", kind, (int)name->len, name->at);
	return true;
}

/* job_1234 below slurm…, …slurmstepd.scope */
static bool
owner_slurm(const char *path, char job[OWNER_JOB])
{
	bool slurm = false;

	for (struct owner_part part = {path, 0}; owner_next(&part);) {
		struct owner_part id = owner_rest(&part, strlen("job_"), 0);

		if (slurm && owner_begins(&part, "job_") && owner_all(&id, isdigit))
			return owner_say(job, "slurm:", &id);
		slurm = slurm || owner_find(&part, "slurm");
	}
	return false;
}

/*
 * The UID of a pod's directory: "pod<uid>" of the cgroupfs driver, "…kubepods…-pod<uid>.slice" of
 * systemd's.
 */
static struct owner_part
owner_pod_uid(const struct owner_part *part, bool below_kubepods)
{
	const char *at = owner_find(part, "-pod");

	if (at && owner_find(part, "kubepods") && owner_ends(part, ".slice"))
		return owner_rest(part, (size_t)(at - part->at) + strlen("-pod"), strlen(".slice"));
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
			 * systemd's slices are named by their dashes, so that the kubelet writes a
			 * UID's as underscores
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

/* A container's directory: PREFIX<id> or PREFIX<id>.scope. */
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

static bool
owner_container(const char *path, char job[OWNER_JOB])
{
	bool docker = false;

	for (struct owner_part part = {path, 0}; owner_next(&part);) {
		if (owner_container_part(&part, "docker-", "docker:", job) ||
		    (docker && owner_container_id(&part, "docker:", job)) ||
		    owner_container_part(&part, "libpod-", "podman:", job))
			return true;
		docker = owner_is(&part, "docker");
	}
	return false;
}

/* The innermost unit with a suffix. */
static bool
owner_unit(const char *path, const char *suffix, char job[OWNER_JOB])
{
	struct owner_part unit = {path, 0};

	for (struct owner_part part = {path, 0}; owner_next(&part);)
		if (owner_ends(&part, suffix))
			unit = part;
	return unit.len > 0 && owner_say(job, "unit:", &unit);
}

const char *
owner_job(const char *cgroup_path, char job[OWNER_JOB])
{
	if (!owner_slurm(cgroup_path, job) && !owner_pod(cgroup_path, job) &&
	    !owner_container(cgroup_path, job) && !owner_unit(cgroup_path, ".service", job) &&
	    !owner_unit(cgroup_path, ".scope", job))
		job[0] = '\0';
	return job;
}
