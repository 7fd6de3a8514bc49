/* SPDX-License-Identifier: Apache-2.0 */
/* How long probes took inside the hosts, by the names of a picture: the worst host of each. */
#include <errno.h>
#include <stdlib.h>

#include "central/picture/picture_impl.h"

static void
picture_delays_most(uint32_t *most, uint32_t ns)
{
	if (*most < ns)
		*most = ns;
}

int
picture_delays_add(struct picture_view *view, uint32_t name, const struct report_delays *more)
{
	struct report_delays *d;

	if (!view->delays)
		view->delays = calloc(view->ports.n_names + 1, sizeof(*view->delays));
	if (!view->delays)
		return -ENOMEM;
	d = &view->delays[name];
	picture_delays_most(&d->prober_p50_ns, more->prober_p50_ns);
	picture_delays_most(&d->prober_p99_ns, more->prober_p99_ns);
	picture_delays_most(&d->responder_p50_ns, more->responder_p50_ns);
	picture_delays_most(&d->responder_p99_ns, more->responder_p99_ns);
	return 0;
}

int
picture_delays_of(struct picture_view *view, uint32_t name, const struct intake *intake,
		  const char *host, uint64_t now_ns)
{
	const struct intake_host *found = intake_find(intake, host);
	struct intake_host_info info;

	if (!found)
		return 0;
	intake_host_info(found, now_ns, &info);
	if (info.silent || !info.has_delays)
		return 0;
	return picture_delays_add(view, name, &info.delays);
}

int
picture_delays_merge(struct picture_view *into, const uint32_t *name_of,
		     const struct picture_view *from)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && from->delays && i < from->ports.n_names; i++)
		if (name_of[i] != UINT32_MAX)
			rc = picture_delays_add(into, name_of[i], &from->delays[i]);
	return rc;
}

const struct report_delays *
picture_delays(const struct picture_view *view, uint32_t i)
{
	return view->delays ? &view->delays[i] : NULL;
}
