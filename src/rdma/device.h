/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local RDMA devices: lists them, opens them, and reports port state, addresses (GIDs), MTU, and
 * the asynchronous events that change these. A struct device is one RoCE port of one RDMA device,
 * with a context of its own.
 *
 * Blocking: opening and querying a device are system calls into the driver. For hardware, they are
 * firmware commands (tens of microseconds to a few milliseconds). They happen at the start, on
 * events, every five seconds and, while a port is down, every second.
 *
 * An asynchronous event is fetched, classified, handled, and acknowledged last. A QP cannot be
 * destroyed before its events are acknowledged, so device_ops.changed must not free anything.
 */
#ifndef RPINGMESH_RDMA_DEVICE_H
#define RPINGMESH_RDMA_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "rdma/device_async.h"

struct device;
struct ibv_context;
struct ibv_pd;
struct loop;

#define DEVICE_GIDS_MAX 64

/* One RoCE v2 entry of the GID table. */
struct device_gid {
	struct addr addr;
	uint32_t index;
	uint32_t ifindex; /* of the network device; 0 if unknown */
};

struct device_ops {
	/* changes: enum device_change. From the loop. To free the device, use loop_defer(). */
	void (*changed)(void *arg, struct device *device, int changes);
	/* Called for each asynchronous event, before changed(). For counting. */
	void (*async)(void *arg, enum device_async kind);
};

/*
 * The name of a RoCE port.
 */
struct device_name {
	char name[64];
	uint8_t port;
};

/* Whether a device name matches one of the fnmatch(3) patterns. Without patterns, all match. */
bool device_name_matches(const char *name, char *const *patterns, size_t n_patterns);

/* Devices that cannot be opened: their number, and the first of them. */
struct device_unopened {
	unsigned n;
	char name[64];
	char node[64]; /* "/dev/infiniband/uverbs0" */
	int error;     /* errno value; EACCES: no permission for the node; ENOENT: there is no node,
			  as in a container without it */
};

/*
 * Finds the devices with matching names (NULL, 0: all) whose nodes this process cannot open. This
 * is cheap; call it before anything else. libibverbs does not list a device without a node, and
 * waits seconds for udev if it may not open a node. After librdmacm once could not open a device,
 * it never tries again. is_open() reports devices that are open already and do not count; NULL:
 * none are.
 */
void device_look_unopened(char *const *patterns, size_t n_patterns,
			  bool (*is_open)(const void *arg, const char *name), const void *arg,
			  struct device_unopened *out);

/*
 * Lists the RoCE ports of devices with matching names. Returns 0 and sets *out, which the caller
 * frees, and *n; or -errno, -ENOSYS if the kernel has no RDMA. Devices that cannot be opened are
 * left out.
 */
int device_list(char *const *patterns, size_t n_patterns, struct device_name **out, size_t *n);

/*
 * A number that changes whenever a device comes, goes or gets another name; 0: there are no
 * devices. Cheap: it reads names in sysfs, while device_list() opens each device.
 */
uint64_t device_set(void);

/*
 * Opens a port. If gid_index ≥ 0, only that GID is visible. Returns 0 and sets *out, which the
 * caller owns, or logs the error with its cure and returns -errno (-EACCES: the uverbs node).
 */
struct device_config {
	struct loop *loop;
	const char *name;
	uint8_t port;
	int gid_index;
	const struct device_ops *ops;
	void *arg;
};
int device_open(const struct device_config *config, struct device **out);

/* The caller has freed all endpoints and AHs on it. NULL is allowed. */
void device_close(struct device *device);

/*
 * Whether the kernel still has this device. False after its removal, for which some drivers send no
 * event.
 */
bool device_exists(const struct device *device);
/* Whether the device has another name than when it was opened. Reads sysfs. */
bool device_is_renamed(const struct device *device);
/* Whether the kernel has a device with that name; not necessarily an open one. Reads sysfs. */
bool device_name_exists(const char *name);

/* Reads port and GIDs again now, as after an event. */
void device_refresh(struct device *device);

const char *device_get_name(const struct device *device);
uint8_t device_get_port(const struct device *device);
/* The name of the kernel driver, or "" if it is unknown. */
const char *device_get_driver(const struct device *device);
/* Writes the node GUID in the usual form: 0011:2233:4455:6677. */
void device_guid_text(const struct device *device, char text[20]);
/* Whether the port is active and has an address. */
bool device_is_up(const struct device *device);
/* Whether the port is active, with an address or without. */
bool device_link_is_up(const struct device *device);
/* Why the port is not up, as static text; NULL if it is. */
const char *device_down_reason(const struct device *device);
/* The time of the last change of state, CLOCK_MONOTONIC. */
uint64_t device_changed_ns(const struct device *device);
/* The longest UD payload in bytes, which is the active MTU. */
uint32_t device_get_mtu(const struct device *device);

/* Whether it has an address that other hosts can probe: RoCE v2, and not link-local. */
bool device_has_address(const struct device *device);
/* Our own RoCE v2 addresses; see gid_local(). Borrowed; valid until the next change. */
const struct device_gid *device_gids(const struct device *device, size_t *n);
/* The number of addresses of interfaces in other network namespaces. */
unsigned device_foreign_gids(const struct device *device);
/* The main address of the port: IPv4 first, then IPv6, link-local last. NULL: it has none. */
const struct device_gid *device_primary_gid(const struct device *device);
/* The entry of an address, or NULL if this port does not have it. */
const struct device_gid *device_find_gid(const struct device *device, const struct addr *addr);
/*
 * The best source address for a remote address. It has the same family and, for link-local, the
 * same scope. NULL: there is none.
 */
const struct device_gid *device_source_for(const struct device *device, const struct addr *remote);

/* For this room only. Borrowed. */
struct ibv_context *device_context(const struct device *device);
struct ibv_pd *device_pd(const struct device *device);

#endif
