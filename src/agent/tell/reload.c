/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: reload
 *
 * A reload compares the packed values of the new and the present configuration, key by key. It puts
 * the present values of keys that a running daemon cannot change into the new configuration, and
 * passes it to tell->adopt(). struct reload contains the result until the next reload; the daemon
 * owns it. A key that waits for the next start is in each result as long as its value in the file
 * differs.
 */
#include "agent/tell/reload.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "agent/tell/tell.h"
#include "record/record.h"
#include "rpingmesh/log_subsystems.h"

#define RELOAD_KEYS_MAX 128 /* more than the tables of the configuration have */

/* A key whose value differs. The names are static, from the tables of keys. */
struct reload_key {
	const char *group, *name;
	bool restart;
	msgpack_sbuffer from, to; /* one packed object each */
};

struct reload_names {
	size_t n, kept;
	char *name[RELOAD_NAMES_MAX];
};

struct reload {
	struct reload_key *keys;
	size_t n_keys;
	struct reload_names added, removed, changed;
};

static void
reload_names_free(struct reload_names *names)
{
	for (size_t i = 0; i < names->kept; i++)
		free(names->name[i]);
}

void
reload_free(struct reload *reload)
{
	if (!reload)
		return;
	for (size_t i = 0; i < reload->n_keys; i++) {
		msgpack_sbuffer_destroy(&reload->keys[i].from);
		msgpack_sbuffer_destroy(&reload->keys[i].to);
	}
	free(reload->keys);
	reload_names_free(&reload->added);
	reload_names_free(&reload->removed);
	reload_names_free(&reload->changed);
	free(reload);
}

/* ---- values ---- */

static void
reload_pack_value(msgpack_packer *pk, const struct conf_value *v)
{
	if (v->list)
		msgpack_pack_array(pk, v->n_items);
	for (size_t i = 0; i < v->n_items; i++) {
		const struct conf_item *item = &v->items[i];

		if (item->type == CONF_ITEM_TEXT)
			record_pack_str(pk, item->text);
		else if (item->type == CONF_ITEM_NUMBER)
			msgpack_pack_int64(pk, item->number);
		else if (item->number)
			msgpack_pack_true(pk);
		else
			msgpack_pack_false(pk);
	}
}

/* "responder.allow" */
static void
reload_key_name(const char *group, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s", group ? group : "", group ? "." : "", name);
}

/* ---- comparing ---- */

/* All values of one configuration, in the order of the tables. */
struct reload_snapshot {
	struct reload_key key[RELOAD_KEYS_MAX]; /* packed into `from` */
	size_t n;
};

static void
reload_take_value(void *arg, const struct conf_value *v)
{
	struct reload_snapshot *s = arg;
	struct reload_key *key = &s->key[s->n];
	msgpack_packer pk;

	assert(s->n < RELOAD_KEYS_MAX);
	s->n++;
	*key = (struct reload_key){.group = v->group, .name = v->name, .restart = v->restart};
	msgpack_sbuffer_init(&key->from);
	msgpack_packer_init(&pk, &key->from, msgpack_sbuffer_write);
	reload_pack_value(&pk, v);
}

