/* SPDX-License-Identifier: Apache-2.0 */
#include "central/config/central_tables.h"

#include "central/config/central_config.h"
#include "central/config/central_switches.h"
#include "central/config/central_topology.h"

int
central_tables_load(const struct central_config *config, struct central_tables *out,
		    char error[CONF_ERROR])
{
	int rc = 0;

	*out = (struct central_tables){0};
	if (config->switches[0])
		rc = central_switches_load(config->switches, &out->switches, error);
	if (rc == 0 && config->topology[0])
		rc = central_topology_load(config->topology, &out->topology, error);
	if (rc < 0)
		central_tables_clear(out);
	return rc;
}

void
central_tables_clear(struct central_tables *tables)
{
	central_switches_free(tables->switches);
	central_topology_free(tables->topology);
	*tables = (struct central_tables){0};
}
