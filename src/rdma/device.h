/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local RDMA devices: finding them, their port, addresses (GIDs) and MTU, and the asynchronous
 * events that change these. One struct device is one RoCE port of one RDMA device, opened for
 * itself.
 *
 * Blocking: opening and querying a device are system calls that reach the driver; for hardware they
 * take a firmware command (tens of microseconds to a few milliseconds). They happen at start, on
 * events, every five seconds and, while a port is down, once a second.
 *
 * An asynchronous event is fetched, classified, acted on and acknowledged last: a QP cannot be
 * destroyed before its events are acknowledged, which is why nothing may be freed from within
 * device_ops.changed.
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
	/* From the loop. The device must not be freed from within; use loop_defer(). */
	void (*changed)(void *arg, struct device *device, int changes);
	/* Each asynchronous event, before what it changes. For counting. */
	void (*async)(void *arg, enum device_async kind);
};

/*
 * Which ports exist: "device/port" of each RoCE port whose device name matches a pattern (none:
 * all).
 */
struct device_name {
	char name[64];
	uint8_t port;
};

/* Whether a device name matches one of the fnmatch(3) patterns; with none: true. */
bool device_name_matches(const char *name, char *const *patterns, size_t n_patterns);

/* Devices that cannot be opened: how many, and the first one of them. */
struct device_unopened {
	unsigned n;
	char name[64];
	char node[64]; /* "/dev/infiniband/uverbs0" */
	int error;     /* errno value; EACCES: no permission on the node; ENOENT: no node, as in a
			  container without it */
};

/*
 * Which of the devices whose names match (NULL, 0: all devices) this process cannot open, judged by
 * their nodes. This is cheap; call it before anything else. libibverbs does not list a device
 * without a node, and waits seconds for udev if it may not open a node. librdmacm gives up a device
 * for good if it once could not open it. is_open (NULL: none) reports devices that are open already
 * and do not count.
 */
void device_look_unopened(char *const *patterns, size_t n_patterns,
			  bool (*is_open)(const void *arg, const char *name), const void *arg,
			  struct device_unopened *out);

/*
 * Lists RoCE ports. 0 and *out (free()) with *n entries, or -errno: -ENOSYS when the kernel has no
 * RDMA. Devices that cannot be opened are left out.
 */
int device_list(char *const *patterns, size_t n_patterns, struct device_name **out, size_t *n);

/*
 * A number that is another one whenever a device has come or gone. Cheap: reads the names in a
 * directory of sysfs, while device_list() opens each device. 0: there is none.
 */
uint64_t device_set(void);

/*
 * Opens a port. gid_index ≥ 0 leaves only that GID visible. 0 and *out, owned by the caller, or
 * -errno, logged with what to do (-EACCES: the uverbs node).
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

/* Endpoints and AHs on it must be gone. NULL is allowed. */
void device_close(struct device *device);

/*
 * Whether the kernel still has this very device; false after a removal, of which not every driver
 * sends an event.
 */
bool device_exists(const struct device *device);
/* Whether the kernel has a device of that name, this one or another. Reads sysfs. */
bool device_name_exists(const char *name);

/* Reads port and GIDs again now, as if an event had said so. */
void device_refresh(struct device *device);

const char *device_get_name(const struct device *device);
uint8_t device_get_port(const struct device *device);
/* Name of the kernel driver, "" if unknown. */
const char *device_get_driver(const struct device *device);
/* The node GUID as tools write it: 0011:2233:4455:6677. */
void device_guid_text(const struct device *device, char text[20]);
/* Whether it is active and has an address. */
bool device_is_up(const struct device *device);
/* Whether the port is active, with an address or without. */
bool device_link_is_up(const struct device *device);
/* Why not; static text; NULL when up. */
const char *device_down_reason(const struct device *device);
/* When the state last changed, CLOCK_MONOTONIC. */
uint64_t device_changed_ns(const struct device *device);
/* Longest UD payload in bytes: the active MTU. */
uint32_t device_get_mtu(const struct device *device);

/* The RoCE v2 addresses. Borrowed; valid until the next change. */
const struct device_gid *device_gids(const struct device *device, size_t *n);
/* The address that the port goes by: IPv4 first, then IPv6, link-local last. NULL: none. */
const struct device_gid *device_primary_gid(const struct device *device);
/* The entry of an address; NULL: not on this port (any more). */
const struct device_gid *device_find_gid(const struct device *device, const struct addr *addr);
/*
 * The best source address for a remote one: same family and, for link-local, same scope. NULL:
 * none.
 */
const struct device_gid *device_source_for(const struct device *device, const struct addr *remote);

/* For the rdma room. Borrowed. */
struct ibv_context *device_context(const struct device *device);
struct ibv_pd *device_pd(const struct device *device);

#endif
