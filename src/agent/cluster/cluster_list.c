/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: the pinglist
 *
 * `list` is the list in force. A message is unpacked by a thread (`reader`), which first ends what
 * it has begun, because the newer message may be junk. Of those that wait, only the newest is kept
 * (`next`). The same thread reads the file before (`loader`). `writer` is what was last asked for
 * of the file; what fails is tried again when central says something, because a disk may be full
 * for a while. The timer `keep` runs out when central has said nothing for cluster.keep; each word
 * sets it again.
 *
 * A word is a sign of life, or a list that is new. A list that the broker has retained says nothing
 * about whether central is alive. As long as the list is that of the file, a sign of life is no
 * word: its central may not plan for this host.
 */
#include "agent/cluster/cluster_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/self.h"
#include "agent/config/config.h"
#include "agent/peer/peer.h"
#include "core/clock.h"
#include "core/log_limit.h"
#include "core/loop.h"
#include "core/work.h"
#include "record/drain.h"
#include "record/pinglist.h"
#include "rpingmesh/log_subsystems.h"

#define CLUSTER_LIST_AGAIN_NS (300 * NSEC_PER_MSEC)
#define CLUSTER_LIST_SLOW 10
/* The time of the file tells central's last word. It is written so many times in cluster.keep. */
#define CLUSTER_LIST_TOUCHES 8
#define CLUSTER_LIST_WRITE_AGAIN_NS (60 * NSEC_PER_SEC)

struct cluster_list {
	struct cluster_list_env env;
	const struct config *config;    /* NULL: there is no broker */
	struct cluster_apply *apply;
	struct work *work;
	struct work_job *loader, *reader, *writer;
	struct cluster_file next;       /* waits for the reader; its data is NULL: nothing */
	struct loop_timer *keep;
	struct pinglist *list;          /* NULL: none */
	char *data;                     /* the same, as it came */
	size_t size;
	bool from_file, has_read, slow, heard;
	bool unwritten;                 /* the file is not what the list is */
	int64_t word_ns;                /* CLOCK_MONOTONIC, may be before the host's start */
	uint64_t taken_ns, touched_ns;  /* CLOCK_MONOTONIC */
	uint64_t lists, malformed, foreign, withdrawn;
	uint32_t refused;               /* entries, as last logged */
	char error[CLUSTER_FILE_ERROR], file_error[CLUSTER_FILE_ERROR];
};

/* ---- the file ---- */

static void
cluster_list_written(void *arg, struct cluster_file *file)
{
	struct cluster_list *l = arg;

	l->writer = NULL;
	l->unwritten = file->rc < 0;
	if (file->task == CLUSTER_FILE_TOUCH)
		return;
	if (file->rc < 0)
		log_some(1, CLUSTER, WARNING, "%s", file->error);
	snprintf(l->file_error, sizeof(l->file_error), "%s", file->error);
}

/* Gives *file a copy of the bytes. Returns false if there is no memory. */
static bool
cluster_list_copy(struct cluster_file *file, const void *data, size_t size)
{
	file->data = malloc(size);
	file->size = size;
	if (file->data)
		memcpy(file->data, data, size);
	return file->data != NULL;
}

/* Starts *file, which needs path and origin, and the list's bytes to write them. */
static int
cluster_list_start_file(struct cluster_list *l, struct cluster_file *file, struct work_job **job)
{
	const struct config_cluster *config = &l->config->cluster;

	file->path = cluster_file_path(config->directory);
	file->origin = cluster_file_origin(config->broker, config->prefix);
	if (file->path && file->origin && (file->task != CLUSTER_FILE_WRITE ||
			   cluster_list_copy(file, l->data, l->size)))
		return cluster_file_start(l->work, file, job);
	free(file->path);
	free(file->origin);
	return -ENOMEM;
}

/* Writes, touches or removes the file. */
static void
cluster_list_keep_file(struct cluster_list *l, enum cluster_file_task task)
{
	struct cluster_file file = {.task = task, .done = cluster_list_written, .arg = l};

	l->touched_ns = clock_mono_ns();
	if (!l->config->cluster.directory[0])
		return;
	work_cancel(l->writer);
	l->writer = NULL;
	if (cluster_list_start_file(l, &file, &l->writer) < 0)
		snprintf(l->file_error, sizeof(l->file_error),
			 "cannot keep the pinglist: out of memory");
}

