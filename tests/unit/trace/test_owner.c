/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/owner.h"

#define ID64 "4f1c9a7b2d3e5f60718293a4b5c6d7e8f90123456789abcdef0123456789abcd"

static const struct {
	const char *path, *job;
} jobs[] = {
	/* Kubernetes, systemd driver */
	{"/kubepods.slice/kubepods-burstable.slice/"
	 "kubepods-burstable-pod0a1b2c3d_1111_2222_3333_445566778899.slice/"
	 "cri-containerd-" ID64 ".scope",
	 "pod:0a1b2c3d-1111-2222-3333-445566778899"},
	{"/kubepods.slice/kubepods-pod0a1b2c3d_1111_2222_3333_445566778899.slice/crio-" ID64
	 ".scope",
	 "pod:0a1b2c3d-1111-2222-3333-445566778899"},
	{"/kubepods.slice/kubepods-besteffort.slice/"
	 "kubepods-besteffort-pod00112233445566778899aabbccddeeff.slice/docker-" ID64 ".scope",
	 "pod:00112233445566778899aabbccddeeff"},
	{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
	 "kubelet-kubepods-burstable-pod0a1b2c3d_1111_2222_3333_445566778899.slice/x",
	 "pod:0a1b2c3d-1111-2222-3333-445566778899"},
	/* Kubernetes, cgroupfs driver */
	{"/kubepods/besteffort/pod0a1b2c3d-1111-2222-3333-445566778899/" ID64,
	 "pod:0a1b2c3d-1111-2222-3333-445566778899"},
	{"/kubepods/pod0a1b2c3d-1111-2222-3333-445566778899",
	 "pod:0a1b2c3d-1111-2222-3333-445566778899"},
	{"/docker/" ID64 "/kubepods/burstable/pod0a1b-2c/x", "pod:0a1b-2c"},
	{"/kubepods.slice/kubepods-burstable.slice", ""},
	{"/kubepods/podx.y", ""},
	{"/kubepods/pod", ""},
	{"/podcast/x", ""},
	{"/podcast.slice/a-podcast.slice", ""},
	{"/kubepods.slice/kubepods-pod.slice", ""},
	/* Slurm, cgroup v2 and v1 layouts, several slurmd on a host */
	{"/system.slice/slurmstepd.scope/job_123/step_0/user/task_0", "slurm:123"},
	{"/system.slice/node7_slurmstepd.scope/job_123/step_batch/slurm", "slurm:123"},
	{"/slurm/uid_1000/job_4567890/step_0", "slurm:4567890"},
	{"/slurm_node7/uid_1000/job_8", "slurm:8"},
	{"/system.slice/slurmd.service", "unit:slurmd.service"},
	{"/system.slice/slurmstepd.scope/system", "unit:slurmstepd.scope"},
	{"/slurm/uid_1000/job_", ""},
	{"/slurm/uid_1000/job_12x", ""},
	{"/backup.service/job_12", "unit:backup.service"},
	/*
	 * Slurm 26.05: SLUIDs instead of job_ID; what is neither one nor the daemon's is not known
	 */
	{"/system.slice/slurmstepd.scope/s5K1KKYAYG5D00/step_0", "slurm:s5K1KKYAYG5D00"},
	{"/system.slice/slurmstepd.scope/s5K1KKYAYG5D01/step_batch/user/task_0",
	 "slurm:s5K1KKYAYG5D01"},
	{"/system.slice/node7_slurmstepd.scope/s5K1KKYAYG5D00/step_0", "slurm:s5K1KKYAYG5D00"},
	{"/system.slice/slurmstepd.scope/j-7/step_0", ""},
	{"/system.slice/slurmstepd.scope", "unit:slurmstepd.scope"},
	{"/system.slice/foo.service/s5K1KKYAYG5D00", "unit:foo.service"},
	/* PBS: hook pbs_cgroups of OpenPBS 20 and on, of 18 and 19, PBS Professional; array jobs */
	{"/pbs_jobs.service/jobid/1234.head1", "pbs:1234.head1"},
	{"/pbspro.service/jobid/77.head1.example.com", "pbs:77.head1.example.com"},
	{"/pbs_jobs.service/jobid/12[3].head1", "pbs:12[3].head1"},
	{"/pbspro/0.headnode", "pbs:0.headnode"},
	{"/pbs_jobs.slice/pbs_jobs-1234.head1.slice", "pbs:1234.head1"},
	{"/pbs_jobs.service/jobid", "unit:pbs_jobs.service"},
	{"/system.slice/pbs.service", "unit:pbs.service"},
	{"/system.slice/pbs.service/jobid/x.y", "unit:pbs.service"},
	/* containerd with systemd's notation, but no systemd (runc's cgroupfs driver) */
	{"/system.slice/containerd.service/"
	 "kubepods-burstable-pod0a1b2c3d_1111_2222_3333_445566778899.slice:cri-containerd:" ID64,
	 "pod:0a1b2c3d-1111-2222-3333-445566778899"},
	{"/kubepods-besteffort-pod0a1b2c3d_1111_2222_3333_445566778899.slice:cri-containerd:" ID64,
	 "pod:0a1b2c3d-1111-2222-3333-445566778899"},
	{"/system.slice:docker:" ID64, "docker:4f1c9a7b2d3e"},
	{"/system.slice/nerdctl-" ID64 ".scope", "containerd:4f1c9a7b2d3e"},
	{"/system.slice/cri-containerd-" ID64 ".scope", "containerd:4f1c9a7b2d3e"},
	{"/system.slice:cri-containerd:" ID64, "containerd:4f1c9a7b2d3e"},
	{"/machine.slice/crio-" ID64 ".scope", "crio:4f1c9a7b2d3e"},
	{"/crio-conmon-" ID64 ".scope", "unit:crio-conmon-" ID64 ".scope"},
	{"/mine/" ID64 "/init", "container:4f1c9a7b2d3e"},
	{"/machine.slice/libpod-payload-" ID64, "podman:4f1c9a7b2d3e"},
	/* containers */
	{"/system.slice/docker-" ID64 ".scope", "docker:4f1c9a7b2d3e"},
	{"/docker/" ID64, "docker:4f1c9a7b2d3e"},
	{"/system.slice/docker-" ID64 ".scope/docker/0123456789ab", "docker:4f1c9a7b2d3e"},
	{"/system.slice/docker.service", "unit:docker.service"},
	{"/docker/buildx", ""},
	{"/machine.slice/libpod-" ID64 ".scope", "podman:4f1c9a7b2d3e"},
	{"/machine.slice/libpod-" ID64 ".scope/container", "podman:4f1c9a7b2d3e"},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID64 ".scope/container",
	 "podman:4f1c9a7b2d3e"},
	{"/libpod_parent/libpod-" ID64, "podman:4f1c9a7b2d3e"},
	{"/machine.slice/libpod-conmon-" ID64 ".scope", "unit:libpod-conmon-" ID64 ".scope"},
	{"/system.slice/docker-1234.scope", "unit:docker-1234.scope"},
	/* units */
	{"/system.slice/nvmf-autoconnect.service", "unit:nvmf-autoconnect.service"},
	{"/system.slice/system-foo.slice/foo@bar\\x2dbaz.service", "unit:foo@bar\\x2dbaz.service"},
	{"/system.slice/foo.service/inner", "unit:foo.service"},
	{"/user.slice/user-1000.slice/session-3.scope", "unit:session-3.scope"},
	/* of a user's manager: each its own, and each user's (systemd(1), DESKTOP_ENVIRONMENTS) */
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-train.service",
	 "unit:user@1000.service/app-train.service"},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.scope",
	 "unit:user@1000.service/run-u7.scope"},
	{"/user.slice/user-1001.slice/user@1001.service/app.slice/run-u7.scope",
	 "unit:user@1001.service/run-u7.scope"},
	{"/user.slice/user-1000.slice/user@1000.service/init.scope",
	 "unit:user@1000.service/init.scope"},
	{"/user.slice/user-1000.slice/user@1000.service", "unit:user@1000.service"},
	{"/system.slice/foo.service/bar.scope", "unit:bar.scope"},
	/* machines: systemd-nspawn, libvirt */
	{"/machine.slice/systemd-nspawn@c1.service/payload/system.slice/foo.service",
	 "unit:systemd-nspawn@c1.service"},
	{"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
	 "unit:machine-qemu\\x2d1\\x2dvm.scope"},
	{"/lxc.payload.web/system.slice/foo.service", "lxc:web"},
	{"/lxc/web/system.slice/foo.service", "lxc:web"},
	{"/lxc.monitor.web", ""},
	{"/init.scope", "unit:init.scope"},
	{"/.service", ""},
	/* nothing */
	{"", ""},
	{"/", ""},
	{"//", ""},
	{"/user.slice", ""},
	{"/mpi", ""},
};

