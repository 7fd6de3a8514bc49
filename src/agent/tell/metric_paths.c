/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tell/metric_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without memory, uthash does not add the path, and the result is only counted. */
#define HASH_NONFATAL_OOM 1
/* The default hash function falls through in a switch, which -Wimplicit-fallthrough rejects. */
#define HASH_FUNCTION(key, len, hash) HASH_OAT(key, len, hash)
#include <uthash.h>

#include "core/clock.h"

#define METRIC_DEVICE_MAX 64

/* A byte for the kind, then the names of device and peer, each with its '\0'. */
struct metric_key {
	size_t len;
	char text[1 + METRIC_DEVICE_MAX + METRIC_NAME_MAX];
};

struct metric_entry {
	struct metric_path path;
	UT_hash_handle hh;
	char key[]; /* as in struct metric_key; the names of path are in it */
};

struct metric_table {
	struct metric_entry *by_key;
	struct metric_entry **entry; /* by number */
	size_t n, room;
};

struct metric_paths {
	struct metric_table paths, sums;
	uint32_t max, held;
	uint32_t n_counted; /* paths without those called "_other" */
	uint64_t full_until_ns;      /* no path can be idle before this time */
	uint64_t overflow, uncounted;
};

const uint64_t metric_bound_ns[METRIC_BOUNDS] = {
	1000,	   2000,      5000,	  10000,      20000,	  50000,       100000,	 200000,
	500000,	   1000000,   2000000,	  5000000,    10000000,	  20000000,    50000000, 100000000,
	200000000, 500000000, 1000000000, 2000000000, 5000000000, 10000000000,
};

void
metric_histogram_add(struct metric_histogram *h, uint64_t value_ns)
{
	h->count++;
	if (__builtin_add_overflow(h->sum_ns, value_ns, &h->sum_ns))
		h->sum_ns = UINT64_MAX;
	for (size_t i = 0; i < METRIC_BOUNDS; i++) {
		if (value_ns <= metric_bound_ns[i]) {
			h->n[i]++;
			return;
		}
	}
}

int
metric_paths_new(uint32_t max, struct metric_paths **out)
{
	struct metric_paths *paths = calloc(1, sizeof(*paths));

	if (!paths)
		return -ENOMEM;
	paths->max = max;
	*out = paths;
	return 0;
}

static void
metric_table_clear(struct metric_table *table)
{
	HASH_CLEAR(hh, table->by_key);
	for (size_t i = 0; i < table->n; i++)
		free(table->entry[i]);
	free(table->entry);
}

void
metric_paths_free(struct metric_paths *paths)
{
	if (!paths)
		return;
	metric_table_clear(&paths->paths);
	metric_table_clear(&paths->sums);
	free(paths);
}

void
metric_paths_set_max(struct metric_paths *paths, uint32_t max)
{
	paths->max = max;
}

static void
metric_key_add(struct metric_key *key, const char *name, size_t room)
{
	size_t len = strnlen(name, room - 1);

	memcpy(key->text + key->len, name, len);
	key->text[key->len + len] = '\0';
	key->len += len + 1;
}

static void
metric_key_set(struct metric_key *key, const char *device, const char *peer, enum probe_kind kind)
{
	key->text[0] = (char)kind;
	key->len = 1;
	metric_key_add(key, device, METRIC_DEVICE_MAX);
	metric_key_add(key, peer, METRIC_NAME_MAX);
}

static struct metric_entry *
metric_find(const struct metric_table *table, const struct metric_key *key)
{
	struct metric_entry *entry;

	HASH_FIND(hh, table->by_key, key->text, key->len, entry);
	return entry;
}

static bool
metric_is_other(const struct metric_entry *entry)
{
	return strcmp(entry->path.peer, METRIC_PATHS_OTHER) == 0;
}

static void
metric_drop(struct metric_paths *paths, size_t i)
{
	struct metric_table *table = &paths->paths;
	struct metric_entry *entry = table->entry[i];

	HASH_DELETE(hh, table->by_key, entry);
	paths->n_counted -= !metric_is_other(entry);
	memmove(&table->entry[i], &table->entry[i + 1], (--table->n - i) * sizeof(table->entry[0]));
	free(entry);
}

/* Whether there is room for a new path. If necessary, removes the one that is idle the longest. */
static bool
metric_has_place(struct metric_paths *paths, uint64_t now_ns)
{
	struct metric_entry *const *entry = paths->paths.entry;
	size_t n = paths->paths.n, oldest = n;

	if (paths->n_counted < paths->max)
		return true;
	if (paths->held || now_ns < paths->full_until_ns)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!metric_is_other(entry[i]) &&
		    (oldest == n || entry[i]->path.last_ns < entry[oldest]->path.last_ns))
			oldest = i;
	if (oldest == n)
		return false;
	paths->full_until_ns = entry[oldest]->path.last_ns + METRIC_PATHS_IDLE_NS;
	if (now_ns < paths->full_until_ns)
		return false;
	metric_drop(paths, oldest);
	return paths->n_counted < paths->max;
}

