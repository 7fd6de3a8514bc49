/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner of a QP: the cgroup path of the process, and the job that the path names. Pure except
 * for owner_cgroup_path().
 */
#ifndef RPINGMESH_TRACE_OWNER_H
#define RPINGMESH_TRACE_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWNER_CGROUP 512 /* size of a path; a longer path counts as unknown */
#define OWNER_JOB 128

/*
 * Reads the cgroup path of a process from ROOT/proc/TGID/cgroup, for example
 * "/system.slice/foo.service". root is "" except in tests. The path is that of cgroup v2 or, if
 * that names no job, pod or container, the first one of v1 that does. The path counts only if the
 * directory ROOT/sys/fs/cgroup/PATH (or …/unified/PATH) of the v2 path has the inode number
 * cgroup_id. Otherwise the process has moved, or has ended and another one has its id.
 *
 * Returns 0, or -errno: -ENOENT (the process has ended), -ESTALE (the cgroup is not cgroup_id, or
 * cannot be found: cgroup_id is 0, or the cgroup is outside our namespace), -EOPNOTSUPP (there is
 * no cgroup v2), -ENAMETOOLONG. Reads two files that are in memory, so it does not wait for a disk.
 */
int owner_cgroup_path(const char *root, uint32_t tgid, uint64_t cgroup_id, char path[OWNER_CGROUP]);

/*
 * Whether /proc below root hides the processes of other users from us (hidepid= of proc(5),
 * ProtectProc= of systemd): our own cgroup can be read, but not that of process 1. Then
 * owner_cgroup_path() reports that these processes have ended.
 */
bool owner_hidden(const char *root);

/*
 * Finds the job of a cgroup path, by the name that operators use. It is the first of these that
 * matches:
 *   slurm:1234        …/job_1234/… below a directory with "slurm" in its name;
 *                     slurm:s5K1KKYAYG5D00, the SLUID of Slurm 26.05, right below
 *                     …slurmstepd.scope
 *   pbs:1234.server   pbs….service/jobid/1234.server, pbs…/1234.server, pbs…-1234.server.slice
 *   pod:UID           Kubernetes: …kubepods…-pod<uid>.slice[:cri-containerd:<id>] (its underscores
 *                     stand for dashes) or …/kubepods/…/pod<uid>
 *   docker:ID12, podman:ID12, containerd:ID12, crio:ID12   docker-<id>.scope, docker/<id>,
 *                     libpod-<id>[.scope], cri-containerd-<id>.scope, crio-<id>.scope,
 *                     ….slice:docker:<id> and the like: the id's first 12 digits
 *   container:ID12    a directory whose name is 64 hexadecimal digits
 *   lxc:NAME          lxc.payload.NAME, lxc/NAME
 *   unit:foo.service  the innermost systemd service or scope; unit:user@1000.service/foo.scope
 *                     for a user's manager; below machine.slice, the outermost one
 * Otherwise the job is "". It is also "" for a directory below …slurmstepd.scope that is neither
 * "system" nor a job. If containers contain containers, the outermost counts, because the operator
 * of this host started it. Unit names stay escaped ("\x2d"), as systemctl(1) expects them. If a
 * name does not fit into OWNER_JOB, the job is "". Returns job.
 */
const char *owner_job(const char *cgroup_path, char job[OWNER_JOB]);

#endif