static void
test_jobs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		char job[OWNER_JOB] = "before";
		const char *result = owner_job(jobs[i].path, job);

		assert_ptr_equal(result, job);
		if (strcmp(job, jobs[i].job) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", jobs[i].path, job, jobs[i].job);
	}
}

/* A unit's name with room for exactly n bytes of job. */
static void
job_of_length(size_t n, char job[OWNER_JOB])
{
	char path[300] = "/";
	size_t name = n - strlen("unit:");

	memset(path + 1, 'u', name);
	memcpy(path + 1 + name - strlen(".service"), ".service", strlen(".service") + 1);
	owner_job(path, job);
}

static void
test_job_without_room(void **state)
{
	char job[OWNER_JOB];

	(void)state;
	job_of_length(OWNER_JOB - 1, job);
	assert_int_equal(strlen(job), OWNER_JOB - 1);
	job_of_length(OWNER_JOB, job);
	assert_string_equal(job, "");
}

/* Every path of random parts: no crash, always a terminated answer. */
static void
test_job_of_anything(void **state)
{
	static const char *const parts[] = {"/",
					    "kubepods",
					    "pod",
					    "-pod",
					    ".slice",
					    "docker",
					    "docker-",
					    "libpod-",
					    ".scope",
					    ".service",
					    "slurm",
					    "job_",
					    "1",
					    "_",
					    "-",
					    "abcdef012345",
					    "slurmstepd.scope",
					    "user@",
					    "pbs",
					    "jobid",
					    "lxc",
					    ":docker:",
					    "\xff",
					    ".."};
	uint64_t random = 1;

	(void)state;
	for (int run = 0; run < 200000; run++) {
		char path[OWNER_CGROUP] = "", job[OWNER_JOB];

		for (int n = 0; n < 12; n++) {
			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			strcat(path, parts[(random >> 33) % (sizeof(parts) / sizeof(parts[0]))]);
		}
		owner_job(path, job);
		assert_true(strlen(job) < OWNER_JOB);
		assert_true(!job[0] || strchr(job, ':'));
	}
}

