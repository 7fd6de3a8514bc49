/* SPDX-License-Identifier: Apache-2.0 */
#include "lldp/lldp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/jdoc.h"
#include "lldp/lldp_impl.h"

#define LLDP_PATH 4200
#define LLDP_FILE_MAX (1u << 20)

struct lldp {
	struct lldp_places places;     /* borrowed */
	struct jdoc *lldpd, *networkd; /* NULL: not there, or not readable */
	struct lldp_switches lldpd_is, networkd_is; /* what holds for all interfaces; no names */
	bool networkd_files;           /* it has no socket: a version before 256, or not there */
};

const char *
lldp_state_name(enum lldp_state state)
{
	static const char *const names[] = {
		[LLDP_ABSENT] = "absent",
		[LLDP_NONE] = "none",
		[LLDP_FAILED] = "failed",
		[LLDP_HEARD] = "heard",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == LLDP_STATE_N, "a name for each");
	return names[state];
}

/* ---- sets of switches ---- */

void
lldp_add(struct lldp_switches *to, const char *name)
{
	char clean[LLDP_NAME];
	size_t at = 0, len = 0;
	int order = 1;

	for (; name[len] && len < sizeof(clean) - 1; len++)
		clean[len] = name[len] < ' ' || name[len] > '~' ? '_' : name[len];
	clean[len] = '\0';
	if (!len)
		return;
	to->state = LLDP_HEARD;
	while (at < to->n && (order = strcmp(to->names[at], clean)) < 0)
		at++;
	if (order == 0 || to->n == LLDP_NAMES_MAX)
		return;
	memmove(to->names[at + 1], to->names[at], (to->n - at) * sizeof(to->names[0]));
	memcpy(to->names[at], clean, sizeof(clean));
	to->n++;
}

void
lldp_fail(struct lldp_switches *to, const char *fmt, ...)
{
	va_list args;

	if (to->state < LLDP_FAILED)
		to->state = LLDP_FAILED;
	va_start(args, fmt);
	vsnprintf(to->reason, sizeof(to->reason), fmt, args);
	va_end(args);
}

void
lldp_merge(struct lldp_switches *to, const struct lldp_switches *from)
{
	for (size_t i = 0; i < from->n; i++)
		lldp_add(to, from->names[i]);
	if (from->state > to->state)
		to->state = from->state;
	if (from->reason[0])
		memcpy(to->reason, from->reason, sizeof(to->reason));
}

/* ---- files ---- */

/*
 * Reads a file. Returns 0 and sets *data, which the caller frees, or -errno. *age_s is how long ago
 * it was written; 0 if that is in the future.
 */
static int
lldp_read_file(const char *path, uint8_t **data, size_t *len, uint64_t *age_s)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
	time_t now = time(NULL);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	*data = malloc(LLDP_FILE_MAX);
	n = *data && fstat(fd, &st) == 0 ? read(fd, *data, LLDP_FILE_MAX) : -1;
	if (!*data || n < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || n == LLDP_FILE_MAX)
		rc = -EFBIG;
	close(fd);
	if (rc < 0) {
		free(*data);
		return rc;
	}
	*len = (size_t)n;
	*age_s = now > st.st_mtime ? (uint64_t)(now - st.st_mtime) : 0;
	return 0;
}

/* ---- lldpd ---- */

static void
lldp_ask_lldpd(struct lldp *lldp)
{
	const char *path = lldp->places.lldpd_file;
	uint64_t age_s;
	uint8_t *data;
	size_t len;
	int rc;

	if (!path[0])
		return;
	rc = lldp_read_file(path, &data, &len, &age_s);
	/* Without lldpd, the file is what an earlier one has left. */
	if ((rc < 0 || age_s > LLDP_FILE_OLD_S) && access(lldp->places.lldpd_socket, F_OK) < 0) {
		if (rc == 0)
			free(data);
		return;
	}
	lldp->lldpd_is.state = LLDP_NONE;
	if (rc < 0) {
		lldp_fail(&lldp->lldpd_is, "lldpd runs, but %s cannot be read: %s: start "
			  "rpingmesh-lldp.service", path, strerror(-rc));
		return;
	}
	if (age_s > LLDP_FILE_OLD_S)
		lldp_fail(&lldp->lldpd_is, "%s is %" PRIu64 " s old: look at lldpd.service and "
			  "rpingmesh-lldp.service", path, age_s);
	else if (jdoc_parse((const char *)data, len, &lldp->lldpd) < 0)
		lldp_fail(&lldp->lldpd_is, "%s is no JSON", path);
	free(data);
}

/* ---- networkd ---- */

static void
lldp_ask_networkd(struct lldp *lldp)
{
	const char *dir = lldp->places.networkd_dir;
	char path[LLDP_PATH];
	int rc;

	snprintf(path, sizeof(path), "%s/io.systemd.Network", dir);
	rc = lldp_networkd_ask(path, &lldp->networkd);
	if (rc == 0) {
		lldp->networkd_is.state = LLDP_NONE;
		return;
	}
	if (rc == -ENOENT)
		lldp->networkd_files = true;
	else if (rc != -ECONNREFUSED) /* a socket that networkd has left behind */
		lldp_fail(&lldp->networkd_is, "systemd-networkd does not answer: %s",
			  strerror(-rc));
}

/* Reads the file of an interface. */
static void
lldp_networkd_file(const struct lldp *lldp, uint32_t index, struct lldp_switches *out)
{
	char path[LLDP_PATH];
	uint64_t age_s;
	uint8_t *data;
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/links/%" PRIu32, lldp->places.networkd_dir, index);
	if (out->state == LLDP_ABSENT && access(path, F_OK) == 0)
		out->state = LLDP_NONE;
	snprintf(path, sizeof(path), "%s/lldp/%" PRIu32, lldp->places.networkd_dir, index);
	rc = lldp_read_file(path, &data, &len, &age_s);
	if (rc == -ENOENT)
		return;
	if (rc == 0) {
		rc = lldp_networkd_frames(data, len, age_s, out);
		free(data);
	}
	if (rc < 0)
		lldp_fail(out, "%s cannot be read: %s", path, strerror(-rc));
}

/* ---- both ---- */

struct lldp *
lldp_ask(const struct lldp_places *places)
{
	struct lldp *lldp = calloc(1, sizeof(*lldp));

	if (!lldp)
		return NULL;
	lldp->places = *places;
	lldp_ask_lldpd(lldp);
	lldp_ask_networkd(lldp);
	return lldp;
}

void
lldp_free(struct lldp *lldp)
{
	if (!lldp)
		return;
	jdoc_free(lldp->lldpd);
	jdoc_free(lldp->networkd);
	free(lldp);
}

void
lldp_switches(const struct lldp *lldp, const char *name, uint32_t index, struct lldp_switches *out)
{
	*out = lldp->lldpd_is;
	lldp_merge(out, &lldp->networkd_is);
	if (lldp->lldpd)
		lldp_lldpd_read(lldp->lldpd, name, out);
	if (lldp->networkd)
		lldp_networkd_read(lldp->networkd, index, out);
	else if (lldp->networkd_files)
		lldp_networkd_file(lldp, index, out);
}
