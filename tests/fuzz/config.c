/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: any text through config_parse(). Includes read no file: the input is one or more
 * texts, each ended by a NUL, and the first is the file, the next what its first @include finds,
 * and so on; then there is no such file. What was accepted is within the ranges that the rest of
 * the daemon relies on.
 */
#include <errno.h>
#include <fnmatch.h>

#include "agent/config/config.h"
#include "fuzz.h"
#include "rpingmesh/log_subsystems.h"

static struct fuzz texts;

int __wrap_conf_file_read(const char *path, char **out);

/* The next text, to be freed. NULL: there is none. */
static char *
config_text(void)
{
	const uint8_t *end = texts.left ? memchr(texts.at, '\0', texts.left) : NULL;
	size_t n = end ? (size_t)(end - texts.at) : texts.left;
	char *text;

	if (!texts.left)
		return NULL;
	text = strndup((const char *)texts.at, n);
	if (!text)
		abort();
	texts.at += n + (end != NULL);
	texts.left -= n + (end != NULL);
	return text;
}

int
__wrap_conf_file_read(const char *path, char **out)
{
	FUZZ_CHECK(path[0]);
	*out = config_text();
	return *out ? 0 : -ENOENT;
}

static void
config_check_peer(const struct config *c, const struct config_peer *p)
{
	bool selected = c->n_devices == 0 || !p->device;

	FUZZ_CHECK(p->address && p->address[0] && strlen(p->address) < 255);
	FUZZ_CHECK(p->interval_ms >= 1 && p->interval_ms <= 3600000 && p->service_level <= 15);
	FUZZ_CHECK(p->n_sizes >= 1 && p->n_sizes <= CONF_LIST_MAX && p->n_flow_labels >= 1 &&
		   p->n_flow_labels <= CONF_LIST_LONG);
	for (size_t i = 0; i < p->n_sizes; i++)
		FUZZ_CHECK(p->sizes[i] == CONFIG_SIZE_MTU ||
			   (p->sizes[i] >= CONFIG_SIZE_MIN && p->sizes[i] <= CONFIG_SIZE_MAX));
	for (size_t i = 0; i < p->n_flow_labels; i++)
		FUZZ_CHECK(p->flow_labels[i] <= 0xfffff);
	for (size_t i = 0; i < c->n_devices && !selected; i++)
		selected = fnmatch(c->devices[i], p->device, 0) == 0;
	FUZZ_CHECK(selected);
	FUZZ_CHECK(!p->device || strlen(p->device) < 64);
}

static void
config_check(const struct config *c)
{
	FUZZ_CHECK(c->port > 0 && c->timeout_ms >= 10 && c->timeout_ms <= 60000 &&
		   c->gid_index >= -1 && c->gid_index <= 255);
	FUZZ_CHECK(c->max_probes_per_s >= 1 && c->responder_per_source >= 1 &&
		   c->responder_total >= 1);
	FUZZ_CHECK(c->socket[0] == '/' && strlen(c->socket) < 108 && strlen(c->socket_group) <= 32);
	FUZZ_CHECK(strlen(c->hostname) <= 48 && strlen(c->tor) <= 32 && c->trace_interval_ms >= 1 &&
		   c->trace_source_qps <= 64);
	FUZZ_CHECK(c->log_level < LOG_LEVEL_N && c->n_allow <= CONF_LIST_MAX &&
		   c->n_devices <= CONF_LIST_MAX);
	for (int i = 0; i < LOG_SUB_N; i++)
		FUZZ_CHECK(c->log_levels[i] < LOG_LEVEL_N);
	for (size_t i = 0; i < c->n_peers; i++)
		config_check_peer(c, &c->peers[i]);
}

/* Lines for a person. */
static void
config_check_errors(const struct conf_errors *errors)
{
	char buf[CONF_ERROR];
	const char *line = conf_errors_line(errors, 0, buf);

	FUZZ_CHECK(line);
	for (unsigned int i = 1; line; line = conf_errors_line(errors, i++, buf)) {
		FUZZ_CHECK(line[0] && strlen(line) < CONF_ERROR && i <= CONF_ERRORS_MAX + 2);
		for (; *line; line++)
			FUZZ_CHECK((unsigned char)*line >= 0x20 && *line != 0x7f);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors = {.n = 0};
	struct config *config = NULL;
	char *text;
	int rc;

	texts = (struct fuzz){data, size};
	text = config_text();
	rc = config_parse(text ? text : "", "fuzz/fuzz.conf", &config, &errors);
	FUZZ_CHECK((rc == 0) == (config != NULL));
	if (rc == 0)
		config_check(config);
	else
		config_check_errors(&errors);
	config_free(config);
	free(text);
	return 0;
}
