/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths: address handles (AHs) from one local address to one remote address, made without blocking.
 *
 * ibv_create_ah(3) resolves the neighbour synchronously, and blocks for about a second if there is
 * no answer. Therefore a path first lets rdma_cm resolve the address, which is asynchronous, and
 * makes AHs only while the result is fresh. AHs are cached by flow label, traffic class and service
 * level; a new one may replace the least recently used one. An AH lives until the last send that
 * uses it is complete.
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

#define PATH_FRESH_NS 5000000000ULL /* the time for which a resolved neighbour counts as known \
				     */
#define PATH_AHS_MAX 256
#define PATH_RESOLVE_TIMEOUT_MS 1500

struct path_ops {
	/*
	 * The address is resolved (status 0), or could not be resolved (-errno, not logged). From
	 * the loop. May free the path.
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

/* Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int path_new(const struct path_config *config, struct path **out);
/* AHs of sends in flight live until these are complete. NULL is allowed. */
void path_free(struct path *path);

/* Starts to resolve, unless that runs already. Returns -errno, or 0; ops->resolved() follows. */
int path_resolve(struct path *path);
/*
 * Like path_resolve(), but afterwards replaces the AHs, because the address may lead elsewhere now.
 * Until then the old AHs stay in use, because messages are in flight through them.
 */
int path_verify(struct path *path);
/*
 * The neighbour is known, because SIDR has just got an answer from it. Replaces the AHs, because
 * the address may lead elsewhere now.
 */
void path_renew(struct path *path, uint64_t now_ns);
/* Whether the neighbour was known within the last PATH_FRESH_NS. */
bool path_is_fresh(const struct path *path, uint64_t now_ns);

/*
 * Gets an AH, borrowed: it is valid until the caller returns to the loop, or as long as the caller
 * holds a reference. Returns 0 and sets *out; -EAGAIN if the address is being resolved, and
 * ops->resolved() follows; or another -errno, such as -EADDRNOTAVAIL if the device does not have
 * the local address any more.
 */
int path_get_ah(struct path *path, uint32_t flow_label, uint8_t traffic_class,
		uint8_t service_level, uint64_t now_ns, struct path_ah **out);
/* Drops all AHs and forgets the neighbour, because the local address has moved. */
void path_reset(struct path *path);

struct path_info {
	uint64_t fresh_ns; /* CLOCK_MONOTONIC when the neighbour was last known; 0: never */
	uint32_t ahs;
	uint8_t hop_limit; /* of the AH used last; 0: there is none, or it is unknown */
	bool resolving;
};
void path_info(const struct path *path, struct path_info *out);

/* Takes a reference, and drops one; the last one destroys the AH. */
struct path_ah *path_ah_ref(struct path_ah *ah);
void path_ah_unref(struct path_ah *ah);
struct ibv_ah *path_ah_verbs(const struct path_ah *ah);
/* The hop limit with which its messages leave; 0: unknown. */
uint8_t path_ah_hop_limit(const struct path_ah *ah);

#endif
