/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/format.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/utf8.h"

static const char *
format_micro(void)
{
	return utf8_spoken() ? "\u00b5s" : "us";
}

/* Three digits of n / unit. Rounds integers, so that 999.96 does not become 1000.0. */
static void
format_digits(uint64_t n, uint64_t unit, const char *name, char buf[FORMAT_TEXT])
{
	uint64_t whole = n / unit;
	unsigned int digits = whole >= 100 ? 0 : whole >= 10 ? 1 : 2;
	uint64_t scale = digits == 0 ? 1 : digits == 1 ? 10 : 100;
	uint64_t v = whole * scale + (n % unit * scale + unit / 2) / unit;

	if (digits > 0 && v >= 1000) { /* 9.996 becomes 10.0 */
		digits--;
		scale /= 10;
		v /= 10;
	}
	if (digits == 0)
		snprintf(buf, FORMAT_TEXT, "%" PRIu64 " %s", v, name);
	else
		snprintf(buf, FORMAT_TEXT, "%" PRIu64 ".%0*" PRIu64 " %s", v / scale, (int)digits,
			 v % scale, name);
}

const char *
format_ns(uint64_t ns, char buf[FORMAT_TEXT])
{
	if (ns < NSEC_PER_USEC)
		snprintf(buf, FORMAT_TEXT, "%" PRIu64 " ns", ns);
	else if (ns < NSEC_PER_MSEC - NSEC_PER_USEC / 2)
		format_digits(ns, NSEC_PER_USEC, format_micro(), buf);
	else if (ns < NSEC_PER_SEC - NSEC_PER_MSEC / 2)
		format_digits(ns < NSEC_PER_MSEC ? NSEC_PER_MSEC : ns, NSEC_PER_MSEC, "ms", buf);
	else
		format_digits(ns < NSEC_PER_SEC ? NSEC_PER_SEC : ns, NSEC_PER_SEC, "s", buf);
	return buf;
}

const char *
format_ms(uint64_t ns, char buf[FORMAT_TEXT])
{
	uint64_t us = ns / NSEC_PER_USEC + (ns % NSEC_PER_USEC >= NSEC_PER_USEC / 2);

	snprintf(buf, FORMAT_TEXT, "%" PRIu64 ".%03" PRIu64 " ms", us / 1000, us % 1000);
	return buf;
}

const char *
format_age(uint64_t ns, char buf[FORMAT_TEXT])
{
	uint64_t s = ns / NSEC_PER_SEC, tenths = ns % NSEC_PER_SEC / (100 * NSEC_PER_MSEC);

	if (s < 10)
		snprintf(buf, FORMAT_TEXT, "%" PRIu64 ".%" PRIu64 " s", s, tenths);
	else if (s < 60)
		snprintf(buf, FORMAT_TEXT, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(buf, FORMAT_TEXT, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, FORMAT_TEXT, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(buf, FORMAT_TEXT, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
	return buf;
}

const char *
format_ratio(double ratio, char buf[FORMAT_TEXT])
{
	double percent = ratio * 100;

	if (!(ratio >= 0 && ratio <= 1))
		snprintf(buf, FORMAT_TEXT, "-");
	else if (ratio <= 0 || ratio >= 1)
		snprintf(buf, FORMAT_TEXT, ratio <= 0 ? "0%%" : "100%%");
	else if (percent < 0.1)
		snprintf(buf, FORMAT_TEXT, "<0.1%%");
	else
		snprintf(buf, FORMAT_TEXT, "%.1f%%", percent > 99.9 ? 99.9 : percent);
	return buf;
}

/* Percent with at most three digits. */
static void
format_percent(double ratio, char buf[8])
{
	double percent = ratio * 100;

	if (percent <= 0 || percent >= 100)
		snprintf(buf, 8, percent <= 0 ? "0" : "100");
	else if (percent < 0.01)
		snprintf(buf, 8, "<0.01");
	else if (percent < 9.995)
		snprintf(buf, 8, "%.2f", percent);
	else
		snprintf(buf, 8, "%.1f", percent > 99.9 ? 99.9 : percent);
}

const char *
format_loss(double ratio, double low, double high, char buf[FORMAT_TEXT])
{
	char text[3][8];

	if (!(ratio >= 0 && ratio <= 1 && low >= 0 && low <= 1 && high >= 0 && high <= 1)) {
		snprintf(buf, FORMAT_TEXT, "-");
		return buf;
	}
	format_percent(ratio, text[0]);
	format_percent(low, text[1]);
	format_percent(high, text[2]);
	snprintf(buf, FORMAT_TEXT, "%s %% (%s..%s)", text[0], text[1], text[2]);
	return buf;
}

const char *
format_u64(uint64_t n, char buf[FORMAT_TEXT])
{
	snprintf(buf, FORMAT_TEXT, "%" PRIu64, n);
	return buf;
}

const char *
format_count(uint64_t n, const char *one, char buf[FORMAT_TEXT])
{
	snprintf(buf, FORMAT_TEXT, "%" PRIu64 " %s%s", n, one, n == 1 ? "" : "s");
	return buf;
}
