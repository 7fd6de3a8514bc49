/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_mesh.h explains the object. The minutes belong to the job while one runs, and to the
 * object otherwise, so that the worker thread is alone with them. The pictures of the present
 * minute wait here; when it is over, a job takes them.
 */
#include "central/history/history_mesh.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "central/history/history.h"
#include "central/history/minutes.h"
#include "central/picture/picture.h"
#include "central/picture/picture_keep.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/work.h"
#include "rpingmesh/log_subsystems.h"

#define HISTORY_MESH_VIEWS 3

/* The pictures of a minute. */
struct history_mesh_minute {
	uint64_t begin_s;
	struct picture_view *views[HISTORY_MESH_VIEWS];
	size_t n;
};

struct history_mesh_job {
	struct history_mesh *mesh;
	struct minutes *minutes;
	struct history_mesh_minute minute; /* to be kept, if n > 0 */
	uint64_t wall_s;
	struct history_mesh_ask *ask; /* NULL: none, or it has ended */
	bool asks;
	uint64_t at_s;
	int rc;                  /* of the question */
	struct picture_view *view;
	struct minutes_info info;
};

struct history_mesh_ask {
	TAILQ_ENTRY(history_mesh_ask) link;
	struct history_mesh *mesh;
	uint64_t at_ns;
	bool waits;              /* in the list */
	int rc;                  /* -EAGAIN: no answer yet */
	struct picture_view *view;
};

struct history_mesh {
	struct history_mesh_config config;
	char *path;              /* "": there is none */
	struct work *work;
	struct work_job *job;    /* that runs; NULL: none does */
	struct history_mesh_job *running; /* its argument */
	struct minutes *minutes;
	struct history_mesh_minute now, over;
	uint64_t slot;           /* of the last picture that was taken */
	TAILQ_HEAD(, history_mesh_ask) asks;
	struct minutes_info info;
};

static void
history_mesh_clear(struct history_mesh_minute *minute)
{
	for (size_t i = 0; i < minute->n; i++)
		picture_release(minute->views[i]);
	minute->n = 0;
}

/* ---- in the worker ---- */

static void
history_mesh_keep(struct history_mesh_job *job)
{
	struct picture_view *view;

	if (job->minute.n == 0 || picture_merge(job->minute.views, job->minute.n, &view) < 0)
		return;
	minutes_put(job->minutes, view, job->minute.begin_s, job->wall_s);
	picture_release(view);
}

static void
history_mesh_job_run(void *arg)
{
	struct history_mesh_job *job = arg;

	minutes_open(job->minutes);
	history_mesh_keep(job);
	if (job->asks)
		job->rc = minutes_get(job->minutes, job->at_s, &job->view);
	minutes_info(job->minutes, &job->info);
}

static void
history_mesh_job_free(void *arg)
{
	struct history_mesh_job *job = arg;

	history_mesh_clear(&job->minute);
	picture_release(job->view);
	minutes_free(job->minutes);
	free(job->info.runs);
	free(job);
}

/* ---- jobs ---- */

static void history_mesh_next(struct history_mesh *mesh);

static void
history_mesh_log(const struct history_mesh *mesh, const struct minutes_info *info)
{
	if (strcmp(info->reason, mesh->info.reason) == 0)
		return;
	if (info->reason[0])
		log_error(CLUSTER, "database %s: %s: the mesh is kept in memory only",
			  mesh->path, info->reason);
	else
		log_info(CLUSTER, "database %s: works again", mesh->path);
}

static void
history_mesh_job_done(void *arg)
{
	struct history_mesh_job *job = arg;
	struct history_mesh *mesh = job->mesh;

	mesh->job = NULL;
	mesh->running = NULL;
	mesh->minutes = job->minutes;
	job->minutes = NULL;
	if (job->ask) {
		job->ask->rc = job->rc;
		job->ask->view = job->view;
		job->view = NULL;
	}
	if (job->info.runs) {
		history_mesh_log(mesh, &job->info);
		free(mesh->info.runs);
		mesh->info = job->info;
		job->info.runs = NULL;
	}
	history_mesh_next(mesh);
}

static void
history_mesh_fail_asks(struct history_mesh *mesh)
{
	struct history_mesh_ask *ask;

	TAILQ_FOREACH(ask, &mesh->asks, link) {
		ask->rc = -ENOMEM;
		ask->waits = false;
	}
	TAILQ_INIT(&mesh->asks);
}

/* Starts a job with the minute that is over, and the question that has waited longest. */
static void
history_mesh_start(struct history_mesh *mesh)
{
	static const struct work_ops ops = {history_mesh_job_run, history_mesh_job_done,
					    history_mesh_job_free};
	struct history_mesh_job *job = calloc(1, sizeof(*job));
	struct history_mesh_ask *ask = TAILQ_FIRST(&mesh->asks);
	int rc = job ? 0 : -ENOMEM;

	if (rc == 0) {
		*job = (struct history_mesh_job){.mesh = mesh, .minutes = mesh->minutes,
						 .minute = mesh->over, .asks = ask, .ask = ask,
						 .at_s = ask ? ask->at_ns / NSEC_PER_SEC : 0,
						 .wall_s = clock_wall_ns() / NSEC_PER_SEC};
		rc = work_start(mesh->work, &ops, job, &mesh->job);
	}
	if (rc < 0) {
		/* The minute remains for the next time. */
		free(job);
		history_mesh_fail_asks(mesh);
		return;
	}
	mesh->running = job;
	mesh->minutes = NULL;
	mesh->over.n = 0;
	if (ask) {
		TAILQ_REMOVE(&mesh->asks, ask, link);
		ask->waits = false;
	}
}

