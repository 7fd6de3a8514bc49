/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Word to the service manager, sd_notify(3), and what it passes, sd_listen_fds(3). Without systemd,
 * or without NOTIFY_SOCKET, nothing happens. Does not block.
 */
#ifndef RPINGMESH_AGENT_NOTIFY_H
#define RPINGMESH_AGENT_NOTIFY_H

struct loop;
struct loop_timer;

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

/*
 * If the manager wants a sign of life (WatchdogSec= of systemd.service(5)): a timer that gives it
 * twice as often as is asked for, for as long as the loop turns. 0 and *out, NULL if no sign is
 * wanted, or -ENOMEM. The caller frees the timer.
 */
int notify_watchdog(struct loop *loop, struct loop_timer **out);

/*
 * The control socket, if the manager has made it: 0 and *out, or -1 if none was passed. -EINVAL,
 * logged, if what was passed is not one Unix stream socket that listens at `path`. Once a process:
 * the environment is cleared.
 */
int notify_socket(const char *path, int *out);

#endif
