/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: sources
 *
 * Owns the endpoints, which source_search.c keeps by their ports, and during a search a bare QP
 * with a CQ of one entry. The bare QP is kept until the next one has been made. Otherwise a driver
 * that assigns the lowest free number (rxe of Linux 5.10) would always assign the same one.
 *
 * Endpoints that are no longer wanted go to `unwanted`, and the loop frees them, because the last
 * want may be removed in one of their own callbacks.
 *
 * Timer: `next` makes the next try. It is armed while a wanted port has no endpoint, but never
 * before next_ns. This keeps the search within its share of the time.
 */
#include "rdma/sources.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rdma/device.h"
#include "rdma/source_search.h"
#include "rpingmesh/log_subsystems.h"

#define SOURCES_RETRY_MIN_NS NSEC_PER_SEC /* after a QP could not be made; it doubles */
#define SOURCES_RETRY_MAX_NS (64 * NSEC_PER_SEC)

struct sources {
	struct endpoint_config config;
	struct source_search search;
	struct loop_timer *next;
	bool armed;
	uint64_t next_ns, retry_ns;
	struct ibv_cq *cq;
	struct ibv_qp *bare;
	struct endpoint *unwanted[SOURCES_MAX];
	uint32_t n_unwanted;
};

static void
sources_drop_bare(struct sources *sources)
{
	if (sources->bare)
		ibv_destroy_qp(sources->bare);
	sources->bare = NULL;
}

static void
sources_rest(struct sources *sources)
{
	sources_drop_bare(sources);
	if (sources->cq)
		ibv_destroy_cq(sources->cq);
	sources->cq = NULL;
	source_search_pause(&sources->search);
}

static int
sources_make_bare(struct sources *sources)
{
	struct ibv_qp_init_attr init = {
		.cap = {.max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1},
		.qp_type = IBV_QPT_UD,
	};
	struct ibv_qp *qp;

	if (!sources->cq)
		sources->cq =
			ibv_create_cq(device_context(sources->config.device), 1, NULL, NULL, 0);
	if (!sources->cq)
		return -errno;
	init.send_cq = init.recv_cq = sources->cq;
	qp = ibv_create_qp(device_pd(sources->config.device), &init);
	if (!qp)
		return -errno;
	sources_drop_bare(sources);
	sources->bare = qp;
	source_search_made(&sources->search, qp->qp_num, NULL);
	return 0;
}

static int
sources_make_endpoint(struct sources *sources)
{
	struct endpoint *endpoint;
	int rc = endpoint_new(&sources->config, &endpoint);

	if (rc < 0)
		return rc;
	if (!source_search_made(&sources->search, endpoint_qpn(endpoint), endpoint))
		endpoint_free(endpoint);
	return 0;
}

/* After a failure, tries again later: memory or the device may be available again. */
static void
sources_note(struct sources *sources, int rc)
{
	if (rc == 0) {
		sources->retry_ns = 0;
		return;
	}
	if (sources->retry_ns == 0)
		log_warning(DEVICE, "%s: no QP to search for UDP source ports with: %s",
			    device_get_name(sources->config.device), strerror(-rc));
	sources->retry_ns = sources->retry_ns ? 2 * sources->retry_ns : SOURCES_RETRY_MIN_NS;
	if (sources->retry_ns > SOURCES_RETRY_MAX_NS)
		sources->retry_ns = SOURCES_RETRY_MAX_NS;
}

static void
sources_arm(struct sources *sources)
{
	uint64_t now = clock_mono_ns();

	if (sources->armed || source_search_next(&sources->search) == SOURCE_STEP_NONE)
		return;
	sources->armed = true;
	loop_timer_set(sources->next, sources->next_ns > now ? sources->next_ns - now : 0);
}

static void
sources_try(void *arg)
{
	struct sources *sources = arg;
	uint64_t begin_ns = clock_mono_ns(), took_ns;
	int rc = 0;

	sources->armed = false;
	switch (source_search_next(&sources->search)) {
	case SOURCE_STEP_NONE:
		break;
	case SOURCE_STEP_BARE:
		rc = sources_make_bare(sources);
		break;
	case SOURCE_STEP_ENDPOINT:
		rc = sources_make_endpoint(sources);
		break;
	}
	sources_note(sources, rc);
	if (source_search_next(&sources->search) == SOURCE_STEP_NONE)
		sources_rest(sources);
	took_ns = clock_mono_ns() - begin_ns;
	sources->next_ns = begin_ns + took_ns + source_search_pause_ns(&sources->search, took_ns) +
			   sources->retry_ns;
	sources_arm(sources);
}

static void
sources_bury(void *arg)
{
	struct sources *sources = arg;

	while (sources->n_unwanted > 0)
		endpoint_free(sources->unwanted[--sources->n_unwanted]);
}

int
sources_new(const struct endpoint_config *endpoint, uint32_t max, uint32_t max_mesh,
	    struct sources **out)
{
	struct sources *sources = calloc(1, sizeof(*sources));
	int rc;

	if (!sources)
		return -ENOMEM;
	sources->config = *endpoint;
	source_search_init(&sources->search, max, max_mesh);
	rc = loop_timer_new(endpoint->loop, "source search", sources_try, sources, &sources->next);
	if (rc < 0) {
		free(sources);
		return rc;
	}
	*out = sources;
	return 0;
}

void
sources_free(struct sources *sources)
{
	struct source_search *search;

	if (!sources)
		return;
	loop_undefer(sources->config.loop, sources);
	loop_timer_free(sources->next);
	sources_bury(sources);
	search = &sources->search;
	for (uint32_t i = 0; i < search->n; i++)
		endpoint_free(search->port[i].endpoint);
	sources_rest(sources);
	free(sources);
}

int
sources_want(struct sources *sources, uint16_t port, enum source_user user)
{
	int rc = source_search_want(&sources->search, port, user);

	if (rc == 0)
		sources_arm(sources);
	return rc;
}

void
sources_unwant(struct sources *sources, uint16_t port, enum source_user user)
{
	struct endpoint *endpoint = source_search_unwant(&sources->search, port, user);

	/* There is room: each turn of the loop finds one endpoint at most, and frees these. */
	if (!endpoint)
		return;
	sources->unwanted[sources->n_unwanted++] = endpoint;
	if (sources->n_unwanted == 1 && loop_defer(sources->config.loop, sources_bury, sources) < 0)
		sources_bury(sources);
}

struct endpoint *
sources_get(const struct sources *sources, uint16_t port)
{
	return source_search_get(&sources->search, port);
}

void
sources_stats(const struct sources *sources, struct sources_stats *out)
{
	source_search_stats(&sources->search, out);
}
