/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work on a pinglist that may take long: unpacking it, and the file in which it is kept. It is done
 * by a thread, one thing after the other; the result comes on the loop.
 *
 * The file has the list as it came, and behind it, as another MessagePack string, its origin: the
 * broker and the prefix. A list of another origin is that of another cluster. Files of older builds
 * have no origin.
 */
#ifndef RPINGMESH_AGENT_CLUSTER_CLUSTER_FILE_H
#define RPINGMESH_AGENT_CLUSTER_CLUSTER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pinglist;
struct work;
struct work_job;

#define CLUSTER_FILE_ERROR 400

enum cluster_file_task {
	CLUSTER_FILE_UNPACK, /* data */
	CLUSTER_FILE_READ,   /* the file, into data, and unpack it */
	CLUSTER_FILE_WRITE,  /* data into the file, which is replaced as a whole */
	CLUSTER_FILE_TOUCH,  /* its time is now */
	CLUSTER_FILE_REMOVE,
};

struct cluster_file {
	enum cluster_file_task task;
	char *path;                   /* of the file; owned, like data and list */
	char *data;
	size_t size;                  /* of data */
	char *origin;                 /* for READ and WRITE; owned */
	bool retained;                /* the message was */
	struct pinglist *list;        /* result of UNPACK and READ; NULL: see rc and error */
	int64_t age_ns;               /* result of READ: the age of the file */
	int rc;                       /* 0 or -errno */
	const char *what;             /* that could not be done with the file, or NULL */
	char error[CLUSTER_FILE_ERROR]; /* in words, "" if rc is 0 */
	void (*done)(void *arg, struct cluster_file *file);
	void *arg;
};

/*
 * Starts *file, which is copied with all that it owns: the caller owns nothing of it any more, in
 * case of an error, too. done() may take data and list out. *job is for work_cancel(), and NULL
 * after an error. Returns 0 or -errno.
 */
int cluster_file_start(struct work *work, const struct cluster_file *file, struct work_job **job);

/* The origin of a list. The caller frees it; NULL: no memory. */
char *cluster_file_origin(const char *broker, const char *prefix);
/* The file in that directory. The caller frees it; NULL: no memory. */
char *cluster_file_path(const char *directory);

#endif
