/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nic/nic_impl.h"

#include <stdlib.h>

#include "rdma/sidr.h"

struct nic_listener {
	struct nic_listener *next;
	struct nic *nic;
	struct addr local;
	struct sidr_listener *sidr;
};

static void
nic_listener_free(struct nic_listener *l)
{
	sidr_listener_free(l->sidr);
	free(l);
}

static void
nic_requested(void *arg, struct sidr_request *request, const struct sidr_request_info *info)
{
	const struct nic_listener *l = arg;

	nic_return_requested(l->nic, request, info);
}

static void
nic_listen(struct nic *nic, const struct addr *local)
{
	struct nic_listener *l = calloc(1, sizeof(*l));
	struct sidr_listener_config config = {
		.local = *local,
		.port = nic->nics->config->port,
		.requested = nic_requested,
		.arg = l,
	};

	if (!l) {
		nic->deaf = true;
		return;
	}
	l->nic = nic;
	l->local = *local;
	if (sidr_listen(nic->nics->sidr, &config, &l->sidr) < 0) {
		nic->deaf = true;
		free(l);
		return;
	}
	l->next = nic->listeners;
	nic->listeners = l;
}

static bool
nic_listens(const struct nic *nic, const struct addr *local)
{
	for (const struct nic_listener *l = nic->listeners; l; l = l->next)
		if (addr_equal(&l->local, local))
			return true;
	return false;
}

/* Does not listen on link-local addresses. */
void
nic_listen_sync(struct nic *nic)
{
	const struct device_gid *gids = NULL;
	struct nic_listener **at = &nic->listeners, *l;
	size_t n = 0;

	nic->deaf = false;
	if (nic->device)
		gids = device_gids(nic->device, &n);
	while ((l = *at)) {
		if (nic->device && device_find_gid(nic->device, &l->local)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		nic_listener_free(l);
	}
	for (size_t i = 0; i < n; i++)
		if (!addr_is_link_local(&gids[i].addr) && !nic_listens(nic, &gids[i].addr))
			nic_listen(nic, &gids[i].addr);
}

void
nic_listen_stop(struct nic *nic)
{
	while (nic->listeners) {
		struct nic_listener *l = nic->listeners;

		nic->listeners = l->next;
		nic_listener_free(l);
	}
}
