/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes records as one line each, for people and logs.
 */
#ifndef RPINGMESH_CTL_VIEW_LINES_H
#define RPINGMESH_CTL_VIEW_LINES_H

#include <msgpack.h>
#include <stdint.h>
#include <stdio.h>

/* A time in UTC, "2026-01-31T12:00:00.123456Z", without a newline. */
void lines_time(uint64_t wall_ns, FILE *out);

/*
 * Writes " NAME=VALUE", in quotes if the value has blanks, quotes or "=", as programs that read
 * key=value lines (logfmt) expect.
 */
void lines_value(const char *name, const char *value, FILE *out);

/*
 * Writes `before` and the text of a key, if it is known and not empty. Before " NAME=", the text is
 * written as by lines_value().
 */
void lines_text(const msgpack_object *record, const char *key, const char *before, FILE *out);

/* Writes `before` and the text of a key, or "-" if it is unknown. */
void lines_word(const msgpack_object *record, const char *key, const char *before, FILE *out);

/* Writes a time in nanoseconds as the value of `name`, in milliseconds, if it is known. */
void lines_ms(const msgpack_object *record, const char *key, const char *name, FILE *out);

/*
 * "TIME rtr rxe0 17 -> 42 RC python3(4711) 10.0.0.1 -> 10.0.0.2 port=57236 tos=104 sl=0 mtu=1024
 * job=slurm:12 flow=3" and a newline.
 */
void lines_event(const msgpack_object *event, FILE *out);

/*
 * "TIME rxe0 10.0.0.2 (host-b) mesh seq=3 ok rtt="1.23 ms" prober="12.3 us" responder="34.5 us"
 * size=50 port=57236" and a newline.
 */
void lines_probe(const msgpack_object *probe, FILE *out); /* or a correction: " lost was=…" */

/* The label at the start of a line of `status`. */
void lines_label(const char *label, FILE *out);

#endif
