/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the daemon, for commands: client.h and pages.h, with what fails as one line on stderr and
 * the code to exit with.
 */
#ifndef RPINGMESH_CTL_CMD_ASK_H
#define RPINGMESH_CTL_CMD_ASK_H

#include "ctl/cmd/cmd.h"
#include "ctl/wire/client.h"
#include "ctl/wire/pages.h"

/* The exit code for what a function of the client returned; complains unless it is CLIENT_OK. */
int ask_told(const struct client *client, enum client_rc rc);

/* ops may be NULL. signals.h wakes the client. CMD_OK and *out, to be closed; else it is NULL. */
int ask_open(const struct ctl *ctl, const struct client_ops *ops, struct client **out);

/* As the functions of the client that are named so. */
int ask_call(struct client *client, const char *method, const msgpack_sbuffer *param,
	     const msgpack_object **result);
int ask_list(struct client *client, const char *method, const msgpack_object **out);
int ask_wait(struct client *client, uint64_t until_ns);
int ask_check_schema(struct client *client, const msgpack_object *record);

/* client_subscribe_windows() */
int ask_windows(struct client *client, const char *by);

/*
 * Fetches all pages and passes each page's list to take, until that is not CMD_OK. *out owns the
 * lists: pages_free() either way.
 */
int ask_pages(struct client *client, const struct pages_query *query,
	      int (*take)(void *arg, const msgpack_object *list), void *arg, struct pages *out);

/* Asks for the daemon's status and complains if tracing is not "on", with the reason. */
int ask_tracing(struct client *client);

/* signals_start() of a command that runs until Ctrl-C. */
void ask_signals(void);

#endif
