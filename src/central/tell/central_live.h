/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: live
 *
 * Keeps the picture of the mesh up to date, and its history, and tells browsers what has changed:
 * the event "mesh" when there is a new picture, "incident" when an incident is another than before,
 * and "status" each CENTRAL_LIVE_NS. The events say that something has changed, and the page
 * fetches it.
 */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_LIVE_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_LIVE_H

struct central_live;
struct central_tell;
struct events;
struct history_mesh;
struct central_trend;
struct central_pairs;
struct picture;

#define CENTRAL_LIVE_NS 5000000000ULL

/* Registry, intake and incidents must be there. Returns 0 and sets *out, or -errno. */
int central_live_new(struct central_tell *t, struct central_live **out);
/* The pages must have been freed. NULL is allowed. */
void central_live_free(struct central_live *live);

/* Borrowed. */
struct events *central_live_events(const struct central_live *live);
struct picture *central_live_picture(const struct central_live *live);
struct history_mesh *central_live_history(const struct central_live *live);
const struct central_trend *central_live_trend(const struct central_live *live);
const struct central_pairs *central_live_pairs(const struct central_live *live);

#endif
