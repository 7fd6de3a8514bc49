/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows of statistics as records, and the last ones in pages for whoever asks.
 */
#ifndef RPINGMESH_AGENT_TELL_WINDOWS_H
#define RPINGMESH_AGENT_TELL_WINDOWS_H

#include <stdint.h>

#include "agent/tell/params.h"
#include "probe/prober.h"
#include "record/record_window.h"

struct tell;
struct nic;

/* Packs the window of one of the nic's targets, or, target being NULL, of the nic. */
void windows_pack(msgpack_packer *out, const struct record_origin *origin, const struct nic *nic,
		  const struct prober_target_info *target, const struct window *w);

/* Packs the target's last closed window; nil: there is none yet. */
void windows_last(msgpack_packer *out, const struct record_origin *origin,
		  const struct prober_target *target);

/*
 * The last closed window of each target, flow or device behind page->after: packs the map {windows,
 * next}. A page walks no more than page->limit of them, and has fewer windows than that where some
 * have had none yet.
 */
void windows_page(const struct tell *t, enum record_window_by by, const struct params_page *page,
		  msgpack_packer *result);

#endif
