/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of etc/rpingmeshd.conf, which default_conf.sh converts to C. Only for this folder.
 */
#ifndef RPINGMESH_AGENT_CONFIG_CONFIG_DEFAULT_H
#define RPINGMESH_AGENT_CONFIG_CONFIG_DEFAULT_H

extern const char config_default_conf[];

#endif
