/* SPDX-License-Identifier: Apache-2.0 */
#include "qp_fake.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const uint8_t fake_sgid[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
const uint8_t fake_dgid[16] = {0xfd, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};

struct qp_test *fake_skel;
struct ring_buffer *fake_ring;
struct qp_event fake_events[64];
int fake_n_events;
static struct btf *layout;
static char refused[160];

static int
on_event(void *arg, void *data, size_t size)
{
	(void)arg;
	assert_true(size >= sizeof(fake_events[0]));
	assert_true(fake_n_events < (int)(sizeof(fake_events) / sizeof(fake_events[0])));
	memcpy(&fake_events[fake_n_events++], data, sizeof(fake_events[0]));
	return 0;
}

uint64_t
fake_address(enum slot slot)
{
	return slot == NOTHING ? 0 : fake_skel->bss->qp_test_address + (uint64_t)slot * SLOT;
}

static const struct btf_type *
type_of(const char *name)
{
	int id = btf__find_by_name(layout, name);

	if (id < 0)
		fail_msg("no type %s in the recorded BTF", name);
	return btf__type_by_id(layout, (uint32_t)id);
}

/* Offset and size of "member.member" in bytes. */
uint32_t
fake_offset(const char *type, const char *path, uint32_t *size)
{
	const struct btf_type *t = type_of(type);
	uint32_t offset = 0, i = 0;
	char part[64];

	while (*path) {
		int n = (int)strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", n, path);
		for (i = 0; i < btf_vlen(t); i++) {
			if (strcmp(btf__name_by_offset(layout, btf_members(t)[i].name_off), part) ==
			    0)
				break;
		}
		if (i == btf_vlen(t))
			fail_msg("no %s in %s", part, type);
		offset += btf_member_bit_offset(t, i) / 8;
		*size = (uint32_t)btf__resolve_size(layout, btf_members(t)[i].type);
		t = btf__type_by_id(layout, btf_members(t)[i].type);
		path += n + (path[n] == '.');
	}
	return offset;
}

void
fake_put_bytes(enum slot slot, const char *type, const char *path, const void *data, size_t n)
{
	uint32_t size, offset = fake_offset(type, path, &size);

	assert_true(n <= size);
	memcpy(fake_skel->bss->qp_test_memory + (size_t)slot * SLOT + offset, data, n);
}

/*
 * In the kernel's own size of the field, with noise behind it that a too wide read would take
 * along.
 */
void
fake_put(enum slot slot, const char *type, const char *path, uint64_t value)
{
	uint32_t size, offset = fake_offset(type, path, &size);

	assert_true(size <= sizeof(value));
	memcpy(fake_skel->bss->qp_test_memory + (size_t)slot * SLOT + offset, &value, size);
}

void
fake_point(enum slot slot, const char *type, const char *path, enum slot target)
{
	fake_put(slot, type, path, fake_address(target));
}

int
fake_enumerator(const char *type, const char *name)
{
	const struct btf_type *t = type_of(type);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		if (strcmp(btf__name_by_offset(layout, btf_enum(t)[i].name_off), name) == 0)
			return btf_enum(t)[i].val;
	}
	fail_msg("no %s", name);
	return -1;
}

static void
put_owner(void)
{
	fake_put(QP, "ib_qp", "res.user", 1);
	fake_point(QP, "ib_qp", "res.task", TASK);
	fake_put(TASK, "task_struct", "tgid", 4242);
	fake_put_bytes(TASK, "task_struct", "comm", "worker-7", 9);
	fake_point(TASK, "task_struct", "group_leader", LEADER);
	fake_put(LEADER, "task_struct", "tgid", 4242);
	fake_put_bytes(LEADER, "task_struct", "comm", "train.py", 9);
	fake_point(TASK, "task_struct", "cgroups", CSS);
	fake_point(CSS, "css_set", "dfl_cgrp", CGROUP);
	fake_point(CGROUP, "cgroup", "kn", NODE);
	fake_put(NODE, "kernfs_node", "id", 0x1234567890);
}

static void
put_attr(void)
{
	fake_put(ATTR, "ib_qp_attr", "qp_state", RTR);
	fake_put(ATTR, "ib_qp_attr", "path_mtu", 5);
	fake_put(ATTR, "ib_qp_attr", "dest_qp_num", 0x123456);
	fake_put(ATTR, "ib_qp_attr", "ah_attr.sl", 3);
	fake_put(ATTR, "ib_qp_attr", "ah_attr.port_num", 2);
	fake_put(ATTR, "ib_qp_attr", "ah_attr.ah_flags", 1);
	fake_put(ATTR, "ib_qp_attr", "ah_attr.type",
		 (uint64_t)fake_enumerator("rdma_ah_attr_type", "RDMA_AH_ATTR_TYPE_ROCE"));
	fake_put_bytes(ATTR, "ib_qp_attr", "ah_attr.grh.dgid", fake_dgid, sizeof(fake_dgid));
	fake_put(ATTR, "ib_qp_attr", "ah_attr.grh.flow_label", 0xabcde);
	fake_put(ATTR, "ib_qp_attr", "ah_attr.grh.sgid_index", 3);
	fake_put(ATTR, "ib_qp_attr", "ah_attr.grh.hop_limit", 64);
	fake_put(ATTR, "ib_qp_attr", "ah_attr.grh.traffic_class", 104);
}

