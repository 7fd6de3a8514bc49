/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats quantities for people. Each function returns buf, which has FORMAT_TEXT bytes.
 */
#ifndef RPINGMESH_CTL_VIEW_FORMAT_H
#define RPINGMESH_CTL_VIEW_FORMAT_H

#include <stdint.h>

#define FORMAT_TEXT 32

/* Three digits: "83.1 µs", "20.4 ms", "999 ns", "1.50 s". "us" if the locale is not UTF-8. */
const char *format_ns(uint64_t ns, char buf[FORMAT_TEXT]);

/* In the form of ping(8): "1.234 ms". */
const char *format_ms(uint64_t ns, char buf[FORMAT_TEXT]);

/* A duration: "12 s", "3 min 5 s", "2 h 10 min", "4 d 3 h". Below 10 s it has a fraction. */
const char *format_age(uint64_t ns, char buf[FORMAT_TEXT]);

/* 0..1 as "0%", "0.4%", "100%". Only 0 becomes 0%, and only 1 becomes 100%. */
const char *format_ratio(double ratio, char buf[FORMAT_TEXT]);

/*
 * A loss ratio with its interval: "0.52 % (0.31..0.83)". Only 0 becomes 0, and only 1 becomes 100.
 * "-" if the numbers are not valid.
 */
const char *format_loss(double ratio, double low, double high, char buf[FORMAT_TEXT]);

const char *format_u64(uint64_t n, char buf[FORMAT_TEXT]);

/* "1 peer", "2 peers"; `one` is the singular. */
const char *format_count(uint64_t n, const char *one, char buf[FORMAT_TEXT]);

#endif
