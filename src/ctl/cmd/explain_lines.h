/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of explain: labels, and parts of sentences that are left out if a key is unknown. */
#ifndef RPINGMESH_CTL_CMD_EXPLAIN_LINES_H
#define RPINGMESH_CTL_CMD_EXPLAIN_LINES_H

#include <msgpack.h>
#include <stdint.h>

#include "ctl/view/format.h"

#define EXPLAIN_TEXT 256

/* Prints "  label      ", to which a text is added. */
void explain_label(const char *label);
/* Prints a label and its text, in lines of 80 columns. */
void explain_wrap(const char *label, const char *text);
/* The text of a key, or "-". Returns buf. */
const char *explain_text(const msgpack_object *map, const char *key, char buf[EXPLAIN_TEXT]);
/* How long ago a time was, in buf; NULL: the time is unknown. */
const char *explain_ago(const msgpack_object *map, const char *key, uint64_t now_ns,
			char buf[FORMAT_TEXT]);
/* Prints how long ago a time was, with text around it, or nothing if the time is unknown. */
void explain_when(const char *before, const msgpack_object *map, const char *key, uint64_t now_ns,
		  const char *after);
/* Prints a count with text around it, or nothing if it is unknown. */
void explain_count(const char *before, const msgpack_object *map, const char *key, const char *one,
		   const char *after);

#endif
