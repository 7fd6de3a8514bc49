/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/result.h"

#include <assert.h>
#include <stddef.h>

#define RESULT_COUNT(names) (sizeof(names) / sizeof((names)[0]))

static const char *const kind_names[] = {
	[PROBE_KIND_MESH] = "mesh",
	[PROBE_KIND_PING] = "ping",
	[PROBE_KIND_SERVICE] = "service",
};
static_assert(RESULT_COUNT(kind_names) == PROBE_KIND_N, "a name for each kind");

static const char *const clock_names[] = {
	[PROBE_CLOCK_SW] = "sw",
	[PROBE_CLOCK_HW] = "hw",
};
static_assert(RESULT_COUNT(clock_names) == PROBE_CLOCK_N, "a name for each clock");

static const char *const path_names[] = {
	[PROBE_PATH_UNKNOWN] = "unknown",
	[PROBE_PATH_APPROXIMATE] = "approximate",
	[PROBE_PATH_EXACT] = "exact",
};
static_assert(RESULT_COUNT(path_names) == PROBE_PATH_N, "a name for each path");

static const char *const noise_names[] = {
	[PROBE_NOISE_NONE] = "none",
	[PROBE_NOISE_PROBER] = "prober",
	[PROBE_NOISE_RESPONDER] = "responder",
	[PROBE_NOISE_BOTH] = "both",
};
static_assert(RESULT_COUNT(noise_names) == PROBE_NOISE_N, "a name for each noise");

static const char *
result_name(const char *const names[], size_t n, unsigned int i)
{
	return i < n ? names[i] : "?";
}

const char *
probe_kind_name(enum probe_kind k)
{
	return result_name(kind_names, PROBE_KIND_N, (unsigned int)k);
}

const char *
probe_clock_name(enum probe_clock c)
{
	return result_name(clock_names, PROBE_CLOCK_N, (unsigned int)c);
}

const char *
probe_path_name(enum probe_path p)
{
	return result_name(path_names, PROBE_PATH_N, (unsigned int)p);
}

const char *
probe_noise_name(enum probe_noise n)
{
	return result_name(noise_names, PROBE_NOISE_N, (unsigned int)n);
}
