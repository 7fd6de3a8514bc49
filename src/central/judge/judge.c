/* SPDX-License-Identifier: Apache-2.0 */
#include "central/judge/judge.h"

#include <errno.h>
#include <stdlib.h>

#include "central/incident/incidents.h"
#include "central/judge/judge_publish.h"
#include "central/mesh/mesh.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "rpingmesh/log_subsystems.h"

struct judge {
	struct judge_config config;
	struct incidents *incidents;
};

static void
judge_log(const struct incident *i)
{
	if (i->state == INCIDENT_CLOSED)
		log_info(CLUSTER, "incident %s is closed: %s", i->id, i->culprits[0].name);
	else if (i->updated_ns == i->since_ns)
		log_warning(CLUSTER, "incident %s %s: %s %s%s", i->id,
			    i->opens > 1 ? "opens again" : "opens", incident_kind_names[i->kind],
			    i->culprits[0].name, i->n_culprits > 1 ? " or others" : "");
}

static void
judge_changed(void *arg, const struct incident *incident)
{
	struct judge *j = arg;

	judge_log(incident);
	judge_publish(j->config.mesh, incident, incident_is_muted(incident, clock_wall_ns()));
}

static enum incidents_health
judge_health(void *arg, const struct incident *incident)
{
	(void)arg;
	(void)incident;
	return INCIDENTS_UNSEEN;
}

int
judge_new(const struct judge_config *config, struct judge **out)
{
	struct judge *j = calloc(1, sizeof(*j));
	struct incidents_ops ops = {judge_changed, judge_health, j};
	int rc = -ENOMEM;

	if (!j)
		return rc;
	j->config = *config;
	rc = incidents_new(&ops, &j->incidents);
	if (rc < 0)
		judge_free(j);
	else
		*out = j;
	return rc;
}

void
judge_free(struct judge *j)
{
	if (!j)
		return;
	incidents_free(j->incidents);
	free(j);
}

struct incidents *
judge_incidents(struct judge *j)
{
	return j->incidents;
}