static void
history_mesh_next(struct history_mesh *mesh)
{
	if (!mesh->job && (mesh->over.n > 0 || !TAILQ_EMPTY(&mesh->asks)))
		history_mesh_start(mesh);
}

/* ---- pictures ---- */

/*
 * A picture shows the 20 s before it, and one is made every few seconds. The first one after each
 * 20 s counts.
 */
void
history_mesh_add(struct history_mesh *mesh, struct picture_view *view)
{
	struct picture_info info;
	uint64_t slot, begin_s;

	picture_info(view, &info);
	if (info.cells == 0 || info.time_ns < info.window_ns)
		return; /* nobody has reported yet */
	slot = info.time_ns / info.window_ns - 1;
	if (slot == mesh->slot)
		return;
	mesh->slot = slot;
	begin_s = slot * info.window_ns / NSEC_PER_SEC;
	begin_s -= begin_s % HISTORY_MESH_STEP_S;
	if (mesh->now.n > 0 && begin_s != mesh->now.begin_s) {
		/* If the worker has no time, a minute is lost. */
		history_mesh_clear(&mesh->over);
		mesh->over = mesh->now;
		mesh->now.n = 0;
		history_mesh_next(mesh);
	}
	mesh->now.begin_s = begin_s;
	if (mesh->now.n < HISTORY_MESH_VIEWS)
		mesh->now.views[mesh->now.n++] = picture_share(view);
}

/* ---- questions ---- */

int
history_mesh_ask(struct history_mesh *mesh, uint64_t at_ns, struct history_mesh_ask **out)
{
	struct history_mesh_ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return -ENOMEM;
	ask->mesh = mesh;
	ask->at_ns = at_ns;
	ask->rc = -EAGAIN;
	ask->waits = true;
	TAILQ_INSERT_TAIL(&mesh->asks, ask, link);
	*out = ask;
	history_mesh_next(mesh);
	return 0;
}

int
history_mesh_answer(struct history_mesh_ask *ask, struct picture_view **out)
{
	if (ask->rc == 0) {
		*out = ask->view;
		ask->view = NULL;
		ask->rc = -ENOENT;
		return 0;
	}
	return ask->rc;
}

void
history_mesh_forget(struct history_mesh_ask *ask)
{
	if (!ask)
		return;
	if (ask->waits)
		TAILQ_REMOVE(&ask->mesh->asks, ask, link);
	if (ask->mesh->running && ask->mesh->running->ask == ask)
		ask->mesh->running->ask = NULL;
	picture_release(ask->view);
	free(ask);
}

/* ---- life ---- */

static int
history_mesh_begin(struct history_mesh *mesh)
{
	const struct history_mesh_config *c = &mesh->config;
	bool off = history_is_off(c->database, c->optional);
	struct minutes_config config = {.days = c->days, .size_max = c->size_max};
	int rc = -ENOMEM;

	if (asprintf(&mesh->path, "%s%s", off ? "" : c->database,
		     off ? "" : HISTORY_MESH_SUFFIX) < 0) {
		mesh->path = NULL;
		return rc;
	}
	config.path = mesh->path;
	rc = minutes_new(&config, &mesh->minutes);
	if (rc == 0)
		rc = work_new(c->loop, "history of the mesh", 1, &mesh->work);
	return rc;
}

int
history_mesh_new(const struct history_mesh_config *config, struct history_mesh **out)
{
	struct history_mesh *mesh = calloc(1, sizeof(*mesh));
	int rc;

	if (!mesh)
		return -ENOMEM;
	TAILQ_INIT(&mesh->asks);
	mesh->config = *config;
	rc = history_mesh_begin(mesh);
	if (rc < 0) {
		history_mesh_free(mesh);
		return rc;
	}
	history_mesh_start(mesh); /* opens the file */
	*out = mesh;
	return 0;
}

void
history_mesh_free(struct history_mesh *mesh)
{
	if (!mesh)
		return;
	work_cancel(mesh->job);
	work_free(mesh->work);
	history_mesh_clear(&mesh->now);
	history_mesh_clear(&mesh->over);
	minutes_free(mesh->minutes);
	free(mesh->info.runs);
	free(mesh->path);
	free(mesh);
}

void
history_mesh_info(const struct history_mesh *mesh, struct history_mesh_info *out)
{
	*out = (struct history_mesh_info){.days = mesh->config.days,
					  .size_max = mesh->config.size_max,
					  .size = mesh->info.size,
					  .on_disk = mesh->info.on_disk,
					  .reason = mesh->info.reason,
					  .n_runs = mesh->info.n_runs};
}

struct history_mesh_run
history_mesh_run(const struct history_mesh *mesh, size_t i)
{
	const struct minutes_run *run = &mesh->info.runs[i];

	return (struct history_mesh_run){run->first_s * NSEC_PER_SEC, run->last_s * NSEC_PER_SEC};
}

bool
history_mesh_sentence(const struct history_mesh *mesh, char *text, size_t room)
{
	if (!mesh->info.reason[0])
		return false;
	snprintf(text, room,
		 "of the history of the mesh, only the last hour is kept, in memory: the database "
		 "%s: %s; tried again every minute", mesh->path, mesh->info.reason);
	return true;
}
