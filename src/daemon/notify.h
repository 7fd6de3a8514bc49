/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Word to the service manager, sd_notify(3). Without systemd, or without NOTIFY_SOCKET, nothing happens. Does not block.
 */
#ifndef RPINGMESH_DAEMON_NOTIFY_H
#define RPINGMESH_DAEMON_NOTIFY_H

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

#endif