static struct metric_entry *
metric_make(struct metric_table *table, const struct metric_key *key)
{
	size_t room = table->room ? 2 * table->room : 16;
	struct metric_entry *entry;

	if (table->n == table->room) {
		struct metric_entry **more = reallocarray(table->entry, room, sizeof(*more));

		if (!more)
			return NULL;
		table->entry = more;
		table->room = room;
	}
	entry = calloc(1, sizeof(*entry) + key->len);
	if (!entry)
		return NULL;
	memcpy(entry->key, key->text, key->len);
	entry->path.kind = (enum probe_kind)key->text[0];
	entry->path.device = entry->key + 1;
	entry->path.peer = entry->path.device + strlen(entry->path.device) + 1;
	HASH_ADD_KEYPTR(hh, table->by_key, entry->key, key->len, entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	table->entry[table->n++] = entry;
	return entry;
}

static struct metric_entry *
metric_make_path(struct metric_paths *paths, const struct metric_key *key)
{
	struct metric_entry *entry = metric_make(&paths->paths, key);

	paths->n_counted += entry && !metric_is_other(entry);
	return entry;
}

/* The entry of the path, or that of "_other" if there is no room. NULL: no memory. */
static struct metric_entry *
metric_get(struct metric_paths *paths, const char *device, const char *peer, enum probe_kind kind,
	   uint64_t now_ns)
{
	struct metric_entry *entry;
	struct metric_key key;

	metric_key_set(&key, device, peer, kind);
	entry = metric_find(&paths->paths, &key);
	if (entry)
		return entry;
	if (metric_has_place(paths, now_ns))
		return metric_make_path(paths, &key);
	paths->overflow++;
	metric_key_set(&key, device, METRIC_PATHS_OTHER, kind);
	entry = metric_find(&paths->paths, &key);
	return entry ? entry : metric_make_path(paths, &key);
}

static struct metric_entry *
metric_get_sum(struct metric_paths *paths, const char *device, enum probe_kind kind)
{
	struct metric_entry *entry;
	struct metric_key key;

	metric_key_set(&key, device, "", kind);
	entry = metric_find(&paths->sums, &key);
	return entry ? entry : metric_make(&paths->sums, &key);
}

static void
metric_path_add(struct metric_path *path, const struct probe_result *r, uint64_t now_ns)
{
	path->by_class[r->class]++;
	path->noise += r->host_noise != PROBE_NOISE_NONE;
	path->lost_noise += r->stalled && probe_class_is_lost(r->class);
	path->answered_noise += r->stalled && probe_class_is_answered(r->class);
	path->last_ns = now_ns;
	if (!r->measured)
		return;
	if (r->host_noise == PROBE_NOISE_NONE || r->clock == PROBE_CLOCK_HW)
		metric_histogram_add(&path->rtt, r->rtt_ns);
	metric_histogram_add(&path->prober_delay, r->prober_delay_ns);
	metric_histogram_add(&path->responder_delay, r->responder_delay_ns);
}

struct metric_result {
	const struct probe_result *r;
	uint64_t now_ns;
	bool corrected; /* it has been counted as unreachable before */
};

static void
metric_paths_count_in(struct metric_paths *paths, const char *device, const char *peer,
		      const struct metric_result *result)
{
	const struct probe_result *r = result->r;
	struct metric_entry *to[] = {
		metric_get(paths, device, peer, r->kind, result->now_ns),
		metric_get_sum(paths, device, r->kind),
	};

	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		if (!to[i])
			continue;
		metric_path_add(&to[i]->path, r, result->now_ns);
		to[i]->path.corrected += result->corrected;
	}
	paths->uncounted += !to[0] || !to[1];
}

void
metric_paths_add(struct metric_paths *paths, const char *device, const char *peer,
		 const struct probe_result *r, uint64_t now_ns)
{
	const struct metric_result result = {r, now_ns, false};

	metric_paths_count_in(paths, device, peer, &result);
}

void
metric_paths_correct(struct metric_paths *paths, const char *device, const char *peer,
		     const struct probe_result *r, uint64_t now_ns)
{
	const struct metric_result result = {r, now_ns, true};

	metric_paths_count_in(paths, device, peer, &result);
}

size_t
metric_paths_count(const struct metric_paths *paths)
{
	return paths->paths.n;
}

const struct metric_path *
metric_paths_at(const struct metric_paths *paths, size_t i)
{
	return i < paths->paths.n ? &paths->paths.entry[i]->path : NULL;
}

const struct metric_path *
metric_paths_sum_at(const struct metric_paths *paths, size_t i)
{
	return i < paths->sums.n ? &paths->sums.entry[i]->path : NULL;
}

void
metric_paths_hold(struct metric_paths *paths)
{
	paths->held++;
}

void
metric_paths_release(struct metric_paths *paths)
{
	paths->held--;
}

uint64_t
metric_paths_overflow(const struct metric_paths *paths)
{
	return paths->overflow;
}

uint64_t
metric_paths_uncounted(const struct metric_paths *paths)
{
	return paths->uncounted;
}
