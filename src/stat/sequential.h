/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detects loss at a low rate, with as many probes as necessary: Wald's sequential probability ratio
 * test (Annals of Mathematical Statistics 16, 1945) of p1 (lossy) against p0 (clean). After each
 * decision the test starts again, so a path that recovers becomes clean. The ratio of a window with
 * a few hundred probes cannot distinguish 1e-3 from 1e-5. This test can, and no other test with the
 * same errors needs fewer probes on average.
 *
 * After n trials with k losses the logarithm of the likelihood ratio is k log(p1/p0) + (n-k)
 * log((1-p1)/(1-p0)). At log((1-beta)/alpha) or above, the verdict is lossy. At
 * log(beta/(1-alpha)) or below, it is clean. In between, the last verdict remains. If p ≤ p0, a
 * test ends with a false `lossy` with a probability of at most alpha/(1-beta). If p ≥ p1, it ends
 * with a false `clean` with a probability of at most beta/(1-alpha). If p is between p0 and p1,
 * either verdict is possible.
 *
 * Pure: it has no clock. A struct sequential of all zeros is a test without trials.
 */
#ifndef RPINGMESH_STAT_SEQUENTIAL_H
#define RPINGMESH_STAT_SEQUENTIAL_H

#include <stdbool.h>
#include <stdint.h>

enum sequential_verdict {
	SEQUENTIAL_NONE,  /* no test has ended yet */
	SEQUENTIAL_CLEAN, /* the last test decided for p0 */
	SEQUENTIAL_LOSSY, /* the last test decided for p1 */
	SEQUENTIAL_VERDICT_N
};
/* The name in records: "none", "clean", "lossy". Never NULL. */
const char *sequential_verdict_name(enum sequential_verdict v);

/* The parameters of a test, and values derived from them. Many tests may share them. */
struct sequential_params {
	double p0, p1, alpha, beta;
	double loss, answer;  /* what each adds to the logarithm of the ratio: > 0, < 0 */
	double lossy, clean;  /* the logarithms at which the test ends: > 0, < 0 */
};

/*
 * The default: 1e-5 (the bit errors of a link) against 1e-3 (the loss from which on go-back-N slows
 * RDMA down). One of 100,000 tests, of about 7,000 probes each, ends with a false `lossy`. Three
 * losses in a row are enough for `lossy`. At a loss of 1e-3 it takes 3,200 probes on average. About
 * 7,000 probes without loss are enough for `clean`.
 */
#define SEQUENTIAL_P0 1e-5
#define SEQUENTIAL_P1 1e-3
#define SEQUENTIAL_ALPHA 1e-5
#define SEQUENTIAL_BETA 1e-3
const struct sequential_params *sequential_default(void);

/*
 * Requires 0 < p0 < p1 < 1, alpha and beta > 0, alpha + beta < 1. Otherwise returns false and
 * leaves *out alone.
 */
bool sequential_params_init(struct sequential_params *out, double p0, double p1, double alpha,
			    double beta);

struct sequential {
	uint64_t n, lost;               /* of the present test */
	uint64_t lost_ns;               /* when a trial was last lost; 0: never */
	uint64_t
		since_ns; /* when the verdict last changed; valid unless it is SEQUENTIAL_NONE */
	uint64_t decided_ns;            /* when the last test ended */
	uint64_t decided_n, decided_lost; /* of the last test: the evidence for the verdict */
	uint32_t tests;                 /* that have ended */
	enum sequential_verdict verdict;
};

/*
 * Adds one trial. now_ns may be of any clock; since_ns and decided_ns are taken from it. Returns
 * true if the verdict has changed.
 */
bool sequential_add(struct sequential *s, const struct sequential_params *params, bool lost,
		    uint64_t now_ns);

#endif
