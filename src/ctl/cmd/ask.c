/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/ask.h"

#include <string.h>

#include "ctl/term/signals.h"
#include "ctl/view/state.h"
#include "ctl/view/view.h"
#include "record/record.h"

#define ASK_TEXT 4608  /* client_reason() with a path in it */
#define ASK_REASON 1024 /* size of the reason why tracing is not on, with its cure */

int
ask_told(const struct client *client, enum client_rc rc)
{
	static const enum cmd_exit exits[CLIENT_RCS] = {
		[CLIENT_OK] = CMD_OK,
		[CLIENT_REFUSED] = CMD_BAD_NEWS,
		[CLIENT_DENIED] = CMD_NO_DAEMON,
		[CLIENT_LOST] = CMD_NO_DAEMON,
		[CLIENT_STRANGE] = CMD_NO_DAEMON,
		[CLIENT_TOO_LONG] = CMD_USAGE,
		[CLIENT_STOPPED] = CMD_STOPPED,
		[CLIENT_NO_MEMORY] = CMD_BAD_NEWS,
	};
	char text[ASK_TEXT];

	if (rc != CLIENT_OK && rc != CLIENT_STOPPED) {
		view_clean_text(client_reason(client), text, sizeof(text));
		cmd_complain("%s", text);
	}
	return exits[rc];
}

int
ask_open(const struct ctl *ctl, const struct client_ops *ops, struct client **out)
{
	struct client_ops all = ops ? *ops : (struct client_ops){0};
	enum client_rc opened;
	int rc;

	all.central = ctl->central;
	all.signal_fd = signals_fd;
	all.signal_drain = signals_drain;
	opened = client_open(ctl->socket, &all, out);
	rc = ask_told(*out, opened);
	if (rc != CMD_OK) {
		client_close(*out);
		*out = NULL;
	}
	return rc;
}

void
ask_pack_target(msgpack_sbuffer *param, const char *what, const char *device)
{
	msgpack_packer pk;

	msgpack_sbuffer_init(param);
	msgpack_packer_init(&pk, param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, device ? 2 : 1);
	record_pack_str(&pk, "target");
	record_pack_str(&pk, what);
	if (device) {
		record_pack_str(&pk, "device");
		record_pack_str(&pk, device);
	}
}

int
ask_call(struct client *client, const char *method, const msgpack_sbuffer *param,
	 const msgpack_object **result)
{
	return ask_told(client, client_call(client, method, param, result));
}

int
ask_list(struct client *client, const char *method, struct pages *pages,
	 const msgpack_object **out)
{
	return ask_told(client, pages_list(client, method, pages, out));
}

int
ask_wait(struct client *client, uint64_t until_ns)
{
	return ask_told(client, client_wait(client, until_ns));
}

int
ask_check_schema(struct client *client, const msgpack_object *record)
{
	return ask_told(client, client_check_schema(client, record));
}

int
ask_windows(struct client *client, const char *by)
{
	return ask_told(client, client_subscribe_windows(client, by));
}

int
ask_pages(struct client *client, const struct pages_query *query,
	  int (*take)(void *arg, const msgpack_object *list), void *arg, struct pages *out)
{
	int rc = ask_told(client, pages_fetch(client, query, out));

	return rc == CMD_OK ? pages_each(out, take, arg) : rc;
}

int
ask_tracing(struct client *client)
{
	const msgpack_object *status = NULL;
	char text[64], reason[ASK_REASON];
	int rc = ask_call(client, "status", NULL, &status);

	if (rc == CMD_OK)
		rc = ask_check_schema(client, status);
	if (rc != CMD_OK || state_of_tracing(status) == TRACING_ON ||
	    !view_text(status, "tracing", text, sizeof(text)))
		return rc;
	if (!view_text(status, "tracing_reason", reason, sizeof(reason)))
		strcpy(reason, "the daemon gives no reason");
	cmd_complain("tracing is %s, so %s: %s", text,
		     state_of_tracing(status) == TRACING_DEGRADED ?
			     "flows or events may be missing" :
			     "no flow and no event is seen",
		     reason);
	return CMD_OK;
}

void
ask_signals(void)
{
	if (signals_start(NULL) < 0)
		cmd_complain("cannot catch signals");
}
