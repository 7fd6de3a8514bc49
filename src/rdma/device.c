/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: device
 *
 * A device owns its ibv_context, a PD, and a copy of the last state, MTU and GID table of its port.
 * After each asynchronous event, of whatever kind, all is read again and compared, and the changes
 * are reported. Only after a fatal event the context is dead. When soft-RoCE is removed, it sends
 * no event: its uverbs device vanishes from sysfs, and the removal waits until we close the
 * context.
 *
 * Timer: the port is read every few seconds, or every second while it is down or has no address,
 * because drivers do not send an event for each change (rxe sends none when the address returns or
 * the MTU changes).
 */
#include "rdma/device.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <infiniband/verbs.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rdma/device_async.h"
#include "rdma/gid_local.h"
#include "rpingmesh/log_subsystems.h"

#define DEVICE_RECHECK_DOWN_NS NSEC_PER_SEC
#define DEVICE_RECHECK_UP_NS (5 * NSEC_PER_SEC)
#define DEVICE_EVENTS_PER_WAKEUP 32
#define DEVICE_NODES "/dev/infiniband"
#define DEVICE_SYSFS "/sys/class/infiniband_verbs"
#define DEVICE_SYSFS_NAMES "/sys/class/infiniband"
#define DEVICE_GID_TABLE_MAX \
	1024 /* valid entries of all ports and types; the query fails if there are more */

struct device {
	struct device_config config;
	char name[64];
	char driver[32];
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct loop_fd *async;
	struct loop_timer *recheck;
	ino_t sysfs_ino;  /* of its uverbs directory; another device may get the same name later */
	bool gone;
	bool link;        /* the port is active */
	const char *down_reason; /* NULL: up */
	uint64_t changed_ns;
	uint32_t mtu;
	uint64_t gid_table; /* digest of the GID table when last read; 0: it could not be read */
	unsigned n_foreign; /* GIDs of other network namespaces */
	size_t n_gids;
	struct device_gid gids[DEVICE_GIDS_MAX];
};

bool
device_name_matches(const char *name, char *const *patterns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return n == 0;
}

/* Whether the node may be opened. Returns 0, or errno. */
static int
device_node_error(const char *node)
{
	return faccessat(AT_FDCWD, node, R_OK | W_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* Reads the device's name of an entry in DEVICE_SYSFS. Returns false if it has just gone. */
static bool
device_read_ibdev(const char *entry, char name[static 64])
{
	char path[sizeof(DEVICE_SYSFS) + NAME_MAX + sizeof("//ibdev")];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), DEVICE_SYSFS "/%s/ibdev", entry);
	file = fopen(path, "re");
	if (!file)
		return false;
	ok = fscanf(file, "%63s", name) == 1;
	fclose(file);
	return ok;
}

/* The present name of the device: libibverbs keeps the one that it was found under. */
static const char *
device_present_name(struct ibv_device *dev, char name[static 64])
{
	if (!device_read_ibdev(dev->dev_name, name))
		snprintf(name, 64, "%s", ibv_get_device_name(dev));
	return name;
}

void
device_look_unopened(char *const *patterns, size_t n_patterns,
		     bool (*is_open)(const void *arg, const char *name), const void *arg,
		     struct device_unopened *out)
{
	DIR *dir = opendir(DEVICE_SYSFS);
	const struct dirent *entry;

	memset(out, 0, sizeof(*out));
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		char name[sizeof(out->name)], node[sizeof(out->node)];
		int error;

		if (strncmp(entry->d_name, "uverbs", strlen("uverbs")) != 0)
			continue;
		snprintf(node, sizeof(node), DEVICE_NODES "/%.40s", entry->d_name);
		error = device_node_error(node);
		if (!error || !device_read_ibdev(entry->d_name, name) ||
		    !device_name_matches(name, patterns, n_patterns) ||
		    (is_open && is_open(arg, name)))
			continue;
		if (out->n++ == 0) {
			out->error = error;
			memcpy(out->name, name, sizeof(name));
			memcpy(out->node, node, sizeof(node));
		}
	}
	closedir(dir);
}

/* ibv_open_device(3), but without waiting for a node that may not be opened. NULL with errno. */
static struct ibv_context *
device_open_node(struct ibv_device *dev)
{
	char node[sizeof(DEVICE_NODES "/") + sizeof(dev->dev_name)];
	int error;

	snprintf(node, sizeof(node), DEVICE_NODES "/%s", dev->dev_name);
	error = device_node_error(node);
	if (error) {
		errno = error;
		return NULL;
	}
	return ibv_open_device(dev);
}

