/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/classes.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/view/view.h"

const char *const classes_names[CLASSES_N] = {
	"ok",	     "lost",	   "late",	  "peer_restarted",
	"peer_down", "unresolved", "local_error", "ack2_missing",
};

/* For narrow columns. */
static const char *const classes_short[CLASSES_N] = {
	"ok", "lost", "late", "restarted", "down", "unresolved", "local", "ack2",
};

int
classes_find(const msgpack_object *record)
{
	for (int c = 0; c < CLASSES_N; c++)
		if (view_is(record, "class", classes_names[c]))
			return c;
	return -1;
}

bool
classes_not_ok(const msgpack_object *totals, char *buf, size_t size)
{
	size_t at = 0;
	uint64_t n;

	snprintf(buf, size, "-");
	for (int c = CLASSES_OK + 1; c < CLASSES_N; c++) {
		int len;

		if (!view_u64(totals, classes_names[c], &n) || n == 0)
			continue;
		len = snprintf(buf + at, size - at, "%s%s %" PRIu64, at ? " " : "",
			       classes_short[c], n);
		if (len < 0 || (size_t)len >= size - at)
			return true;
		at += (size_t)len;
	}
	return at > 0;
}

const char *
classes_meaning(int class)
{
	static const char *const meanings[CLASSES_N] = {
		[0] = "answered within the timeout",
		[1] = "no answer, though the same daemon lived: the network lost it",
		[2] = "answered after the timeout",
		[3] = "the peer's daemon was restarted meanwhile: no loss",
		[4] = "the peer's daemon or host was down: no loss",
		[5] = "the peer has never answered SIDR: nothing was sent",
		[6] = "not sent, or failed in the local RNIC: no loss",
		[7] = "the first answer came, the second was lost on its way",
	};

	return class >= 0 && class < CLASSES_N ? meanings[class] : "-";
}
