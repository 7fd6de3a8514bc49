/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: path
 *
 * A path owns a list of AHs, the last used first, and at most one address resolution (sidr.h). An
 * AH is shared with the sends that use it (path_ah_ref), and may outlive the path until they are
 * complete.
 */
#include "rdma/path.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "rdma/device.h"
#include "rdma/sidr.h"
#include "rpingmesh/log_subsystems.h"

#define PATH_HOP_LIMIT 64 /* if the route does not say */
#define PATH_ANY_PORT 9   /* nothing is sent there */

struct path_ah {
	struct path_ah *next;
	struct ibv_ah *verbs;
	uint32_t refs;
	uint32_t flow_label;
	uint8_t traffic_class, service_level;
	uint8_t hop_limit; /* 0: unknown */
};

struct path {
	struct path_config config;
	struct sidr_call *resolving;
	bool verifying;    /* when the resolution ends, the AHs are replaced */
	uint64_t fresh_ns; /* when the neighbour was last known; 0: never */
	struct path_ah *ahs;
};

int
path_new(const struct path_config *config, struct path **out)
{
	struct path *path = calloc(1, sizeof(*path));

	if (!path)
		return -ENOMEM;
	path->config = *config;
	*out = path;
	return 0;
}

void
path_reset(struct path *path)
{
	struct path_ah *ah;

	while ((ah = path->ahs)) {
		path->ahs = ah->next;
		path_ah_unref(ah);
	}
	path->fresh_ns = 0;
}

void
path_free(struct path *path)
{
	if (!path)
		return;
	sidr_cancel(path->resolving);
	path_reset(path);
	free(path);
}

static void
path_resolved(void *arg, const struct sidr_answer *answer)
{
	struct path *path = arg;

	path->resolving = NULL;
	if (path->verifying)
		path_reset(path);
	path->verifying = false;
	if (answer->status == 0)
		path->fresh_ns = clock_mono_ns();
	path->config.ops->resolved(path->config.arg, path, answer->status);
}

int
path_resolve(struct path *path)
{
	struct sidr_question question = {
		.local = path->config.local,
		.remote = path->config.remote,
		.timeout_ms = PATH_RESOLVE_TIMEOUT_MS,
		.address_only = true,
		.answered = path_resolved,
		.arg = path,
	};

	if (path->resolving)
		return 0;
	return sidr_ask(path->config.sidr, &question, &path->resolving);
}

int
path_verify(struct path *path)
{
	int rc = path_resolve(path);

	if (rc == 0)
		path->verifying = true;
	return rc;
}

void
path_renew(struct path *path, uint64_t now_ns)
{
	path_reset(path);
	path->fresh_ns = now_ns;
}

bool
path_is_fresh(const struct path *path, uint64_t now_ns)
{
	return path->fresh_ns && now_ns - path->fresh_ns < PATH_FRESH_NS;
}

static struct path_ah *
path_find_ah(struct path *path, uint32_t flow_label, uint8_t traffic_class, uint8_t service_level)
{
	for (struct path_ah **at = &path->ahs, *ah; (ah = *at); at = &ah->next) {
		if (ah->flow_label != flow_label || ah->traffic_class != traffic_class ||
		    ah->service_level != service_level)
			continue;
		*at = ah->next;
		ah->next = path->ahs;
		path->ahs = ah;
		return ah;
	}
	return NULL;
}

static void
path_trim(struct path *path)
{
	struct path_ah **at = &path->ahs;

	for (int n = 0; *at && n < PATH_AHS_MAX; n++)
		at = &(*at)->next;
	while (*at) {
		struct path_ah *ah = *at;

		*at = ah->next;
		path_ah_unref(ah);
	}
}

/*
 * The hop limit that the kernel would use on this route; 0: unknown. A driver puts into headers
 * either what the AH says (mlx5; rxe of Linux 5.10), or what the kernel found for the route when it
 * made the AH (rxe of Linux 6.1: drivers/infiniband/core/verbs.c, ib_resolve_unicast_gid_dmac()).
 * If the AH says the same, both are right. A `hoplimit` of an IPv4 route does not show here.
 */
