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

#define OWNER_CGROUP 512 /* room for a path; a longer one is not known */
#define OWNER_JOB 128

/*
 * The cgroup path of a process, from /proc/TGID/cgroup under `root` ("" for the real one; tests
 * bring their own), as in "/system.slice/foo.service": that of cgroup v2 or, where that names no
 * job, pod or container, the first of v1 that does. Believed only if the directory
 * root/sys/fs/cgroup/PATH (or …/unified/PATH) of the v2 path has cgroup_id as its inode number:
 * else the process has gone and its id has been taken, or has moved. 0, or -errno: -ENOENT gone,
 * -ESTALE another one's, or not to be found there (cgroup_id 0, a cgroup outside of our
 * namespace), -EOPNOTSUPP no cgroup v2, -ENAMETOOLONG. Reads two files of memory-backed file
 * systems: does not block on a disk.
 */
int owner_cgroup_path(const char *root, uint32_t tgid, uint64_t cgroup_id, char path[OWNER_CGROUP]);

/*
 * Whether /proc below root hides the processes of other users from us (hidepid= of proc(5),
 * ProtectProc= of systemd), so that owner_cgroup_path() says of them that they have gone: our own
 * cgroup can be read and that of process 1 cannot.
 */
bool owner_hidden(const char *root);

/*
 * The job that a cgroup path stands for, as operators call it; the first of these that applies:
 *   slurm:1234        …/job_1234/… below a directory with "slurm" in its name;
 *                     slurm:s5K1KKYAYG5D00, the SLUID of Slurm 26.05, right below
 *                     …slurmstepd.scope
 *   pbs:1234.server   pbs….service/jobid/1234.server, pbs…/1234.server, pbs…-1234.server.slice
 *   pod:UID           Kubernetes: …kubepods…-pod<uid>.slice[:cri-containerd:<id>] (underscores
 *                     become dashes again) or …/kubepods/…/pod<uid>
 *   docker:ID12, podman:ID12, containerd:ID12, crio:ID12   docker-<id>.scope, docker/<id>,
 *                     libpod-<id>[.scope], cri-containerd-<id>.scope, crio-<id>.scope,
 *                     ….slice:docker:<id> and the like: the id's first 12 digits
 *   container:ID12    a directory that is called by 64 hexadecimal digits
 *   lxc:NAME          lxc.payload.NAME, lxc/NAME
 *   unit:foo.service  the innermost systemd service or scope; unit:user@1000.service/foo.scope of
 *                     a user's manager; the outermost one below machine.slice
 * else "": also for what is neither "system" nor a job below …slurmstepd.scope. Of containers in
 * containers the outermost counts: it is what this host's operator started. Unit names stay
 * escaped ("\x2d"), which is what systemctl(1) takes. A name without room in OWNER_JOB is none.
 * Returns job.
 */
const char *owner_job(const char *cgroup_path, char job[OWNER_JOB]);

#endif