static bool
reload_same(const msgpack_sbuffer *a, const msgpack_sbuffer *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* Finds the differences between two snapshots, and takes over their buffers. */
static void
reload_compare_values(struct reload *reload, struct reload_snapshot *old,
		      struct reload_snapshot *new)
{
	for (size_t i = 0; i < old->n && i < new->n; i++) {
		struct reload_key *key = &reload->keys[reload->n_keys];

		if (reload_same(&old->key[i].from, &new->key[i].from)) {
			msgpack_sbuffer_destroy(&old->key[i].from);
			msgpack_sbuffer_destroy(&new->key[i].from);
			continue;
		}
		*key = old->key[i];
		key->to = new->key[i].from;
		reload->n_keys++;
	}
}

static int
reload_compare_keys(struct reload *reload, const struct config *old, const struct config *new)
{
	struct reload_snapshot *s = calloc(2, sizeof(*s));

	reload->keys = calloc(RELOAD_KEYS_MAX, sizeof(*reload->keys));
	if (!s || !reload->keys) {
		free(s);
		return -ENOMEM;
	}
	conf_values(config_keys, old, &old->source, reload_take_value, &s[0]);
	conf_values(config_keys, new, &new->source, reload_take_value, &s[1]);
	reload_compare_values(reload, &s[0], &s[1]);
	free(s);
	return 0;
}

static int
reload_peer_cmp(const void *a, const void *b)
{
	return config_peer_cmp(*(const struct config_peer *const *)a,
			       *(const struct config_peer *const *)b);
}

/* The entries sorted by config_peer_cmp(), independent of the file. NULL: no memory. */
static const struct config_peer **
reload_sorted(const struct config *config)
{
	const struct config_peer **peers = calloc(config->n_peers + 1, sizeof(*peers));

	for (size_t i = 0; peers && i < config->n_peers; i++)
		peers[i] = &config->peers[i];
	if (peers)
		qsort(peers, config->n_peers, sizeof(*peers), reload_peer_cmp);
	return peers;
}

static void
reload_name(struct reload_names *names, const struct config_peer *peer)
{
	names->n++;
	if (names->kept < RELOAD_NAMES_MAX && (names->name[names->kept] = strdup(peer->address)))
		names->kept++;
}

static int
reload_compare_peers(struct reload *reload, const struct config *old, const struct config *new)
{
	const struct config_peer **a = reload_sorted(old), **b = reload_sorted(new);
	size_t i = 0, j = 0;

	while (a && b && (i < old->n_peers || j < new->n_peers)) {
		int cmp = i == old->n_peers ? 1 :
			  j == new->n_peers ? -1 :
					      config_peer_cmp(a[i], b[j]);

		if (cmp < 0)
			reload_name(&reload->removed, a[i]);
		else if (cmp > 0)
			reload_name(&reload->added, b[j]);
		else if (!config_peer_equal(a[i], b[j]))
			reload_name(&reload->changed, b[j]);
		i += cmp <= 0;
		j += cmp >= 0;
	}
	free(a);
	free(b);
	return a && b ? 0 : -ENOMEM;
}

/* ---- the reload ---- */

static void
reload_log(const struct tell *t)
{
	const struct reload *r = t->reload;
	char key[64];

	for (size_t i = 0; i < r->n_keys; i++) {
		reload_key_name(r->keys[i].group, r->keys[i].name, key, sizeof(key));
		if (r->keys[i].restart)
			log_warning(CONFIG, "%s: changes at the next start only", key);
		else
			log_info(CONFIG, "%s: changed", key);
	}
	log_info(CONFIG, "%s: reloaded, %zu peers (%zu added, %zu removed, %zu changed)",
		 t->config_path, t->config->n_peers, r->added.n, r->removed.n, r->changed.n);
}

/* Logs all mistakes. `error` gets the first one and the number of others. */
static void
reload_refuse(struct tell *t, const struct conf_errors *errors, char error[CONF_ERROR])
{
	char buf[CONF_ERROR];
	const char *line;

	for (unsigned int i = 0; (line = conf_errors_line(errors, i, buf)); i++)
		log_error(CONFIG, "%s", line);
	log_error(CONFIG, "the old configuration stays in force");
	if (errors->n > 1)
		snprintf(error, CONF_ERROR, "%.480s (and %u more)", errors->errors[0].text,
			 errors->n - 1);
	else
		snprintf(error, CONF_ERROR, "%s", errors->errors[0].text);
	snprintf(t->config_error, sizeof(t->config_error), "%s", error);
}

int
reload_read(struct tell *t, char error[CONF_ERROR])
{
	struct reload *reload = calloc(1, sizeof(*reload));
	struct config *config = NULL;
	struct conf_errors errors = {.n = 0};
	int rc = reload ? config_load(t->config_path, &config, &errors) : -ENOMEM;

	if (rc == 0 && (reload_compare_keys(reload, t->config, config) < 0 ||
			reload_compare_peers(reload, t->config, config) < 0))
		rc = -ENOMEM;
	if (rc < 0) {
		if (!errors.n)
			conf_errors_no_memory(&errors);
		config_free(config);
		reload_free(reload);
		reload_refuse(t, &errors, error);
		return rc;
	}
	reload_free(t->reload);
	t->reload = reload;
	t->config_error[0] = '\0';
	conf_swap_fixed(config_keys, config, t->config);
	t->adopt(t->arg, config);
	reload_log(t);
	return 0;
}

/* ---- records ---- */

static void
reload_pack_packed(msgpack_packer *pk, const msgpack_sbuffer *packed)
{
	if (packed->size)
		pk->callback(pk->data, packed->data, packed->size);
	else
		msgpack_pack_nil(pk);
}

static void
reload_pack_names(struct record *r, const char *key, const struct reload_names *names)
{
	msgpack_packer *pk;
	struct record map;

	record_begin(&map, RECORD_NAMES);
	record_u64(&map, "count", names->n);
	pk = record_key(&map, "names");
	msgpack_pack_array(pk, names->kept);
	for (size_t i = 0; i < names->kept; i++)
		record_pack_str(pk, names->name[i]);
	record_end(&map, record_key(r, key));
}

static void
reload_pack_key(msgpack_packer *out, const struct reload_key *key)
{
	struct record map;
	char name[64];

	reload_key_name(key->group, key->name, name, sizeof(name));
	record_begin(&map, RECORD_CHANGE);
	record_str(&map, "key", name);
	reload_pack_packed(record_key(&map, "from"), &key->from);
	reload_pack_packed(record_key(&map, "to"), &key->to);
	record_bool(&map, "restart", key->restart);
	record_end(&map, out);
}

void
reload_record(msgpack_packer *out, const struct tell *t)
{
	const struct reload *reload = t->reload;
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_RELOAD);
	record_str(&r, "file", t->config_path);
	record_u64(&r, "peers", t->config->n_peers);
	pk = record_key(&r, "changed");
	msgpack_pack_array(pk, reload->n_keys);
	for (size_t i = 0; i < reload->n_keys; i++)
		reload_pack_key(pk, &reload->keys[i]);
	reload_pack_names(&r, "peers_added", &reload->added);
	reload_pack_names(&r, "peers_removed", &reload->removed);
	reload_pack_names(&r, "peers_changed", &reload->changed);
	record_end(&r, out);
}