/*
 * Appends the RoCE ports of one device to the list. A device that cannot be opened is left out;
 * device_look_unopened() reports it.
 */
static int
device_list_ports(struct ibv_device *dev, struct device_name **list, size_t *n)
{
	struct ibv_context *ctx = device_open_node(dev);
	struct ibv_device_attr attr;
	int rc = 0;

	if (!ctx) {
		if (errno != EACCES && errno != EPERM && errno != ENOENT)
			log_warning(DEVICE, "%s: cannot be opened: %s", ibv_get_device_name(dev),
				    strerror(errno));
		return 0;
	}
	if (ibv_query_device(ctx, &attr))
		attr.phys_port_cnt = 1;
	for (uint8_t port = 1; rc == 0 && port <= attr.phys_port_cnt; port++) {
		struct ibv_port_attr pa;
		struct device_name *grown;

		if (ibv_query_port(ctx, port, &pa) || pa.link_layer != IBV_LINK_LAYER_ETHERNET)
			continue;
		grown = realloc(*list, (*n + 1) * sizeof(**list));
		if (!grown) {
			rc = -ENOMEM;
			break;
		}
		*list = grown;
		device_present_name(dev, grown[*n].name);
		grown[(*n)++].port = port;
	}
	ibv_close_device(ctx);
	return rc;
}

int
device_list(char *const *patterns, size_t n_patterns, struct device_name **out, size_t *n)
{
	struct ibv_device **devices;
	struct device_name *list = NULL;
	size_t count = 0;
	int rc = 0;

	devices = ibv_get_device_list(NULL);
	if (!devices)
		return errno ? -errno : -ENOSYS;
	for (size_t i = 0; rc == 0 && devices[i]; i++) {
		char name[64];

		if (device_name_matches(device_present_name(devices[i], name), patterns,
					n_patterns))
			rc = device_list_ports(devices[i], &list, &count);
	}
	ibv_free_device_list(devices);
	if (rc < 0) {
		free(list);
		return rc;
	}
	*out = list;
	*n = count;
	return 0;
}

static uint64_t
device_fnv1a(const void *data, size_t size)
{
	uint64_t hash = 14695981039346656037ULL;

	for (const uint8_t *c = data; size > 0; c++, size--)
		hash = (hash ^ *c) * 1099511628211ULL;
	return hash;
}

uint64_t
device_set(void)
{
	DIR *dir = opendir(DEVICE_SYSFS);
	const struct dirent *entry;
	uint64_t sum = 0;

	if (!dir)
		return 0;
	/* The sum of the FNV-1a hashes of all names, because their order has no meaning. */
	while ((entry = readdir(dir))) {
		char name[64] = "", both[sizeof(name) + sizeof(entry->d_name) + 1];
		int n;

		/* not abi_version, "." */
		if (strncmp(entry->d_name, "uverbs", strlen("uverbs")) != 0)
			continue;
		device_read_ibdev(entry->d_name, name);
		n = snprintf(both, sizeof(both), "%s=%s", entry->d_name, name);
		sum += device_fnv1a(both, (size_t)n);
	}
	closedir(dir);
	return sum;
}

/*
 * The driver of an RNIC is that of its bus device. rxe has no bus device, but names its parent
 * netdev.
 */
static void
device_read_driver(struct device *device)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), DEVICE_SYSFS_NAMES "/%s/device/driver", device->name);
	len = readlink(path, target, sizeof(target) - 1);
	if (len > 0) {
		target[len] = '\0';
		snprintf(device->driver, sizeof(device->driver), "%.31s", basename(target));
		return;
	}
	snprintf(path, sizeof(path), DEVICE_SYSFS_NAMES "/%s/parent", device->name);
	if (access(path, R_OK) == 0)
		snprintf(device->driver, sizeof(device->driver), "rxe");
}

static bool
device_wants_gid(const struct device *device, const struct ibv_gid_entry *e)
{
	int only = device->config.gid_index;

	/* An AH has only 8 bits for the index. */
	return e->port_num == device->config.port && e->gid_type == IBV_GID_TYPE_ROCE_V2 &&
	       e->gid_index <= UINT8_MAX && (only < 0 || e->gid_index == (uint32_t)only);
}

