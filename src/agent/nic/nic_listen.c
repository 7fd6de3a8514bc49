/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nic/nic_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/nic/rival.h"
#include "core/clock.h"
#include "core/log.h"
#include "rdma/sidr.h"
#include "rpingmesh/log_subsystems.h"

#define NIC_RIVAL_NS (60 * NSEC_PER_SEC) /* it tries again every 16 seconds */

struct nic_listener {
	struct nic_listener *next;
	struct nic *nic;
	struct addr local;
	struct sidr_listener *sidr;
	int rivals; /* rival_open() */
};

static void
nic_listener_free(struct nic_listener *l)
{
	sidr_listener_free(l->sidr);
	if (l->rivals >= 0)
		close(l->rivals);
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
	int rc;

	if (!l) {
		nic->deaf = true;
		return;
	}
	l->nic = nic;
	l->local = *local;
	rc = sidr_listen(nic->nics->sidr, &config, &l->sidr);
	if (rc < 0) {
		nic->deaf = true;
		if (rc == -EADDRINUSE) {
			nic->taken = true;
			rival_tell(local, config.port);
		}
		free(l);
		return;
	}
	l->rivals = rival_open(local, config.port);
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

	nic->deaf = nic->taken = false;
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

void
nic_listen_rivals(struct nic *nic, uint64_t now_ns)
{
	char text[ADDR_TEXT];
	pid_t pid;

	for (const struct nic_listener *l = nic->listeners; l; l = l->next) {
		if (!rival_heard(l->rivals, &pid))
			continue;
		if (!nic->rival_ns || pid != nic->rival)
			log_warning(CM, "%s/%u: another daemon, process %d, wants to listen on %s",
				    nic->name, nic->port, (int)pid, addr_text(&l->local, text));
		nic->rival = pid;
		nic->rival_ns = now_ns;
	}
	if (nic->rival_ns && now_ns - nic->rival_ns >= NIC_RIVAL_NS)
		nic->rival_ns = 0;
}

bool
nic_listen_sentence(const struct nic *nic, char text[NIC_SENTENCE])
{
	if (!nic->rival_ns)
		return false;
	snprintf(text, NIC_SENTENCE,
		 "%s/%u: another daemon on this host wants to listen on an address of this port "
		 "(process %d): give each other devices or another port",
		 nic->name, nic->port, (int)nic->rival);
	return true;
}
