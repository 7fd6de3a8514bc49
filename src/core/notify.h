/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Informs the service manager, sd_notify(3), and receives its sockets, sd_listen_fds(3). Without
 * systemd, or without NOTIFY_SOCKET, this does nothing. Does not block.
 */
#ifndef RPINGMESH_CORE_NOTIFY_H
#define RPINGMESH_CORE_NOTIFY_H

struct loop;
struct loop_timer;

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

/*
 * If the manager wants signs of life (WatchdogSec= of systemd.service(5)), starts a timer that
 * sends them twice as often as necessary while the loop runs. Returns 0 and sets *out, which the
 * caller frees; NULL if none are wanted. Or returns -ENOMEM.
 */
int notify_watchdog(struct loop *loop, struct loop_timer **out);

/*
 * Gets the control socket from the manager. Returns 0 and sets *out to the descriptor, or to -1 if
 * none was passed. If the manager has passed anything but one Unix stream socket that listens at
 * `path`, logs this and returns -EINVAL. Call it once, because it clears the environment.
 */
int notify_socket(const char *path, int *out);

#endif
