/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row of a report costs rpingmesh-central to read and to count, without a broker.
 *
 *     intake_cost HOSTS ROUNDS
 *
 * Prints bytes, nanoseconds of processor time and memory of a row. With valgrind
 * --tool=callgrind --toggle-collect=take, the number of instructions in all, whatever else the
 * machine does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "central/intake/intake.h"
#include "core/clock.h"
#include "report_made.h"

static struct intake *intake;
static struct intake_time now = {1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC};

static void
pack(uint64_t number, uint64_t n_hosts, uint64_t sequence, msgpack_sbuffer *out)
{
	struct report_made_host host = {(uint32_t)number, (uint32_t)n_hosts, now.wall_ns, ""};
	msgpack_packer pk;
	struct report r;

	report_made(&host, sequence, &r);
	msgpack_sbuffer_clear(out);
	msgpack_packer_init(&pk, out, msgpack_sbuffer_write);
	report_pack(&pk, &r);
}

/* What central does with a report. Not static, so that valgrind finds it by this name. */
void take(const msgpack_sbuffer *packed);

__attribute__((noinline)) void
take(const msgpack_sbuffer *packed)
{
	char error[REPORT_ERROR];
	struct report *report;

	if (report_unpack(packed->data, packed->size, &report, error) < 0 ||
	    intake_take(intake, report->host, report, &now) < 0)
		abort();
	report_free(report);
}

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int
main(int argc, char **argv)
{
	uint64_t n_hosts = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t rounds = argc == 3 ? strtoull(argv[2], NULL, 10) : 0, bytes = 0;
	struct intake_stats stats;
	msgpack_sbuffer packed;
	double took_ns = 0, rows;

	if (n_hosts < 2 || !rounds || intake_new((uint32_t)n_hosts, &intake) < 0) {
		fprintf(stderr, "usage: intake_cost HOSTS ROUNDS\n");
		return 1;
	}
	msgpack_sbuffer_init(&packed);
	for (uint64_t round = 1; round <= rounds; round++) {
		for (uint64_t host = 0; host < n_hosts; host++) {
			double start_ns;

			pack(host, n_hosts, round, &packed);
			bytes += packed.size;
			start_ns = cpu_ns();
			take(&packed);
			took_ns += cpu_ns() - start_ns;
		}
		now.mono_ns += REPORT_MADE_S * NSEC_PER_SEC;
		now.wall_ns += REPORT_MADE_S * NSEC_PER_SEC;
	}
	intake_stats(intake, now.mono_ns, &stats);
	rows = (double)(n_hosts * rounds * REPORT_MADE_STREAMS);
	printf("%.0f rows: %.1f bytes, %.0f ns a row; %.0f bytes of memory a stream\n", rows,
	       (double)bytes / rows, took_ns / rows, (double)stats.bytes / (double)stats.rows);
	msgpack_sbuffer_destroy(&packed);
	intake_free(intake);
	return 0;
}
