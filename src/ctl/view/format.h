/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities for people. Each returns buf, which has room for FORMAT_TEXT bytes.
 */
#ifndef RPINGMESH_CTL_VIEW_FORMAT_H
#define RPINGMESH_CTL_VIEW_FORMAT_H

#include <stdint.h>

#define FORMAT_TEXT 32

/* "83.1 µs", "20.4 ms", "999 ns", "1.50 s": three digits. "us" unless the locale speaks UTF-8. */
const char *format_ns(uint64_t ns, char buf[FORMAT_TEXT]);

/* As ping(8) has it: "1.234 ms". */
const char *format_ms(uint64_t ns, char buf[FORMAT_TEXT]);

/* How long: "12 s", "3 min 5 s", "2 h 10 min", "4 d 3 h". Below 10 s with a fraction. */
const char *format_age(uint64_t ns, char buf[FORMAT_TEXT]);

/* 0..1 as "0%", "0.4%", "100%"; never 0% or 100% for what is not. */
const char *format_ratio(double ratio, char buf[FORMAT_TEXT]);

/*
 * A share of loss with its interval: "0.52 % (0.31..0.83)"; never 0 or 100 for what is not. "-":
 * none of that.
 */
const char *format_loss(double ratio, double low, double high, char buf[FORMAT_TEXT]);

const char *format_u64(uint64_t n, char buf[FORMAT_TEXT]);

/* "1 peer", "2 peers": one is the word for one. */
const char *format_count(uint64_t n, const char *one, char buf[FORMAT_TEXT]);

#endif
