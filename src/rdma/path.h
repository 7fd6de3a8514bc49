/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths: address handles (AHs) from one local address to one remote address, made without blocking.
 *
 * ibv_create_ah(3) resolves the neighbour synchronously, and blocks for about a second if nobody
 * answers. Therefore a path first lets rdma_cm resolve the address, which is asynchronous, and
 * makes AHs only while the result is fresh. AHs are cached by flow label, traffic class and
 * service level. The least recently used one is dropped. Each AH lives until the last send that
 * used it has completed.
 */
#ifndef RPINGMESH_RDMA_PATH_H
#define RPINGMESH_RDMA_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

struct device;
struct ibv_ah;
struct sidr;
struct path;
struct path_ah;

#define PATH_FRESH_NS 5000000000ULL /* how long a resolved neighbour is trusted to be known still \
				     */
#define PATH_AHS_MAX 256
#define PATH_RESOLVE_TIMEOUT_MS 1500
#define PATH_HOP_LIMIT 64

struct path_ops {
	/*
	 * The address is resolved (0), or is not (-errno, logged by who cares). From the loop. May
	 * free the path.
	 */
	void (*resolved)(void *arg, struct path *path, int status);
};

struct path_config {
	struct device *device; /* borrowed, outlives the path */
	struct sidr *sidr;     /* borrowed, outlives the path */
	struct addr local, remote;
	const struct path_ops *ops;
	void *arg;
};

int path_new(const struct path_config *config, struct path **out);
/* AHs in use by sends live on until these complete. NULL is allowed. */
void path_free(struct path *path);

/* Starts resolving unless it runs already; ops->resolved follows. 0 or -errno at once. */
int path_resolve(struct path *path);
/*
 * As path_resolve(), but replaces the AHs when the outcome is known, because the address may lead
 * elsewhere now. Until then the old AHs stay in use, because messages are in flight through them.
 */
int path_verify(struct path *path);
/*
 * The neighbour is known to be reachable for another reason: SIDR just went there and back.
 * Replaces the AHs, because the address may lead elsewhere now.
 */
void path_renew(struct path *path, uint64_t now_ns);
/* Whether the neighbour was known not long ago. */
bool path_is_fresh(const struct path *path, uint64_t now_ns);

/*
 * An AH, borrowed: valid until the caller returns to the loop, or as long as it holds a reference.
 * 0 and *out; -EAGAIN: the address is being resolved, ops->resolved follows; other -errno:
 * -EADDRNOTAVAIL when the local address has left the device.
 */
int path_get_ah(struct path *path, uint32_t flow_label, uint8_t traffic_class,
		uint8_t service_level, uint64_t now_ns, struct path_ah **out);
/* Drops all AHs and what is known of the neighbour: the local address has moved. */
void path_reset(struct path *path);

struct path_info {
	uint64_t fresh_ns; /* when the neighbour was last known, CLOCK_MONOTONIC; 0: never */
	uint32_t ahs;
	bool resolving;
};
void path_info(const struct path *path, struct path_info *out);

struct path_ah *path_ah_ref(struct path_ah *ah);
void path_ah_unref(struct path_ah *ah);
struct ibv_ah *path_ah_verbs(const struct path_ah *ah);

#endif
