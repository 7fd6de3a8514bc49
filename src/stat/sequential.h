/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detects loss at a low rate, with as many probes as necessary: Wald's sequential probability ratio
 * test (Annals of Mathematical Statistics 16, 1945) of p1 (lossy) against p0 (clean). After each
 * decision the test starts again, so a path that recovers becomes clean. The ratio of a window with
 * a few hundred probes cannot distinguish 1e-3 from 1e-5. This test can, and no other test with the
 * same errors needs fewer probes on average.
 *
 * After n trials with k losses the logarithm of the likelihood ratio is k log(p1/p0) + (n-k)
 * log((1-p1)/(1-p0)). At log((1-beta)/alpha) the verdict is lossy, at log(beta/(1-alpha)) it is
 * clean, in between the last verdict stays. Per test, the probability of a false `lossy` is at most
 * alpha/(1-beta) if p ≤ p0, that of a false `clean` at most beta/(1-alpha) if p ≥ p1; between p0
 * and p1 either may come out.
 *
 * Pure: no clock of its own. A struct sequential of zeroes is a test that has not seen anything.
 */
#ifndef RPINGMESH_STAT_SEQUENTIAL_H
#define RPINGMESH_STAT_SEQUENTIAL_H

#include <stdbool.h>
#include <stdint.h>

enum sequential_verdict {
	SEQUENTIAL_NONE,  /* no test has ended yet */
	SEQUENTIAL_CLEAN, /* the last one ended with p0 */
	SEQUENTIAL_LOSSY, /* the last one ended with p1 */
	SEQUENTIAL_VERDICT_N
};
/* As it stands in records: "none", "clean", "lossy". Never NULL. */
const char *sequential_verdict_name(enum sequential_verdict v);

/* The parameters of tests, with values derived from them. Any number of tests may share them. */
struct sequential_params {
	double p0, p1, alpha, beta;
	double loss, answer;  /* what each adds to the logarithm of the ratio: > 0, < 0 */
	double lossy, clean;  /* where the test ends: > 0, < 0 */
};

/*
 * The default: 1e-5 (a link's own bit errors) against 1e-3 (where RDMA's go-back-N begins to hurt).
 * A false `lossy` in 100,000 tests of about 7,000 probes each; three losses in a row decide at
 * once, a rate of 1e-3 after some 3,200 probes on the average; clean after about 7,000 probes
 * without loss.
 */
#define SEQUENTIAL_P0 1e-5
#define SEQUENTIAL_P1 1e-3
#define SEQUENTIAL_ALPHA 1e-5
#define SEQUENTIAL_BETA 1e-3
const struct sequential_params *sequential_default(void);

/* 0 < p0 < p1 < 1, alpha and beta > 0, alpha + beta < 1: false, and *out as it was, if not so. */
bool sequential_params_init(struct sequential_params *out, double p0, double p1, double alpha,
			    double beta);

struct sequential {
	uint64_t n, lost;               /* of the test that runs */
	uint64_t
		since_ns; /* when the verdict came to be what it is; valid unless SEQUENTIAL_NONE */
	uint64_t decided_ns;            /* when the last test ended */
	uint64_t decided_n, decided_lost; /* what the last test had seen: the verdict's evidence */
	uint32_t tests;                 /* that have ended */
	enum sequential_verdict verdict;
};

/*
 * One more trial: whether it was lost. now_ns: any clock; since_ns and decided_ns come from it.
 * True if the verdict has changed by it.
 */
bool sequential_add(struct sequential *s, const struct sequential_params *params, bool lost,
		    uint64_t now_ns);

#endif
