/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What routers, or somebody who says to be one, answer to a trace: quotes and control messages as
 * recvmsg(2) returns them, in any order and at any time.
 */
#include "fuzz.h"

#include <sys/socket.h>

#include "hops/hops_socket.h"
#include "hops/trace.h"

#define NONCE 0x01020304u
#define STEPS 200

static void
check(const struct trace *trace, const struct hops_path *path)
{
	FUZZ_CHECK(path->n_hops <= HOPS_MAX && path->n_hops <= trace->routers);
	FUZZ_CHECK(path->sent <= (uint32_t)trace->routers * TRACE_ROUNDS * 2);
	FUZZ_CHECK(!path->reached || !addr_is_zero(&path->hops[path->n_hops - 1].address));
	for (uint8_t i = path->n_hops; i < HOPS_MAX; i++)
		FUZZ_CHECK(addr_is_zero(&path->hops[i].address));
}

static void
answer(struct fuzz *f, struct trace *trace, uint64_t now_ns)
{
	union {
		char bytes[128];
		struct cmsghdr align;
	} control;
	uint8_t quote[16];
	struct msghdr m = {.msg_control = &control};
	struct trace_answer a;
	size_t n = fuzz_u8(f) % (sizeof(quote) + 1);

	m.msg_controllen = fuzz_u8(f) % (sizeof(control) + 1);
	for (size_t i = 0; i < n; i++)
		quote[i] = fuzz_u8(f);
	for (size_t i = 0; i < m.msg_controllen; i++)
		control.bytes[i] = (char)fuzz_u8(f);
	if (hops_socket_parse(&m, quote, n, NONCE, &a) > 0) {
		FUZZ_CHECK(a.ttl <= HOPS_MAX && !addr_is_zero(&a.from));
		trace_answered(trace, &a, now_ns);
	}
	/* As if it had been well-formed. */
	a = (struct trace_answer){.ttl = fuzz_u8(f), .type = fuzz_u8(f), .code = fuzz_u8(f)};
	a.from.raw[15] = (uint8_t)(1 + fuzz_u8(f) % 8);
	if (a.ttl <= HOPS_MAX)
		trace_answered(trace, &a, now_ns);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.at = data, .left = size};
	struct hops_path path = {0};
	struct trace trace;
	uint64_t now_ns = 1;
	uint8_t ttl, routers = (uint8_t)(1 + fuzz_u8(&f) % HOPS_MAX);

	path.tuple.source.raw[0] = path.tuple.destination.raw[0] = 0xfd;
	trace_begin(&trace, &path, routers, (uint8_t)(1 + (fuzz_u8(&f) & 1)));
	for (int i = 0; i < STEPS && f.left && !trace.done; i++) {
		while ((ttl = trace_next(&trace, now_ns))) {
			FUZZ_CHECK(ttl <= routers);
			trace_sent(&trace, ttl, now_ns);
		}
		answer(&f, &trace, now_ns);
		now_ns += fuzz_u16(&f) * 100000ull;
		check(&trace, &path);
	}
	/* Silence from now on: it ends. */
	for (int i = 0; i < STEPS && !trace.done; i++) {
		while ((ttl = trace_next(&trace, now_ns)))
			trace_sent(&trace, ttl, now_ns);
		now_ns = trace.deadline_ns ? trace.deadline_ns : now_ns + 1;
	}
	FUZZ_CHECK(trace.done);
	check(&trace, &path);
	return 0;
}