/* The file is to be what the list is. */
static void
cluster_list_save(struct cluster_list *l)
{
	l->unwritten = true;
	cluster_list_keep_file(l, l->list ? CLUSTER_FILE_WRITE : CLUSTER_FILE_REMOVE);
}

/* ---- central's word ---- */

static uint64_t
cluster_list_keep_ns(const struct cluster_list *l)
{
	return l->config->cluster.keep_s * NSEC_PER_SEC;
}

static uint64_t
cluster_list_silent_ns(const struct cluster_list *l)
{
	return (uint64_t)((int64_t)clock_mono_ns() - l->word_ns);
}

/* Slows the streams down, or not, and sets the timer. */
static void
cluster_list_weigh(struct cluster_list *l)
{
	uint64_t keep_ns = cluster_list_keep_ns(l), silent_ns = cluster_list_silent_ns(l);
	bool slow = l->list && l->heard && silent_ns >= keep_ns;

	if (!l->list)
		loop_timer_clear(l->keep);
	else if (l->heard && !slow)
		loop_timer_set(l->keep, keep_ns - silent_ns);
	if (slow == l->slow)
		return;
	l->slow = slow;
	peers_list_slow(l->env.peers, slow ? CLUSTER_LIST_SLOW : 1);
	if (slow)
		log_warning(CLUSTER,
			    "central has said nothing for %" PRIu64
			    " s: its pinglist is probed ten times less often",
			    (uint64_t)(silent_ns / NSEC_PER_SEC));
	else if (l->list)
		log_info(CLUSTER, "central is there again: its pinglist is probed as it says");
}

static void
cluster_list_keep_time(void *arg)
{
	struct cluster_list *l = arg;

	if (l->config)
		cluster_list_weigh(l);
}

/* Gives the file a new time, or writes what could not be written. */
static void
cluster_list_refresh(struct cluster_list *l, uint64_t now_ns)
{
	uint64_t wait_ns = cluster_list_keep_ns(l) / CLUSTER_LIST_TOUCHES;

	if (l->unwritten && wait_ns > CLUSTER_LIST_WRITE_AGAIN_NS)
		wait_ns = CLUSTER_LIST_WRITE_AGAIN_NS;
	if (l->writer || now_ns - l->touched_ns < wait_ns)
		return;
	if (l->unwritten)
		cluster_list_save(l);
	else if (l->list)
		cluster_list_keep_file(l, CLUSTER_FILE_TOUCH);
}

static void
cluster_list_word(struct cluster_list *l)
{
	uint64_t now = clock_mono_ns();

	l->heard = true;
	l->word_ns = (int64_t)now;
	cluster_list_weigh(l);
	cluster_list_refresh(l, now);
}

void
cluster_list_beat(struct cluster_list *l, const void *data, size_t size)
{
	char error[DRAIN_ERROR];
	struct central_beat beat;

	if (l->config && !l->from_file && central_beat_unpack(data, size, &beat, error) == 0)
		cluster_list_word(l);
}

/* ---- taking a list ---- */

static void
cluster_list_refuse(struct cluster_list *l, uint64_t *count, const char *error)
{
	(*count)++;
	snprintf(l->error, sizeof(l->error), "%s", error);
	log_some(1, CLUSTER, WARNING, "a pinglist is refused: %s", error);
}

/* All entries have been checked. */
static void
cluster_list_applied(void *arg)
{
	struct cluster_list *l = arg;
	struct cluster_counts n;
	uint32_t refused;

	cluster_apply_counts(l->apply, &n);
	refused = cluster_counts_refused(&n);
	if (refused && refused != l->refused)
		log_some(1, CLUSTER, WARNING,
			 "%u of %u entries of the pinglist are refused: cluster.allow %u, "
			 "max_probes_per_s %u, no such port here %u, this host itself %u, no room "
			 "%u",
			 refused, n.targets, n.refused_allow, n.refused_budget, n.refused_port,
			 n.refused_own, n.refused_room);
	l->refused = refused;
}

