/* SPDX-License-Identifier: Apache-2.0 */
#include "central/intake/intake_heard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

#define INTAKE_HEARD_SLOT_NS (60 * NSEC_PER_SEC)

/* Not below the number of slots, because 0 is that of none. */
static uint32_t
intake_heard_number(uint64_t now_ns)
{
	return (uint32_t)(now_ns / INTAKE_HEARD_SLOT_NS) + INTAKE_HEARD_SLOTS;
}

static int
intake_heard_compare(const void *a, const void *b)
{
	const struct report_heard *x = &((const struct intake_heard_one *)a)->key;
	const struct report_heard *y = &((const struct intake_heard_one *)b)->key;
	int rc = memcmp(&x->source, &y->source, sizeof(x->source));

	if (rc == 0)
		rc = memcmp(&x->destination, &y->destination, sizeof(x->destination));
	if (rc == 0)
		rc = x->src_port - y->src_port;
	return rc ? rc : x->traffic_class - y->traffic_class;
}

static struct intake_heard_one *
intake_heard_find(const struct intake_heard *heard, const struct report_heard *key)
{
	const struct intake_heard_one one = {.key = *key};

	return heard->n ? bsearch(&one, heard->of, heard->n, sizeof(one), intake_heard_compare) :
			  NULL;
}

static void
intake_heard_add(struct intake_heard_one *one, uint32_t n, uint32_t number)
{
	if (number - one->newest >= INTAKE_HEARD_SLOTS)
		memset(one->slots, 0, sizeof(one->slots));
	else
		while (one->newest != number)
			one->slots[++one->newest % INTAKE_HEARD_SLOTS] = 0;
	one->newest = number;
	one->slots[number % INTAKE_HEARD_SLOTS] += n;
}

static void
intake_heard_expire(struct intake_heard *heard, uint32_t number)
{
	const uint32_t keep = (uint32_t)(INTAKE_HEARD_KEEP_NS / INTAKE_HEARD_SLOT_NS);
	uint32_t n = 0;

	for (uint32_t i = 0; i < heard->n; i++)
		if (number - heard->of[i].newest <= keep)
			heard->of[n++] = heard->of[i];
	heard->n = n;
}

/*
 * Those that are new go behind the others, until all are sorted. Returns their number. *left_out:
 * there was no room for one, so that its count would lack this report.
 */
static uint32_t
intake_heard_merge(struct intake_heard *heard, const struct report *report, uint32_t number,
		   bool *left_out)
{
	uint32_t n_new = 0;

	for (size_t i = 0; i < report->n_heard; i++) {
		struct intake_heard_one *one = intake_heard_find(heard, &report->heard[i]);

		if (!one && heard->n + n_new < REPORT_STREAMS_MAX) {
			one = &heard->of[heard->n + n_new++];
			*one = (struct intake_heard_one){.key = report->heard[i]};
		}
		if (one)
			intake_heard_add(one, report->heard[i].received, number);
		else
			*left_out = true;
	}
	return n_new;
}

int
intake_heard_take(struct intake_heard *heard, const struct report *report, uint64_t now_ns)
{
	struct intake_heard_one *more;
	uint32_t number = intake_heard_number(now_ns), n_new;
	bool left_out = false;

	more = reallocarray(heard->of, heard->n + report->n_heard + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	heard->of = more;
	intake_heard_expire(heard, number);
	n_new = intake_heard_merge(heard, report, number, &left_out);
	heard->n += n_new;
	if (n_new)
		qsort(heard->of, heard->n, sizeof(*heard->of), intake_heard_compare);
	more = reallocarray(heard->of, heard->n + 1u, sizeof(*more));
	heard->of = more ? more : heard->of;
	if (!heard->since_ns || left_out)
		heard->since_ns = now_ns;
	heard->last_ns = now_ns;
	return 0;
}

bool
intake_heard_sum(const struct intake_heard *heard, const struct report_heard *key, uint64_t now_ns,
		 uint64_t *received)
{
	const struct intake_heard_one *one = intake_heard_find(heard, key);
	uint32_t number = intake_heard_number(now_ns);

	if (!one)
		return false;
	*received = 0;
	for (uint32_t age = number - one->newest; age < INTAKE_HEARD_SLOTS; age++)
		*received += one->slots[(number - age) % INTAKE_HEARD_SLOTS];
	return true;
}

void
intake_heard_clear(struct intake_heard *heard)
{
	free(heard->of);
	*heard = (struct intake_heard){0};
}
