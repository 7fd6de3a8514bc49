/* SPDX-License-Identifier: Apache-2.0 */
#include "central/judge/judge_masks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/judge/judge_index.h"

/* More culprits at once than this are no culprits. */
#define JUDGE_MASKS_MAX 4096u

struct judge_mask {
	enum incident_kind kind;
	char name[INCIDENT_NAME]; /* of a link, with its ends in one order */
	uint64_t until_ns[INTAKE_WINDOWS];
};

/* A link is the same trouble as its other direction, or both. */
static void
judge_mask_name(const struct incident_culprit *culprit, char name[INCIDENT_NAME])
{
	const char *arrow = strstr(culprit->name, " -> "), *to = arrow ? arrow + 4 : NULL;
	int from;

	if (!arrow) {
		arrow = strstr(culprit->name, " <-> ");
		to = arrow ? arrow + 5 : NULL;
	}
	from = arrow ? (int)(arrow - culprit->name) : 0;
	if (culprit->kind != INCIDENT_LINK || !arrow)
		snprintf(name, INCIDENT_NAME, "%s", culprit->name);
	else if (strncmp(culprit->name, to, (size_t)from) > 0)
		snprintf(name, INCIDENT_NAME, "%s - %.*s", to, from, culprit->name);
	else
		snprintf(name, INCIDENT_NAME, "%.*s - %s", from, culprit->name, to);
}

static struct judge_mask *
judge_mask_of(const struct judge_masks *m, const struct incident_culprit *culprit)
{
	char name[INCIDENT_NAME];

	judge_mask_name(culprit, name);
	for (size_t i = 0; i < m->n; i++)
		if (m->at[i].kind == culprit->kind && strcmp(m->at[i].name, name) == 0)
			return &m->at[i];
	return NULL;
}

static void
judge_masks_expire(struct judge_masks *m, uint64_t now_ns)
{
	for (size_t i = 0; i < m->n;)
		if (m->at[i].until_ns[INTAKE_LONG] <= now_ns)
			m->at[i] = m->at[--m->n];
		else
			i++;
}

/* The mask of a culprit, an old one or a new one; NULL: there is no room. */
static struct judge_mask *
judge_mask_get(struct judge_masks *m, const struct incident_culprit *culprit)
{
	struct judge_mask *mask = judge_mask_of(m, culprit);

	if (mask || m->n == JUDGE_MASKS_MAX ||
	    judge_room((void **)&m->at, &m->room, m->n, sizeof(*m->at)) < 0)
		return mask;
	mask = &m->at[m->n++];
	*mask = (struct judge_mask){.kind = culprit->kind};
	judge_mask_name(culprit, mask->name);
	return mask;
}

void
judge_masks_add(struct judge_masks *m, const struct incidents_finding *f,
		enum intake_window window, uint64_t now_ns)
{
	struct judge_mask *mask;

	judge_masks_expire(m, now_ns);
	for (size_t i = 0; i < f->n_culprits; i++) {
		mask = judge_mask_get(m, &f->culprits[i]);
		for (int w = (int)window; mask && w < INTAKE_WINDOWS; w++)
			mask->until_ns[w] = now_ns + intake_window_ns((enum intake_window)w);
	}
}

bool
judge_masks_have(const struct judge_masks *m, const struct incidents_finding *f,
		 enum intake_window window, uint64_t now_ns)
{
	for (size_t i = 0; i < f->n_culprits; i++) {
		const struct judge_mask *mask = judge_mask_of(m, &f->culprits[i]);

		if (mask && now_ns < mask->until_ns[window])
			return true;
	}
	return false;
}

void
judge_masks_clear(struct judge_masks *m)
{
	free(m->at);
	*m = (struct judge_masks){.at = NULL};
}
