/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/methods_admin.h"

#include <errno.h>
#include <stdio.h>

#include "core/log.h"
#include "agent/tell/params.h"
#include "serve/param.h"
#include "agent/tell/reload.h"
#include "agent/tell/tell.h"
#include "record/record.h"
#include "rpingmesh/log_subsystems.h"

int
methods_config(const struct control_call *call)
{
	reload_record_config(call->result, call->arg);
	return 0;
}

int
methods_paged(const struct control_call *call,
	      void (*pack)(const struct tell *t, const struct param_page *page,
			   msgpack_packer *result))
{
	struct param_page page;
	int rc = param_page(call->params, &page, call->error);

	if (rc == 0)
		pack(call->arg, &page, call->result);
	return rc;
}

int
methods_config_peers(const struct control_call *call)
{
	return methods_paged(call, reload_record_peers);
}

int
methods_reload(const struct control_call *call)
{
	const struct tell *t = call->arg;
	char text[CONF_ERROR];
	int rc = t->reload_now(t->arg, text);

	if (rc < 0) {
		/* EPERM and EACCES would mean that the caller lacks the right. */
		call->error->code = rc == -EACCES || rc == -EPERM ? EINVAL : -rc;
		snprintf(call->error->message, sizeof(call->error->message), "%s", text);
		return rc;
	}
	reload_record(call->result, call->arg);
	return 0;
}

static void
methods_pack_levels(msgpack_packer *result, const struct config *config)
{
	struct record r, map, configured;

	record_begin(&r, RECORD_LOG_LEVEL);
	record_begin(&map, RECORD_TABLE);
	record_begin(&configured, RECORD_TABLE);
	for (int i = 0; i < LOG_SUB_N; i++) {
		record_str(&map, log_subsystem_name((unsigned int)i),
			   log_level_name(log_get_level((unsigned int)i)));
		record_str(&configured, log_subsystem_name((unsigned int)i),
			   log_level_name(config->log_levels[i]));
	}
	record_end(&map, record_key(&r, "levels"));
	record_end(&configured, record_key(&r, "configured"));
	record_end(&r, result);
}

int
methods_log_level(const struct control_call *call)
{
	const struct tell *t = call->arg;

	methods_pack_levels(call->result, t->config);
	return 0;
}

/* Sets levels until the next reload, which restores the configured ones. */
int
methods_log_level_set(const struct control_call *call)
{
	const struct tell *t = call->arg;
	enum log_level level;
	unsigned int subs;
	int rc = params_log_level(call->params, &level, &subs, call->error);

	if (rc < 0)
		return rc;
	for (int i = 0; i < LOG_SUB_N; i++)
		if (subs & 1u << i)
			log_set_level((unsigned int)i, level);
	log_info(CONTROL, "client %llu: log level %s until the next reload",
		 (unsigned long long)control_client_id(call->client), log_level_name(level));
	methods_pack_levels(call->result, t->config);
	return 0;
}