static uint8_t
path_route_hop_limit(const struct path *path)
{
	const struct addr *local = &path->config.local, *remote = &path->config.remote;
	struct sockaddr_storage from, to;
	socklen_t from_len = addr_to_sockaddr(local, 0, &from), to_len, len = sizeof(int);
	bool v4 = addr_is_v4(remote);
	int fd = socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int hops = 0;

	if (fd < 0)
		return 0;
	to_len = addr_to_sockaddr(remote, PATH_ANY_PORT, &to);
	if (bind(fd, (struct sockaddr *)&from, from_len) != 0 ||
	    connect(fd, (struct sockaddr *)&to, to_len) != 0 ||
	    getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &hops,
		       &len) != 0)
		hops = 0;
	close(fd);
	return hops > 0 && hops <= UINT8_MAX ? (uint8_t)hops : 0;
}

static int
path_make_ah(struct path *path, uint32_t flow_label, uint8_t traffic_class, uint8_t service_level,
	     struct path_ah **out)
{
	const struct device_gid *gid = device_find_gid(path->config.device, &path->config.local);
	struct ibv_ah_attr attr = {
		.is_global = 1,
		.port_num = device_get_port(path->config.device),
		.sl = service_level,
		.grh = {.flow_label = flow_label, .traffic_class = traffic_class},
	};
	uint8_t hop_limit = path_route_hop_limit(path);
	struct path_ah *ah;

	if (!gid)
		return -EADDRNOTAVAIL;
	attr.grh.hop_limit = hop_limit ? hop_limit : PATH_HOP_LIMIT;
	attr.grh.sgid_index = (uint8_t)gid->index;
	memcpy(attr.grh.dgid.raw, path->config.remote.raw, sizeof(attr.grh.dgid.raw));
	ah = calloc(1, sizeof(*ah));
	if (!ah)
		return -ENOMEM;
	ah->verbs = ibv_create_ah(device_pd(path->config.device), &attr);
	if (!ah->verbs) {
		int rc = errno ? -errno : -EIO;

		free(ah);
		return rc;
	}
	ah->refs = 1;
	ah->hop_limit = hop_limit;
	ah->flow_label = flow_label;
	ah->traffic_class = traffic_class;
	ah->service_level = service_level;
	ah->next = path->ahs;
	path->ahs = ah;
	path_trim(path);
	*out = ah;
	return 0;
}

int
path_get_ah(struct path *path, uint32_t flow_label, uint8_t traffic_class, uint8_t service_level,
	    uint64_t now_ns, struct path_ah **out)
{
	struct path_ah *ah = path_find_ah(path, flow_label, traffic_class, service_level);
	int rc;

	if (ah) {
		*out = ah;
		return 0;
	}
	if (path_is_fresh(path, now_ns))
		return path_make_ah(path, flow_label, traffic_class, service_level, out);
	rc = path_resolve(path);
	return rc < 0 ? rc : -EAGAIN;
}

void
path_info(const struct path *path, struct path_info *out)
{
	*out = (struct path_info){.fresh_ns = path->fresh_ns, .resolving = path->resolving != NULL};
	if (path->ahs)
		out->hop_limit = path->ahs->hop_limit;
	for (const struct path_ah *ah = path->ahs; ah; ah = ah->next)
		out->ahs++;
}

struct path_ah *
path_ah_ref(struct path_ah *ah)
{
	ah->refs++;
	return ah;
}

void
path_ah_unref(struct path_ah *ah)
{
	if (!ah || --ah->refs)
		return;
	if (ibv_destroy_ah(ah->verbs))
		log_warning(DEVICE, "address handle cannot be destroyed: %s", strerror(errno));
	free(ah);
}

uint8_t
path_ah_hop_limit(const struct path_ah *ah)
{
	return ah->hop_limit;
}

struct ibv_ah *
path_ah_verbs(const struct path_ah *ah)
{
	return ah->verbs;
}
