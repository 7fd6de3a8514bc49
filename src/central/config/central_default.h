/* SPDX-License-Identifier: Apache-2.0 */
/* The text of etc/rpingmesh-central.conf, as C. Only for this folder. */
#ifndef RPINGMESH_CENTRAL_CONFIG_CENTRAL_DEFAULT_H
#define RPINGMESH_CENTRAL_CONFIG_CENTRAL_DEFAULT_H

extern const char central_default_conf[];

#endif
