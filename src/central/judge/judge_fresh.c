/* SPDX-License-Identifier: Apache-2.0 */
#include "central/judge/judge_fresh.h"

#include <stddef.h>

#include "central/roads/roads.h"
#include "core/clock.h"

/* Reports and paths take no longer from the host to us. */
#define JUDGE_ON_THE_WAY_NS NSEC_PER_SEC
/* What a report says has happened within this time before it came. */
#define JUDGE_REPORT_NS (7 * NSEC_PER_SEC)
/* Nobody knows where an older path leads now. Agents trace again after five minutes. */
#define JUDGE_OLD_NS (3600 * NSEC_PER_SEC)

const uint32_t *
judge_path_links(const struct roads_path *path, uint8_t *n)
{
	bool whole = path->complete && path->stable;

	if (!whole && !path->agrees)
		return NULL;
	*n = whole ? path->n_links : path->n_before;
	return whole ? path->links : path->before;
}

bool
judge_path_is_fresh(const struct roads_path *path, const struct judge_losing *losing)
{
	uint64_t traced_ns = path->here_ns, same_ns = losing->begin_ns;
	uint64_t by_clock_ns = path->traced_ns - (uint64_t)losing->clock_off_ns;
	uint8_t n;

	if (!losing->losing_ns || !losing->clock_known || !traced_ns || !path->since_ns ||
	    !judge_path_links(path, &n))
		return false;
	if (by_clock_ns < traced_ns)
		traced_ns = by_clock_ns;
	if (losing->losing_ns > same_ns)
		same_ns = losing->losing_ns;
	return traced_ns >= losing->losing_ns + JUDGE_ON_THE_WAY_NS &&
	       traced_ns <= losing->now_ns + JUDGE_ON_THE_WAY_NS &&
	       traced_ns + JUDGE_OLD_NS >= losing->now_ns &&
	       path->since_ns + JUDGE_REPORT_NS <= same_ns;
}
