/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the daemon for the commands: client.h and pages.h, but failures become one line on stderr
 * and an exit code. Functions that return int return CMD_OK or the exit code.
 */
#ifndef RPINGMESH_CTL_CMD_ASK_H
#define RPINGMESH_CTL_CMD_ASK_H

#include "ctl/cmd/cmd.h"
#include "ctl/wire/client.h"
#include "ctl/wire/pages.h"

/* Converts the result of a client function to an exit code. Complains unless it is CLIENT_OK. */
int ask_told(const struct client *client, enum client_rc rc);

/*
 * Connects. ops may be NULL. Signals (signals.h) wake the client. On CMD_OK, *out is a client that
 * the caller closes; otherwise it is NULL.
 */
int ask_open(const struct ctl *ctl, const struct client_ops *ops, struct client **out);

/* Like client_call(), pages_list(), client_wait() and client_check_schema(). */
int ask_call(struct client *client, const char *method, const msgpack_sbuffer *param,
	     const msgpack_object **result);
int ask_list(struct client *client, const char *method, struct pages *pages,
	     const msgpack_object **out);
int ask_wait(struct client *client, uint64_t until_ns);
int ask_check_schema(struct client *client, const msgpack_object *record);

/*
 * Packs the parameters of methods about a target; device may be NULL. The caller destroys *param.
 */
void ask_pack_target(msgpack_sbuffer *param, const char *what, const char *device);

/* Like client_subscribe_windows(). */
int ask_windows(struct client *client, const char *by);

/*
 * Fetches all pages and calls take() for the list of each page, until that does not return CMD_OK.
 * *out owns the lists; the caller calls pages_free() in any case.
 */
int ask_pages(struct client *client, const struct pages_query *query,
	      int (*take)(void *arg, const msgpack_object *list), void *arg, struct pages *out);

/* Asks for the daemon's status and complains if tracing is not "on", with the reason. */
int ask_tracing(struct client *client);

/* Calls signals_start(), for a command that runs until Ctrl-C. */
void ask_signals(void);

#endif