/* An RC QP of a process on a RoCE v2 device. */
void
fake_build(void)
{
	memset(fake_skel->bss->qp_test_memory, 0xa5, QP_TEST_MEMORY);
	fake_point(QP, "ib_qp", "device", DEVICE);
	fake_point(QP, "ib_qp", "real_qp", QP);
	fake_point(QP, "ib_qp", "av_sgid_attr", GID);
	fake_put(QP, "ib_qp", "qp_num", 22);
	fake_put(QP, "ib_qp", "qp_type", RC);
	fake_put(QP, "ib_qp", "port", 2);
	fake_put(QP, "ib_qp", "res.type",
		 (uint64_t)fake_enumerator("rdma_restrack_type", "RDMA_RESTRACK_QP"));
	put_owner();
	fake_put(DEVICE, "ib_device", "index", 7);
	fake_put(DEVICE, "ib_device", "ops.driver_id", 1);
	fake_put_bytes(DEVICE, "ib_device", "name", "mlx5_bond_0", 12);
	fake_put_bytes(GID, "ib_gid_attr", "gid", fake_sgid, sizeof(fake_sgid));
	fake_put(GID, "ib_gid_attr", "gid_type",
		 (uint64_t)fake_enumerator("ib_gid_type", "IB_GID_TYPE_ROCE_UDP_ENCAP"));
	put_attr();
}

void
fake_run(const struct qp_test_call *call)
{
	struct qp_test_call ctx = *call;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(fake_skel->progs.run), &opts), 0);
	assert_int_equal(opts.retval, 0);
}

void
fake_collect(void)
{
	assert_true(ring_buffer__consume(fake_ring) >= 0);
}

__attribute__((format(printf, 2, 0))) static int
quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !refused[0])
		vsnprintf(refused, sizeof(refused), format, args);
	return 0;
}

/* As it was before Linux 5.10, where one number stands for two types. */
static void
renumber_gid_types(void)
{
	struct btf_enum *values = (struct btf_enum *)(uintptr_t)btf_enum(type_of("ib_gid_type"));

	for (uint32_t i = 0; i < btf_vlen(type_of("ib_gid_type")); i++) {
		const char *name = btf__name_by_offset(layout, values[i].name_off);

		values[i].val = strcmp(name, "IB_GID_TYPE_ROCE_UDP_ENCAP") == 0;
	}
}

/* As a kernel without this member: it has no name that could be found. */
static void
hide_member(const char *type, const char *member)
{
	struct btf_member *members = (struct btf_member *)(uintptr_t)btf_members(type_of(type));
	uint32_t i = 0, n = btf_vlen(type_of(type));

	while (i < n && strcmp(btf__name_by_offset(layout, members[i].name_off), member) != 0)
		i++;
	if (i == n)
		fail_msg("no %s in %s", member, type);
	members[i].name_off = 0;
}

/* The layout as a file for libbpf. */
static int
write_layout(char path[64])
{
	int fd = memfd_create("btf", MFD_CLOEXEC);
	uint32_t size;
	const void *data = btf__raw_data(layout, &size);

	assert_int_equal(write(fd, data, size), size);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static int
fake_open(const struct fake_config *config)
{
	const char *top = getenv("top_srcdir");
	char path[4096], copy[64];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = copy);
	int fd, err;

	snprintf(path, sizeof(path), "%s/tests/unit/trace/btf/%s.btf", top ? top : ".",
		 config->kernel);
	layout = btf__parse(path, NULL);
	if (!layout)
		return -EINVAL;
	if (config->old_gid_types)
		renumber_gid_types();
	if (config->lacks[0])
		hide_member(config->lacks[0], config->lacks[1]);
	fd = write_layout(copy);
	if (config->lacks[0]) { /* the objects have it all the same */
		btf__free(layout);
		layout = btf__parse(path, NULL);
	}
	fake_skel = qp_test__open_opts(&opts);
	if (!fake_skel)
		return -EINVAL;
	bpf_map__set_max_entries(fake_skel->maps.qp_ring,
				 config->ring_bytes ? config->ring_bytes : 65536);
	if (config->calls)
		bpf_map__set_max_entries(fake_skel->maps.qp_calls, config->calls);
	fake_skel->rodata->qp_wakeup_always = config->wakeup_always;
	err = qp_test__load(fake_skel);
	close(fd);
	return err;
}

int
fake_setup(const struct fake_config *config)
{
	int err;

	refused[0] = '\0';
	libbpf_set_print(quiet);
	err = fake_open(config);
	if (err == -EPERM || err == -EACCES) {
		print_message("skipped: the kernel does not let this user load BPF: %s\n", refused);
		return 0;
	}
	if (err) {
		print_error("%s\n", refused);
		return -1;
	}
	fake_ring = ring_buffer__new(bpf_map__fd(fake_skel->maps.qp_ring), on_event, NULL, NULL);
	fake_run(&(struct qp_test_call){.op = QP_TEST_WHERE});
	fake_build();
	fake_n_events = 0;
	return fake_ring ? 0 : -1;
}

void
fake_teardown(void)
{
	ring_buffer__free(fake_ring);
	fake_ring = NULL;
	qp_test__destroy(fake_skel);
	fake_skel = NULL;
	btf__free(layout);
	layout = NULL;
}