/* Puts a list into force, which it takes out of *file, like the data; NULL: none. */
static void
cluster_list_use(struct cluster_list *l, struct cluster_file *file)
{
	struct pinglist *old = l->list;

	free(l->data);
	l->list = file ? file->list : NULL;
	l->data = file ? file->data : NULL;
	l->size = file ? file->size : 0;
	if (file) {
		file->list = NULL;
		file->data = NULL;
	}
	l->taken_ns = clock_mono_ns();
	cluster_apply_start(l->apply, l->list, l->config, 0);
	pinglist_free(old);
}

static bool
cluster_list_is_ours(const struct cluster_list *l, const struct pinglist *list)
{
	return strcmp(list->host, l->env.self->hostname) == 0;
}

/*
 * A list that is well formed, and ours. Any two lists can have the same generation, because anybody
 * may have written them.
 */
static void
cluster_list_take(struct cluster_list *l, struct cluster_file *file)
{
	bool same = l->list && l->size == file->size &&
		    memcmp(l->data, file->data, file->size) == 0;

	l->error[0] = '\0';
	if (same) {
		l->taken_ns = clock_mono_ns();
	} else {
		l->lists++;
		log_info(CLUSTER, "a new pinglist, generation %016" PRIx64,
			 file->list->generation);
		cluster_list_use(l, file);
		cluster_list_save(l);
	}
	l->from_file = false;
	if (!same || !file->retained)
		cluster_list_word(l);
}

static void
cluster_list_read_next(struct cluster_list *l)
{
	struct cluster_file file = l->next;

	if (l->reader || !file.data)
		return;
	l->next.data = NULL;
	if (cluster_file_start(l->work, &file, &l->reader) < 0)
		cluster_list_refuse(l, &l->malformed, "out of memory");
}

static void
cluster_list_cancel(struct cluster_list *l)
{
	work_cancel(l->loader);
	work_cancel(l->reader);
	l->loader = l->reader = NULL;
	free(l->next.data);
	l->next.data = NULL;
}

static void
cluster_list_unpacked(void *arg, struct cluster_file *file)
{
	struct cluster_list *l = arg;
	char error[PINGLIST_ERROR];

	l->reader = NULL;
	if (file->rc < 0) {
		cluster_list_refuse(l, &l->malformed, file->error);
	} else if (!cluster_list_is_ours(l, file->list)) {
		snprintf(error, sizeof(error), "it is for host %s", file->list->host);
		cluster_list_refuse(l, &l->foreign, error);
	} else {
		cluster_list_take(l, file);
	}
	cluster_list_read_next(l);
}

static void
cluster_list_withdraw(struct cluster_list *l)
{
	cluster_list_cancel(l);
	l->withdrawn++;
	log_info(CLUSTER, "central has taken the pinglist back");
	l->error[0] = '\0';
	l->from_file = false;
	if (l->list)
		cluster_list_use(l, NULL);
	cluster_list_weigh(l);
	cluster_list_save(l);
}

void
cluster_list_heard(struct cluster_list *l, const void *data, size_t size, bool retained)
{
	if (!l->config)
		return;
	if (!size) {
		cluster_list_withdraw(l);
		return;
	}
	free(l->next.data);
	l->next = (struct cluster_file){.task = CLUSTER_FILE_UNPACK,
					.retained = retained,
					.done = cluster_list_unpacked,
					.arg = l};
	if (cluster_list_copy(&l->next, data, size))
		cluster_list_read_next(l);
	else
		cluster_list_refuse(l, &l->malformed, "out of memory");
}

void
cluster_list_too_long(struct cluster_list *l)
{
	cluster_list_refuse(l, &l->malformed, "it is too long");
}

/* ---- the start without a broker ---- */

