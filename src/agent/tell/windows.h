/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows of statistics on their way out: to the clients that watch them, and in pages to whoever
 * asks for the last ones.
 */
#ifndef RPINGMESH_AGENT_TELL_WINDOWS_H
#define RPINGMESH_AGENT_TELL_WINDOWS_H

#include <stdint.h>

#include "agent/tell/params.h"
#include "probe/prober.h"
#include "record/record_window.h"

struct control_client;
struct daemon;
struct window_watcher;

/*
 * bys: bits 1 << enum record_window_by; 0: not any more. Each window that is closed follows as
 * notification "window". 0 or -ENOMEM.
 */
int windows_subscribe(struct daemon *d, struct control_client *client, unsigned int bys);
void windows_free_all(struct daemon *d);

/* For prober_ops. */
void windows_closed(void *arg, struct prober_device *device, struct prober_target *target,
		    const struct window *w);

/* Packs the target's last closed window; nil: there is none yet. */
void windows_last(msgpack_packer *out, const struct prober_target *target);

/*
 * The last closed window of each target, flow or device behind page->after: packs the map {windows,
 * next}. A page walks no more than page->limit of them, and has fewer windows than that where some
 * have had none yet.
 */
void windows_page(const struct daemon *d, enum record_window_by by, const struct params_page *page,
		  msgpack_packer *result);

#endif