/* Chooses our own GIDs from the table. Returns their number. */
static size_t
device_choose_gids(struct device *device, const struct ibv_gid_entry entries[], size_t count,
		   struct device_gid gids[DEVICE_GIDS_MAX])
{
	size_t n = 0;

	device->n_foreign = 0;
	for (size_t i = 0; i < count && n < DEVICE_GIDS_MAX; i++) {
		const struct ibv_gid_entry *e = &entries[i];

		if (!device_wants_gid(device, e))
			continue;
		memcpy(gids[n].addr.raw, e->gid.raw, sizeof(gids[n].addr.raw));
		gids[n].index = e->gid_index;
		gids[n].ifindex = e->ndev_ifindex;
		if (gid_local(&gids[n].addr, gids[n].ifindex))
			n++;
		else
			device->n_foreign++;
	}
	return n;
}

bool
device_has_address(const struct device *device)
{
	for (size_t i = 0; i < device->n_gids; i++)
		if (!addr_is_link_local(&device->gids[i].addr))
			return true;
	return false;
}

static const char *
device_judge(const struct device *device, enum ibv_port_state state)
{
	if (state != IBV_PORT_ACTIVE)
		return "port is down";
	if (device->n_gids == 0 && device->n_foreign > 0)
		return "no RoCE v2 address in the daemon's network namespace";
	if (device->n_gids == 0)
		return device->config.gid_index >= 0 ?
			       "no RoCE v2 address at the configured gid_index" :
			       "no RoCE v2 address (is the network interface up and does it have "
			       "an IP address?)";
	if (!device_has_address(device))
		return "only link-local addresses, which no other host can probe (no answer from "
		       "DHCP, or no router?)";
	return NULL;
}

/*
 * Checks which GIDs are ours when the table has changed. While some are not ours, checks each time,
 * because an address that is just being added belongs to no interface yet.
 */
static int
device_set_gids(struct device *device)
{
	struct ibv_gid_entry entries[DEVICE_GID_TABLE_MAX];
	struct device_gid gids[DEVICE_GIDS_MAX];
	ssize_t count =
		ibv_query_gid_table(device->ctx, entries, sizeof(entries) / sizeof(entries[0]), 0);
	size_t n;
	uint64_t table;

	table = count < 0 ? 0 : device_fnv1a(entries, (size_t)count * sizeof(entries[0]));
	if (table && table == device->gid_table && device->n_foreign == 0)
		return 0;
	device->gid_table = table;
	n = device_choose_gids(device, entries, count < 0 ? 0 : (size_t)count, gids);
	if (n == device->n_gids && memcmp(gids, device->gids, n * sizeof(gids[0])) == 0)
		return 0;
	memcpy(device->gids, gids, n * sizeof(gids[0]));
	device->n_gids = n;
	return DEVICE_CHANGED_GIDS;
}

static int
device_set_port(struct device *device)
{
	struct ibv_port_attr attr;
	const char *reason;
	uint32_t mtu;
	int changes = 0;

	if (ibv_query_port(device->ctx, device->config.port, &attr)) {
		attr.state = IBV_PORT_NOP;
		attr.active_mtu = IBV_MTU_256;
	}
	device->link = attr.state == IBV_PORT_ACTIVE;
	mtu = 128u << attr.active_mtu;
	if (mtu != device->mtu && attr.state == IBV_PORT_ACTIVE) {
		device->mtu = mtu;
		changes |= DEVICE_CHANGED_MTU;
	}
	reason = device_judge(device, attr.state);
	if (reason != device->down_reason) {
		changes |= DEVICE_CHANGED_STATE;
		device->down_reason = reason;
		device->changed_ns = clock_mono_ns();
	}
	return changes;
}

/* Reads everything again, and returns the changes. */
static int
device_read(struct device *device)
{
	int changes = device_set_gids(device);

	changes |= device_set_port(device);
	loop_timer_set(device->recheck,
		       device->down_reason ? DEVICE_RECHECK_DOWN_NS : DEVICE_RECHECK_UP_NS);
	return changes;
}