/* The key's value that waits for the next start, or NULL. */
static const msgpack_sbuffer *
reload_waiting(const struct reload *reload, const struct conf_value *v)
{
	for (size_t i = 0; v->restart && reload && i < reload->n_keys; i++) {
		const struct reload_key *key = &reload->keys[i];

		/* The names are static, so comparing pointers is enough. */
		if (key->name == v->name && key->group == v->group)
			return &key->to;
	}
	return NULL;
}

struct reload_values {
	const struct tell *t;
	msgpack_sbuffer packed;
	msgpack_packer pk;
	size_t n;
};

static void
reload_record_value(void *arg, const struct conf_value *v)
{
	struct reload_values *values = arg;
	const msgpack_sbuffer *waiting = reload_waiting(values->t->reload, v);
	struct record r;
	char name[64];

	reload_key_name(v->group, v->name, name, sizeof(name));
	record_begin(&r, RECORD_KEY);
	record_str(&r, "key", name);
	reload_pack_value(record_key(&r, "value"), v);
	record_bool(&r, "default", !v->file);
	record_str(&r, "file", v->file);
	record_u64_if(&r, "line", v->line, v->file != NULL);
	record_bool(&r, "restart", v->restart);
	if (waiting)
		reload_pack_packed(record_key(&r, "pending"), waiting);
	record_end(&r, &values->pk);
	values->n++;
}

static void
reload_record_values(struct record *r, const struct tell *t)
{
	struct reload_values values = {.t = t};
	msgpack_packer *pk = record_key(r, "values");

	msgpack_sbuffer_init(&values.packed);
	msgpack_packer_init(&values.pk, &values.packed, msgpack_sbuffer_write);
	conf_values(config_keys, t->config, &t->config->source, reload_record_value, &values);
	msgpack_pack_array(pk, values.n);
	if (values.packed.size)
		pk->callback(pk->data, values.packed.data, values.packed.size);
	msgpack_sbuffer_destroy(&values.packed);
}

static void
reload_record_files(struct record *r, const struct tell *t)
{
	size_t n = t->config_path ? t->config->source.n_files : 0;
	const struct conf_file *files = t->config->source.files;
	msgpack_packer *pk = record_key(r, "files");
	struct record map;

	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++) {
		record_begin(&map, RECORD_FILE);
		record_str(&map, "path", files[i].path);
		record_str(&map, "changed", conf_file_changed(&files[i]));
		record_end(&map, pk);
	}
}

void
reload_record_config(msgpack_packer *out, const struct tell *t)
{
	struct record r;

	record_begin(&r, RECORD_CONFIG);
	record_str(&r, "file", t->config_path);
	record_str(&r, "error", t->config_error[0] ? t->config_error : NULL);
	record_u64(&r, "read_ns", clock_wall_of(t->config_read_ns));
	record_u64(&r, "generation", t->config_generation);
	reload_record_files(&r, t);
	reload_record_values(&r, t);
	record_u64(&r, "peers", t->config->n_peers);
	record_end(&r, out);
}

static void
reload_pack_numbers(struct record *r, const char *key, const uint32_t *list, size_t n)
{
	msgpack_packer *pk = record_key(r, key);

	msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++) {
		if (list[i] == CONFIG_SIZE_MTU && strcmp(key, "sizes") == 0)
			record_pack_str(pk, "mtu");
		else
			msgpack_pack_uint32(pk, list[i]);
	}
}

static void
reload_pack_peer(msgpack_packer *out, const struct config_peer *peer)
{
	struct record r;

	record_begin(&r, RECORD_CONFIG_PEER);
	record_str(&r, "address", peer->address);
	record_str(&r, "device", peer->device);
	record_str(&r, "source", peer->source);
	record_u64(&r, "interval_ms", peer->interval_ms);
	reload_pack_numbers(&r, "sizes", peer->sizes, peer->n_sizes);
	reload_pack_numbers(&r, "flow_labels", peer->flow_labels, peer->n_flow_labels);
	record_u64(&r, "traffic_class", peer->traffic_class);
	record_u64(&r, "service_level", peer->service_level);
	record_end(&r, out);
}

void
reload_record_peers(const struct tell *t, const struct param_page *page, msgpack_packer *out)
{
	const struct config *c = t->config;
	size_t first = page->after < c->n_peers ? (size_t)page->after : c->n_peers;
	size_t n = c->n_peers - first < page->limit ? c->n_peers - first : page->limit;
	msgpack_packer *pk;
	struct record r;

	record_begin(&r, RECORD_CONFIG_PEERS);
	record_u64(&r, "generation", t->config_generation);
	pk = record_key(&r, "peers");
	msgpack_pack_array(pk, n);
	for (size_t i = first; i < first + n; i++)
		reload_pack_peer(pk, &c->peers[i]);
	record_u64_if(&r, "next", first + n, first + n < c->n_peers);
	record_end(&r, out);
}
