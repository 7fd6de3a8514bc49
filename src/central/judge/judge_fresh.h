/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a path holds for the losses of its 5-tuple, so that the 5-tuple itself can be accused
 * (LOCATE_PATH_FRESH). Pure.
 */
#ifndef RPINGMESH_CENTRAL_JUDGE_JUDGE_FRESH_H
#define RPINGMESH_CENTRAL_JUDGE_JUDGE_FRESH_H

#include <stdbool.h>
#include <stdint.h>

struct roads_path;

/* Times are by our wall clock. */
struct judge_losing {
	uint64_t now_ns;
	uint64_t begin_ns;     /* of the window */
	uint64_t losing_ns;    /* the 5-tuple was losing at this time, and is since; 0: it is not */
	bool clock_known;
	int64_t clock_off_ns;  /* the clock of the host that has traced, minus ours */
};

/*
 * Whether it was traced after the losses began, and leads where it led before they did; or if it
 * has changed since, none of the losses of the window is older than that. A path that ends early
 * counts if it is the beginning of the one before: what is lost gets lost behind that.
 *
 * There are two ways to know when a path was traced: by the host's clock and how far that is from
 * ours, which is wrong if that clock was set; and by how long before its message it was traced,
 * which is wrong if the message took long. The earlier one counts.
 */
bool judge_path_is_fresh(const struct roads_path *path, const struct judge_losing *losing);

/* The links that it consists of, if it is whole: `before` if it only ends early. Else NULL. */
const uint32_t *judge_path_links(const struct roads_path *path, uint8_t *n);

#endif