static void
cluster_list_loaded(void *arg, struct cluster_file *file)
{
	struct cluster_list *l = arg;

	l->loader = NULL;
	if (file->rc == -ENOENT)
		return;
	if (file->rc == 0 && !cluster_list_is_ours(l, file->list)) {
		snprintf(file->error, sizeof(file->error), "%.200s is ignored: it is for host %s",
			 file->path, file->list->host);
		file->rc = -EINVAL;
	}
	snprintf(l->file_error, sizeof(l->file_error), "%s", file->error);
	if (file->rc < 0) {
		log_warning(CLUSTER, "%s", file->error);
		return;
	}
	log_info(CLUSTER, "the pinglist of %s, %" PRId64 " s old, is used until there is another",
		 file->path, (int64_t)(file->age_ns / (int64_t)NSEC_PER_SEC));
	l->from_file = true;
	cluster_list_use(l, file);
	l->heard = true;
	l->word_ns = (int64_t)l->taken_ns - file->age_ns;
	cluster_list_weigh(l);
}

static void
cluster_list_load(struct cluster_list *l)
{
	struct cluster_file file = {.task = CLUSTER_FILE_READ,
				    .done = cluster_list_loaded,
				    .arg = l};

	l->has_read = true;
	if (!l->config->cluster.directory[0])
		return;
	if (cluster_list_start_file(l, &file, &l->loader) < 0)
		log_error(CLUSTER, "no memory to read the pinglist");
}

/* ---- from outside ---- */

void
cluster_list_configure(struct cluster_list *l, const struct config *config)
{
	l->config = config;
	if (l->list)
		cluster_apply_start(l->apply, l->list, config, 0);
	else if (!l->has_read)
		cluster_list_load(l);
	cluster_list_weigh(l);
}

void
cluster_list_look(struct cluster_list *l)
{
	if (l->config && l->list)
		cluster_apply_start(l->apply, l->list, l->config, CLUSTER_LIST_AGAIN_NS);
}

void
cluster_list_drop(struct cluster_list *l)
{
	cluster_list_cancel(l);
	if (l->list)
		cluster_list_use(l, NULL);
	if (l->config)
		cluster_list_weigh(l);
	l->config = NULL;
	l->has_read = l->from_file = l->heard = l->unwritten = false;
	l->error[0] = l->file_error[0] = '\0';
}

void
cluster_list_forget(struct cluster_list *l)
{
	if (!l->config)
		return;
	if (l->list)
		cluster_list_use(l, NULL);
	cluster_list_save(l);
	cluster_list_drop(l);
	l->has_read = true; /* the file may not be gone yet */
}

int
cluster_list_new(const struct cluster_list_env *env, struct cluster_list **out)
{
	struct cluster_list *l = calloc(1, sizeof(*l));
	const struct cluster_apply_env apply = {.loop = env->loop,
						.nics = env->nics,
						.peers = env->peers,
						.done = cluster_list_applied,
						.arg = l};
	int rc;

	if (!l)
		return -ENOMEM;
	l->env = *env;
	rc = cluster_apply_new(&apply, &l->apply);
	if (rc == 0)
		rc = work_new(env->loop, "pinglist", 1, &l->work);
	if (rc == 0)
		rc = loop_timer_new(env->loop, "keep", cluster_list_keep_time, l, &l->keep);
	if (rc < 0)
		cluster_list_free(l);
	else
		*out = l;
	return rc;
}

void
cluster_list_free(struct cluster_list *l)
{
	if (!l)
		return;
	cluster_list_cancel(l);
	work_cancel(l->writer);
	work_free(l->work);
	cluster_apply_free(l->apply);
	loop_timer_free(l->keep);
	pinglist_free(l->list);
	free(l->data);
	free(l);
}

void
cluster_list_status(const struct cluster_list *l, struct cluster_list_status *out)
{
	*out = (struct cluster_list_status){
		.has = l->list != NULL,
		.from_file = l->from_file,
		.generation = l->list ? l->list->generation : 0,
		.taken_ns = l->taken_ns,
		.heard = l->heard,
		.silent_ns = l->heard ? cluster_list_silent_ns(l) : 0,
		.slow = l->slow,
		.lists = l->lists,
		.malformed = l->malformed,
		.foreign = l->foreign,
		.withdrawn = l->withdrawn,
		.error = l->error,
		.file_error = l->file_error,
	};
	cluster_apply_counts(l->apply, &out->counts);
}