/* A root of our own: proc/PID/cgroup and the directories of cgroup v2. */
struct root {
	char path[64];
};

static void
root_mkdir(const struct root *root, const char *path)
{
	char file[2048];
	int n = snprintf(file, sizeof(file), "%s%s", root->path, path);

	assert_in_range(n, 1, sizeof(file) - 1);
	for (char *slash = strchr(file + strlen(root->path) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(file, 0700);
		*slash = '/';
	}
	if (mkdir(file, 0700))
		assert_int_equal(errno, EEXIST);
}

static void
root_proc(const struct root *root, uint32_t tgid, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "/proc/%u", tgid);
	root_mkdir(root, path);
	snprintf(path, sizeof(path), "%s/proc/%u/cgroup", root->path, tgid);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static uint64_t
root_inode(const struct root *root, const char *path)
{
	char file[2048];
	struct stat st;

	snprintf(file, sizeof(file), "%s%s", root->path, path);
	assert_int_equal(stat(file, &st), 0);
	return st.st_ino;
}

static int
root_setup(void **state)
{
	static struct root root;

	snprintf(root.path, sizeof(root.path), "/tmp/test_owner.XXXXXX");
	*state = &root;
	return mkdtemp(root.path) ? 0 : -1;
}

static int
root_remove(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
	(void)st, (void)flag, (void)walk;
	return remove(path);
}

static int
root_teardown(void **state)
{
	struct root *root = *state;

	return nftw(root->path, root_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void
test_path(void **state)
{
	struct root *root = *state;
	char path[OWNER_CGROUP];

	root_mkdir(root, "/sys/fs/cgroup/system.slice/foo.service");
	root_proc(root, 42, "0::/system.slice/foo.service\n");
	assert_int_equal(owner_cgroup_path(root->path, 42,
					   root_inode(root,
						      "/sys/fs/cgroup/system.slice/foo.service"),
					   path),
			 0);
	assert_string_equal(path, "/system.slice/foo.service");
	root_proc(root, 43, "0::/\n");
	assert_int_equal(owner_cgroup_path(root->path, 43, root_inode(root, "/sys/fs/cgroup"),
					   path),
			 0);
	assert_string_equal(path, "/");
}

/*
 * v1 and v2 side by side (systemd's hybrid hierarchy): v2 is mounted on unified, and other lines
 * come before.
 */
static void
test_path_unified(void **state)
{
	struct root *root = *state;
	char path[OWNER_CGROUP];

	root_mkdir(root, "/sys/fs/cgroup/unified/user.slice/user-1000.slice/session-3.scope");
	root_mkdir(root, "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope");
	root_proc(root, 42,
		  "12:devices:/user.slice\n1:name=systemd:/user.slice/user-1000.slice/"
		  "session-3.scope\n"
		  "0::/user.slice/user-1000.slice/session-3.scope\n");
	uint64_t id =
		root_inode(root,
			   "/sys/fs/cgroup/unified/user.slice/user-1000.slice/session-3.scope");

	assert_int_equal(owner_cgroup_path(root->path, 42, id, path), 0);
	assert_string_equal(path, "/user.slice/user-1000.slice/session-3.scope");
}

/* A batch system that uses v1 beside v2: the job stands in the lines of v1 alone. */
static void
test_path_of_v1_job(void **state)
{
	struct root *root = *state;
	char path[OWNER_CGROUP];

	root_mkdir(root, "/sys/fs/cgroup/unified/system.slice/slurmd.service");
	uint64_t id = root_inode(root, "/sys/fs/cgroup/unified/system.slice/slurmd.service");

	root_proc(root, 42,
		  "12:devices:/slurm/uid_1000/job_77/step_0\n"
		  "5:memory:/slurm/uid_1000/job_77/step_0/task_0\n"
		  "1:name=systemd:/system.slice/slurmd.service\n"
		  "0::/system.slice/slurmd.service\n");
	assert_int_equal(owner_cgroup_path(root->path, 42, id, path), 0);
	assert_string_equal(path, "/slurm/uid_1000/job_77/step_0");
	/* another process than the one that is meant, whatever v1 says */
	assert_int_equal(owner_cgroup_path(root->path, 42, id + 1, path), -ESTALE);
	/* v2's own job wins */
	root_mkdir(root, "/sys/fs/cgroup/unified/system.slice/slurmstepd.scope/job_8");
	id = root_inode(root, "/sys/fs/cgroup/unified/system.slice/slurmstepd.scope/job_8");
	root_proc(root, 43,
		  "5:memory:/slurm/uid_1000/job_77/step_0/task_0\n"
		  "0::/system.slice/slurmstepd.scope/job_8\n");
	assert_int_equal(owner_cgroup_path(root->path, 43, id, path), 0);
	assert_string_equal(path, "/system.slice/slurmstepd.scope/job_8");
	/* lines that are none */
	root_proc(root, 44, "\n:\n::\n5:memory\n5:memory:slurm/job_1\n");
	assert_int_equal(owner_cgroup_path(root->path, 44, id, path), -EOPNOTSUPP);
}

static void
test_path_not_believed(void **state)
{
	struct root *root = *state;
	char path[OWNER_CGROUP] = "before";

	root_mkdir(root, "/sys/fs/cgroup/a");
	root_mkdir(root, "/sys/fs/cgroup/b");
	root_mkdir(root, "/outside");
	root_proc(root, 42, "0::/a\n");
	root_proc(root, 43, "0::/a (deleted)\n");
	root_proc(root, 44, "0::/../../../outside\n");
	root_proc(root, 45, "0::/..\n");
	assert_int_equal(owner_cgroup_path(root->path, 42, root_inode(root, "/sys/fs/cgroup/b"),
					   path),
			 -ESTALE);
	assert_int_equal(owner_cgroup_path(root->path, 42, 0, path), -ESTALE);
	assert_int_equal(owner_cgroup_path(root->path, 43, root_inode(root, "/sys/fs/cgroup/a"),
					   path),
			 -ESTALE);
	assert_int_equal(owner_cgroup_path(root->path, 44, root_inode(root, "/outside"), path),
			 -ESTALE);
	assert_int_equal(owner_cgroup_path(root->path, 45, root_inode(root, "/sys/fs"), path),
			 -ESTALE);
	assert_string_equal(path, "before");
}

static void
test_path_errors(void **state)
{
	struct root *root = *state;
	char path[OWNER_CGROUP] = "before";

	assert_int_equal(owner_cgroup_path(root->path, 99, 1, path), -ENOENT);
	root_proc(root, 42, "4:memory:/a\n1:name=systemd:/0::/a\n");
	assert_int_equal(owner_cgroup_path(root->path, 42, 1, path), -EOPNOTSUPP);
	root_proc(root, 43, "");
	assert_int_equal(owner_cgroup_path(root->path, 43, 1, path), -EOPNOTSUPP);
	assert_string_equal(path, "before");
}

/* A path that just fits, and one that is a byte longer. */
static void
test_path_length(void **state)
{
	struct root *root = *state;
	char line[OWNER_CGROUP + 8] = "0::", directory[2 * OWNER_CGROUP] = "/sys/fs/cgroup",
				 path[OWNER_CGROUP];

	for (size_t i = 0; i < OWNER_CGROUP - 1; i++)
		line[3 + i] = i % 128 ? 'x' : '/';
	strcat(directory, line + 3);
	root_mkdir(root, directory);
	root_proc(root, 42, line);
	assert_int_equal(owner_cgroup_path(root->path, 42, root_inode(root, directory), path), 0);
	assert_int_equal(strlen(path), OWNER_CGROUP - 1);
	strcat(line, "x");
	root_proc(root, 42, line);
	assert_int_equal(owner_cgroup_path(root->path, 42, 1, path), -ENAMETOOLONG);
}

static void
test_hidden(void **state)
{
	struct root *root = *state;

	assert_false(owner_hidden(root->path)); /* no /proc at all */
	root_mkdir(root, "/proc/self");
	root_mkdir(root, "/proc/self/cgroup");
	assert_true(owner_hidden(root->path));
	root_proc(root, 1, "0::/init.scope\n");
	assert_false(owner_hidden(root->path));
}

#define SEES_GID 65533 /* the group that hidepid= does not apply to */

/* A /proc mounted with hidepid=2, seen by a user: 0 it is as it should be; 77 no right to try. */
static int
see_hidden_proc(void)
{
	const gid_t sees = SEES_GID;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, "hidepid=2,gid=65533") || setgroups(1, &sees) ||
	    seteuid(65534))
		return 77;
	if (owner_hidden(""))
		return 1;
	if (seteuid(0) || setgroups(0, NULL) || seteuid(65534))
		return 77;
	return owner_hidden("") ? 0 : 2;
}

static void
test_hidden_by_kernel(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(see_hidden_proc());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		print_message("not tried: only root may mount /proc\n");
	else
		assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_job_without_room),
		cmocka_unit_test(test_job_of_anything),
		cmocka_unit_test_setup_teardown(test_path, root_setup, root_teardown),
		cmocka_unit_test_setup_teardown(test_path_unified, root_setup, root_teardown),
		cmocka_unit_test_setup_teardown(test_path_of_v1_job, root_setup, root_teardown),
		cmocka_unit_test_setup_teardown(test_path_not_believed, root_setup, root_teardown),
		cmocka_unit_test_setup_teardown(test_path_errors, root_setup, root_teardown),
		cmocka_unit_test_setup_teardown(test_path_length, root_setup, root_teardown),
		cmocka_unit_test_setup_teardown(test_hidden, root_setup, root_teardown),
		cmocka_unit_test(test_hidden_by_kernel),
	};

	return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
