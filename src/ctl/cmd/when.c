/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cmd/when.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

bool
when_until(const char *text, uint64_t *out_ns)
{
	static const struct {
		char letter;
		uint64_t ns;
	} units[] = {{'m', 60 * NSEC_PER_SEC}, {'h', 3600 * NSEC_PER_SEC},
		     {'d', 86400 * NSEC_PER_SEC}};
	char *end, *rest;
	unsigned long n = strtoul(text, &end, 10);
	struct tm tm = {.tm_isdst = -1};
	time_t at;
	int day;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == text || end[0] != units[i].letter || end[1] || n == 0 || n > 100000)
			continue;
		*out_ns = clock_wall_ns() + n * units[i].ns;
		return true;
	}
	rest = strptime(text, "%Y-%m-%d %H:%M", &tm);
	if (!rest || *rest)
		return false;
	day = tm.tm_mday;
	at = mktime(&tm);
	/* 31 February is 3 March. */
	if (at < 0 || (uint64_t)at > INT64_MAX / NSEC_PER_SEC || tm.tm_mday != day)
		return false;
	*out_ns = (uint64_t)at * NSEC_PER_SEC;
	return true;
}

void
when_user(char by[WHEN_USER])
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *user = getpwuid(getuid());

	snprintf(by, WHEN_USER, "%s", sudo && *sudo ? sudo : user ? user->pw_name : "unknown");
}