/* change: GONE or FATAL. */
static void
device_set_gone(struct device *device, int change)
{
	if (device->gone)
		return;
	device->gone = true;
	device->link = false;
	device->down_reason =
		change == DEVICE_CHANGED_FATAL ? "device has failed" : "device was removed";
	device->changed_ns = clock_mono_ns();
	loop_fd_set(device->async, 0);
	loop_timer_clear(device->recheck);
	log_error(DEVICE, "%s/%u: %s", device->name, device->config.port, device->down_reason);
	device->config.ops->changed(device->config.arg, device, change | DEVICE_CHANGED_STATE);
}

/* The inode of the device's directory in sysfs; 0: there is none. */
static ino_t
device_sysfs_ino(const struct ibv_context *ctx)
{
	char path[sizeof(DEVICE_SYSFS) + IBV_SYSFS_NAME_MAX];
	struct stat st;

	/* dev_path is right only for devices on a bus. */
	snprintf(path, sizeof(path), DEVICE_SYSFS "/%s", ctx->device->dev_name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

bool
device_exists(const struct device *device)
{
	return device_sysfs_ino(device->ctx) == device->sysfs_ino;
}

bool
device_is_renamed(const struct device *device)
{
	char name[64];

	return device_exists(device) &&
	       strcmp(device_present_name(device->ctx->device, name), device->name) != 0;
}

bool
device_name_exists(const char *name)
{
	char path[sizeof(DEVICE_SYSFS_NAMES) + IBV_SYSFS_NAME_MAX];

	snprintf(path, sizeof(path), DEVICE_SYSFS_NAMES "/%s", name);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

void
device_refresh(struct device *device)
{
	int changes;

	if (device->gone)
		return;
	if (!device_exists(device)) {
		device_set_gone(device, DEVICE_CHANGED_GONE);
		return;
	}
	changes = device_read(device);
	if (!changes)
		return;
	if (changes & DEVICE_CHANGED_MTU)
		log_info(DEVICE, "%s/%u: MTU %u", device->name, device->config.port, device->mtu);
	device->config.ops->changed(device->config.arg, device, changes);
}

static void
device_recheck(void *arg)
{
	device_refresh(arg);
}

static void
device_async_event(struct device *device, const struct ibv_async_event *ev)
{
	enum device_async a = device_async_classify(ev->event_type);
	int change = device_async_change(a);

	device->config.ops->async(device->config.arg, a);
	log_debug(DEVICE, "%s: event: %s", device->name, ibv_event_type_str(ev->event_type));
	/* The event may be of another port, which has its own struct device. */
	if ((change & DEVICE_CHANGED_FABRIC) && ev->element.port_num != device->config.port)
		return;
	if (change & DEVICE_CHANGED_FATAL)
		device_set_gone(device, change);
	else if (change)
		device->config.ops->changed(device->config.arg, device, change);
}

static void
device_async_ready(void *arg, int events)
{
	struct device *device = arg;
	struct ibv_async_event ev;
	int n = 0;

	(void)events;
	while (n < DEVICE_EVENTS_PER_WAKEUP && ibv_get_async_event(device->ctx, &ev) == 0) {
		device_async_event(device, &ev);
		ibv_ack_async_event(&ev);
		n++;
	}
	/*
	 * The descriptor is readable, but there is no event: the kernel has taken the device from
	 * the context.
	 */
	if (n == 0 && errno != EAGAIN && errno != EINTR)
		device_set_gone(device, DEVICE_CHANGED_GONE);
	else
		device_refresh(device);
}

static int
device_watch(struct device *device)
{
	int fd = device->ctx->async_fd;
	int flags = fcntl(fd, F_GETFL);
	struct loop_fd_config watch = {
		.fd = fd,
		.events = LOOP_READ,
		.priority = LOOP_PRIORITY_NORMAL,
		.name = "device events",
		.cb = device_async_ready,
		.arg = device,
	};
	int rc;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	rc = loop_timer_new(device->config.loop, "device recheck", device_recheck, device,
			    &device->recheck);
	if (rc == 0)
		rc = loop_timer_be_coarse(device->recheck);
	if (rc < 0)
		return rc;
	return loop_fd_new(device->config.loop, &watch, &device->async);
}

static struct ibv_context *
device_open_by_name(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;
	int saved = ENODEV;

	if (!list)
		return NULL;
	for (size_t i = 0; list[i]; i++) {
		char present[64];

		if (strcmp(device_present_name(list[i], present), name) != 0)
			continue;
		ctx = device_open_node(list[i]);
		saved = errno;
		break;
	}
	ibv_free_device_list(list);
	errno = saved;
	return ctx;
}

int
device_open(const struct device_config *config, struct device **out)
{
	struct device *device = calloc(1, sizeof(*device));
	int rc;

	if (!device)
		return -ENOMEM;
	device->config = *config;
	snprintf(device->name, sizeof(device->name), "%s", config->name);
	device->config.name = device->name;
	device->ctx = device_open_by_name(config->name);
	if (!device->ctx) {
		rc = errno ? -errno : -ENODEV;
		log_error(DEVICE, "%s: cannot be opened: %s%s", config->name, strerror(-rc),
			  rc == -EACCES ? "; the daemon's user needs read and write access to "
					  "/dev/infiniband/uverbs*" :
					  "");
		goto fail;
	}
	device->pd = ibv_alloc_pd(device->ctx);
	if (!device->pd) {
		rc = -errno;
		log_error(DEVICE, "%s: no protection domain: %s", config->name, strerror(-rc));
		goto fail;
	}
	device->sysfs_ino = device_sysfs_ino(device->ctx);
	device_read_driver(device);
	device->changed_ns = clock_mono_ns();
	device->down_reason = "not read yet";
	rc = device_watch(device);
	if (rc < 0)
		goto fail;
	device_read(device);
	*out = device;
	return 0;
fail:
	device_close(device);
	return rc;
}

void
device_close(struct device *device)
{
	if (!device)
		return;
	loop_timer_free(device->recheck);
	loop_fd_free(device->async);
	if (device->pd && ibv_dealloc_pd(device->pd))
		log_warning(DEVICE, "%s: protection domain still in use", device->name);
	if (device->ctx)
		ibv_close_device(device->ctx);
	free(device);
}

const char *
device_get_name(const struct device *device)
{
	return device->name;
}

uint8_t
device_get_port(const struct device *device)
{
	return device->config.port;
}

const char *
device_get_driver(const struct device *device)
{
	return device->driver;
}

void
device_guid_text(const struct device *device, char text[20])
{
	__be64 guid = ibv_get_device_guid(device->ctx->device);
	uint8_t b[8];

	memcpy(b, &guid, sizeof(b));
	snprintf(text, 20, "%02x%02x:%02x%02x:%02x%02x:%02x%02x", b[0], b[1], b[2], b[3], b[4],
		 b[5], b[6], b[7]);
}

bool
device_is_up(const struct device *device)
{
	return !device->down_reason;
}

bool
device_link_is_up(const struct device *device)
{
	return device->link;
}

const char *
device_down_reason(const struct device *device)
{
	return device->down_reason;
}

uint64_t
device_changed_ns(const struct device *device)
{
	return device->changed_ns;
}

uint32_t
device_get_mtu(const struct device *device)
{
	return device->mtu;
}

const struct device_gid *
device_gids(const struct device *device, size_t *n)
{
	*n = device->n_gids;
	return device->gids;
}

unsigned
device_foreign_gids(const struct device *device)
{
	return device->n_foreign;
}

static int
device_gid_rank(const struct addr *a)
{
	return addr_is_v4(a) ? 0 : addr_is_link_local(a) ? 2 : 1;
}

const struct device_gid *
device_primary_gid(const struct device *device)
{
	const struct device_gid *best = NULL;

	for (size_t i = 0; i < device->n_gids; i++) {
		const struct device_gid *g = &device->gids[i];

		if (!best || device_gid_rank(&g->addr) < device_gid_rank(&best->addr))
			best = g;
	}
	return best;
}

const struct device_gid *
device_find_gid(const struct device *device, const struct addr *addr)
{
	for (size_t i = 0; i < device->n_gids; i++)
		if (addr_equal(&device->gids[i].addr, addr))
			return &device->gids[i];
	return NULL;
}

const struct device_gid *
device_source_for(const struct device *device, const struct addr *remote)
{
	const struct device_gid *best = NULL;

	for (size_t i = 0; i < device->n_gids; i++) {
		const struct device_gid *g = &device->gids[i];

		if (device_gid_rank(&g->addr) != device_gid_rank(remote))
			continue;
		if (!best ||
		    addr_common_bits(&g->addr, remote) > addr_common_bits(&best->addr, remote))
			best = g;
	}
	return best;
}

struct ibv_context *
device_context(const struct device *device)
{
	return device->ctx;
}

struct ibv_pd *
device_pd(const struct device *device)
{
	return device->pd;
}
