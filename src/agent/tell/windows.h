/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs windows of statistics as records, and pages of last windows.
 */
#ifndef RPINGMESH_AGENT_TELL_WINDOWS_H
#define RPINGMESH_AGENT_TELL_WINDOWS_H

#include <stdint.h>

#include "serve/param.h"
#include "probe/prober.h"
#include "record/record_window.h"

struct tell;
struct nic;

/* Packs a window of one of the nic's targets or, if target is NULL, of the nic. */
void windows_pack(msgpack_packer *out, const struct record_origin *origin, const struct nic *nic,
		  const struct prober_target_info *target, const struct window *w);

/* Packs the target's last closed window, or nil if there is none yet. */
void windows_last(msgpack_packer *out, const struct record_origin *origin,
		  const struct prober_target *target);

/*
 * Packs the map {windows, next} with the last closed windows of the targets, flows or devices after
 * page->after. A page covers at most page->limit of these, and has fewer windows if some have none
 * yet.
 */
void windows_page(const struct tell *t, enum record_window_by by, const struct param_page *page,
		  msgpack_packer *result);

#endif
