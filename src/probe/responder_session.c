/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions and their sources. There is a table of sessions by number, a table by path (device,
 * local and remote address), and a list by the time of the last use, from whose head sessions
 * expire. A path may have several sessions: proven ones of one prober, and unproven ones, of which
 * one replaces the others once its prober has echoed the challenge.
 *
 * A source is a remote address with its token buckets. A source outlives its sessions until its
 * buckets are full again, so closing and opening sessions gives no advantage.
 */
#include "probe/responder_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/clock.h"

#define RESPONDER_HASH_MIN 256
#define RESPONDER_SOURCE_QUIET_NS (2 * NSEC_PER_SEC) /* all buckets are full again */

static uint64_t
responder_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0xff51afd7ed558ccdULL;
	return h ^ (h >> 32);
}

static uint64_t
responder_mix_addr(uint64_t h, const struct addr *addr)
{
	uint64_t half[2];

	memcpy(half, addr->raw, sizeof(half));
	return responder_mix(responder_mix(h, half[0]), half[1]);
}

static uint32_t
responder_hash_number(const struct responder *responder, uint64_t number)
{
	return (uint32_t)responder_mix(responder->hash_key, number) & (responder->n_hash - 1);
}

static uint32_t
responder_hash_source(const struct responder *responder, const struct addr *addr)
{
	return (uint32_t)responder_mix_addr(responder->hash_key, addr) & (responder->n_hash - 1);
}

static uint32_t
responder_hash_path(const struct responder *responder, const void *device_user,
		    const struct addr *local, const struct addr *remote)
{
	uint64_t h = responder_mix(responder->hash_key, (uintptr_t)device_user);

	return (uint32_t)responder_mix_addr(responder_mix_addr(h, local), remote) &
	       (responder->n_hash - 1);
}

/* Makes new tables of n_hash chains each. The caller still owns the old ones. */
static int
responder_tables_alloc(struct responder *responder, uint32_t n_hash)
{
	struct responder_session_head *numbers = calloc(n_hash, sizeof(*numbers));
	struct responder_session_head *paths = calloc(n_hash, sizeof(*paths));
	struct responder_source_head *sources = calloc(n_hash, sizeof(*sources));

	if (!numbers || !paths || !sources) {
		free(numbers);
		free(paths);
		free(sources);
		return -ENOMEM;
	}
	responder->numbers = numbers;
	responder->paths = paths;
	responder->sources = sources;
	responder->n_hash = n_hash;
	return 0;
}

int
responder_tables_new(struct responder *responder)
{
	TAILQ_INIT(&responder->order);
	TAILQ_INIT(&responder->unproven);
	TAILQ_INIT(&responder->idle_sources);
	return responder_tables_alloc(responder, RESPONDER_HASH_MIN);
}

static void
responder_link(struct responder *responder, struct responder_session *session)
{
	const struct responder_open_request *request = &session->request;
	uint32_t path = responder_hash_path(responder, request->device_user, &request->local,
					    &request->remote);
	uint32_t number = responder_hash_number(responder, session->number);

	LIST_INSERT_HEAD(&responder->numbers[number], session, in_numbers);
	LIST_INSERT_HEAD(&responder->paths[path], session, in_paths);
}

/* Keeps the chains short. If there is no memory, they only get longer. */
static void
responder_tables_grow(struct responder *responder)
{
	struct responder_source_head *sources = responder->sources;
	struct responder_session_head *numbers = responder->numbers, *paths = responder->paths;
	uint32_t n_hash = responder->n_hash;
	struct responder_session *session;
	struct responder_source *source;

	if (responder->n_sources <= n_hash && responder->stats.sessions <= n_hash)
		return;
	if (responder_tables_alloc(responder, 2 * n_hash) < 0)
		return;
	TAILQ_FOREACH(session, &responder->order, in_order)
		responder_link(responder, session);
	for (uint32_t i = 0; i < n_hash; i++) {
		while ((source = LIST_FIRST(&sources[i]))) {
			uint32_t hash = responder_hash_source(responder, &source->addr);

			LIST_REMOVE(source, in_hash);
			LIST_INSERT_HEAD(&responder->sources[hash], source, in_hash);
		}
	}
	free(numbers);
	free(paths);
	free(sources);
}

static void
responder_source_free(struct responder *responder, struct responder_source *source)
{
	TAILQ_REMOVE(&responder->idle_sources, source, in_idle);
	LIST_REMOVE(source, in_hash);
	responder->n_sources--;
	free(source);
}

void
responder_tables_free(struct responder *responder)
{
	struct responder_session *session;
	struct responder_source *source;

	while ((session = TAILQ_FIRST(&responder->order)))
		responder_close(responder, session);
	while ((source = TAILQ_FIRST(&responder->idle_sources)))
		responder_source_free(responder, source);
	free(responder->numbers);
	free(responder->paths);
	free(responder->sources);
}

void
responder_fit_sources(struct responder *responder, uint64_t now_ns)
{
	struct responder_source *source;

	for (uint32_t i = 0; i < responder->n_hash; i++) {
		LIST_FOREACH(source, &responder->sources[i], in_hash) {
			bucket_fit(&source->probes[0], &responder->source_rate, now_ns);
			bucket_fit(&source->probes[1], &responder->source_rate, now_ns);
		}
	}
}

bool
responder_is_allowed(const struct responder *responder, const struct addr *addr)
{
	for (size_t i = 0; i < responder->limits.n_allow; i++) {
		if (addr_net_has(&responder->limits.allow[i], addr))
			return true;
	}
	return false;
}

static struct responder_source *
responder_source_find(const struct responder *responder, const struct addr *addr)
{
	struct responder_source *source;

	LIST_FOREACH(source, &responder->sources[responder_hash_source(responder, addr)], in_hash) {
		if (addr_equal(&source->addr, addr))
			return source;
	}
	return NULL;
}

/*
 * Frees idle sources, to limit their number. If the table is still full, frees one more, even if an
 * unproven session has to be closed for this.
 */
static void
responder_source_make_room(struct responder *responder, uint64_t now_ns)
{
	struct responder_session *session;
	struct responder_source *source;

	while (responder->n_sources >= responder->sessions_max &&
	       TAILQ_EMPTY(&responder->idle_sources) &&
	       (session = TAILQ_FIRST(&responder->unproven)))
		responder_close(responder, session);
	while ((source = TAILQ_FIRST(&responder->idle_sources)) &&
	       (source->last_ns + RESPONDER_SOURCE_QUIET_NS <= now_ns ||
		responder->n_sources >= responder->sessions_max))
		responder_source_free(responder, source);
}

/*
 * The source of that address, made if necessary. NULL: the table is full of sources with sessions,
 * or there is no memory.
 */
static struct responder_source *
responder_source_get(struct responder *responder, const struct addr *addr, uint64_t now_ns)
{
	struct responder_source *source = responder_source_find(responder, addr);

	if (source) {
		source->last_ns = now_ns;
		if (source->n_sessions == 0) {
			TAILQ_REMOVE(&responder->idle_sources, source, in_idle);
			TAILQ_INSERT_TAIL(&responder->idle_sources, source, in_idle);
		}
		return source;
	}
	responder_source_make_room(responder, now_ns);
	if (responder->n_sources >= responder->sessions_max)
		return NULL;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->addr = *addr;
	source->last_ns = now_ns;
	LIST_INSERT_HEAD(&responder->sources[responder_hash_source(responder, addr)], source,
			 in_hash);
	TAILQ_INSERT_TAIL(&responder->idle_sources, source, in_idle);
	responder->n_sources++;
	responder_tables_grow(responder);
	return source;
}

static void
responder_source_hold(struct responder *responder, struct responder_source *source)
{
	if (source->n_sessions++ == 0)
		TAILQ_REMOVE(&responder->idle_sources, source, in_idle);
}

static void
responder_source_release(struct responder *responder, struct responder_source *source)
{
	if (--source->n_sessions == 0)
		TAILQ_INSERT_TAIL(&responder->idle_sources, source, in_idle);
}

int
responder_admit(struct responder *responder, const struct addr *remote, uint64_t session,
		uint64_t now_ns)
{
	const struct responder_session *present = responder_find(responder, session);
	struct responder_source *source;

	if (!responder_is_allowed(responder, remote)) {
		responder->stats.refused_network++;
		return -EACCES;
	}
	/* Only its prober knows the number, so nobody else can use up this limit. */
	if (present && present->proven && addr_equal(&present->request.remote, remote))
		return 0;
	source = responder_source_get(responder, remote, now_ns);
	if (!source || !bucket_is_ready(&source->opens, &responder->open_rate, now_ns)) {
		responder->stats.refused_opens++;
		return -EBUSY;
	}
	bucket_take(&source->opens, &responder->open_rate, now_ns);
	return 0;
}

int
responder_claim(struct responder *responder)
{
	if (responder->n_claims >= RESPONDER_CLAIMS_MAX) {
		responder->stats.refused_claims++;
		return -EBUSY;
	}
	responder->n_claims++;
	return 0;
}

void
responder_claim_over(struct responder *responder)
{
	responder->n_claims--;
}

bool
responder_is_outdated(const struct responder_open_request *request,
		      const struct responder_source *source, uint64_t now_ns)
{
	return !request->challenge && source->newer_ns &&
	       now_ns < source->newer_ns + RESPONDER_NEWER_NS;
}

struct responder_session *
responder_find(const struct responder *responder, uint64_t number)
{
	struct responder_session *session;

	LIST_FOREACH (session, &responder->numbers[responder_hash_number(responder, number)],
		      in_numbers) {
		if (session->number == number)
			return session;
	}
	return NULL;
}

struct responder_session *
responder_next_on_path(const struct responder *responder, const void *device_user,
		       const struct addr *local, const struct addr *remote,
		       const struct responder_session *after)
{
	uint32_t hash = responder_hash_path(responder, device_user, local, remote);
	struct responder_session *session =
		after ? LIST_NEXT(after, in_paths) : LIST_FIRST(&responder->paths[hash]);

	for (; session; session = LIST_NEXT(session, in_paths)) {
		if (session->request.device_user == device_user &&
		    addr_equal(&session->request.local, local) &&
		    addr_equal(&session->request.remote, remote))
			return session;
	}
	return NULL;
}

void
responder_touch(struct responder *responder, struct responder_session *session, uint64_t now_ns)
{
	session->last_ns = now_ns;
	TAILQ_REMOVE(&responder->order, session, in_order);
	TAILQ_INSERT_TAIL(&responder->order, session, in_order);
}

void
responder_close(struct responder *responder, struct responder_session *session)
{
	struct responder_held *held;

	while ((held = TAILQ_FIRST(&session->held))) {
		responder->stats.held_dropped++;
		responder_held_free(responder, held);
	}
	responder_ways_close(responder, session);
	LIST_REMOVE(session, in_numbers);
	LIST_REMOVE(session, in_paths);
	TAILQ_REMOVE(&responder->order, session, in_order);
	if (!session->proven)
		TAILQ_REMOVE(&responder->unproven, session, in_unproven);
	responder->stats.sessions--;
	responder_source_release(responder, session->source);
	free(session);
}

/* Walks the sessions of the path of a request. */
static struct responder_session *
responder_next_like(const struct responder *responder, const struct responder_open_request *request,
		    const struct responder_session *after)
{
	return responder_next_on_path(responder, request->device_user, &request->local,
				      &request->remote, after);
}

/* Whether the same prober has made both requests. */
static bool
responder_is_same_prober(const struct responder_open_request *a,
			 const struct responder_open_request *b)
{
	return a->incarnation == b->incarnation && a->qkey == b->qkey &&
	       a->challenge == b->challenge;
}

/*
 * Closes the others on its path that a proven session ends: those of other incarnations, and the
 * oldest of the same prober if there are too many. A path's newest stand first.
 */
static void
responder_close_others(struct responder *responder, const struct responder_session *session)
{
	const struct responder_open_request *request = &session->request;
	struct responder_session *other = responder_next_like(responder, request, NULL), *next;
	uint32_t left = RESPONDER_SAME_MAX - 1;

	for (; other; other = next) {
		next = responder_next_like(responder, request, other);
		if (other == session || (!request->challenge && other->request.challenge))
			continue;
		if (left > 0 && responder_is_same_prober(request, &other->request))
			left--;
		else
			responder_close(responder, other);
	}
}

/* One more unproven session is to come. A path's newest stand first. */
static void
responder_limit_unproven(struct responder *responder, const struct responder_open_request *request)
{
	uint32_t left = request->challenge ? RESPONDER_UNPROVEN_MAX - 1 : 0;
	struct responder_session *other = responder_next_like(responder, request, NULL), *next;

	for (; other; other = next) {
		next = responder_next_like(responder, request, other);
		if (other->proven || other->request.challenge != request->challenge)
			continue;
		if (left > 0)
			left--;
		else
			responder_close(responder, other);
	}
}

void
responder_prove(struct responder *responder, struct responder_session *session)
{
	if (session->proven)
		return;
	session->proven = true;
	TAILQ_REMOVE(&responder->unproven, session, in_unproven);
	responder_close_others(responder, session);
}

void
responder_expire_sessions(struct responder *responder, uint64_t now_ns)
{
	struct responder_session *session;

	while ((session = TAILQ_FIRST(&responder->order)) &&
	       session->last_ns + RESPONDER_IDLE_NS <= now_ns)
		responder_close(responder, session);
}

/*
 * A random, unused number, which only a receiver of our SIDR reply can know. 0: there are no random
 * numbers.
 */
static uint64_t
responder_draw_number(const struct responder *responder)
{
	uint64_t number = 0;

	do {
		ssize_t n = getrandom(&number, sizeof(number), 0);

		if (n < 0 && errno != EINTR)
			return 0;
		if (n != (ssize_t)sizeof(number))
			number = 0;
	} while (number == 0 || responder_find(responder, number));
	return number;
}

static int
responder_session_new(struct responder *responder, const struct responder_open_request *request,
		      uint64_t now_ns, struct responder_session **out)
{
	struct responder_session *session;
	struct responder_source *source;
	uint64_t number, token;

	if (responder->stats.sessions >= responder->sessions_max &&
	    !TAILQ_EMPTY(&responder->unproven))
		responder_close(responder, TAILQ_FIRST(&responder->unproven));
	if (responder->stats.sessions >= responder->sessions_max) {
		responder->stats.refused_opens++;
		return -EBUSY;
	}
	number = responder_draw_number(responder);
	token = responder_draw_number(responder);
	if (number == 0 || token == 0)
		return -EIO;
	source = responder_source_get(responder, &request->remote, now_ns);
	session = calloc(1, sizeof(*session));
	if (!source || !session) {
		free(session);
		return -ENOMEM;
	}
	session->source = source;
	session->number = number;
	session->token = token;
	session->request = *request;
	session->last_ns = now_ns;
	TAILQ_INIT(&session->held);
	responder_source_hold(responder, source);
	responder_link(responder, session);
	TAILQ_INSERT_TAIL(&responder->order, session, in_order);
	TAILQ_INSERT_TAIL(&responder->unproven, session, in_unproven);
	responder->stats.sessions++;
	responder->stats.opened++;
	responder_tables_grow(responder);
	*out = session;
	return 0;
}

/*
 * The present session of the same prober, or NULL. A prober that knows CHALLENGE must know its
 * number, which nobody else may be told.
 */
static struct responder_session *
responder_find_request(const struct responder *responder,
		       const struct responder_open_request *request)
{
	struct responder_session *session = NULL;

	while ((session = responder_next_like(responder, request, session)))
		if (responder_is_same_prober(request, &session->request) &&
		    (!request->challenge || session->number == request->session))
			return session;
	return NULL;
}

int
responder_open(struct responder *responder, const struct responder_open_request *request,
	       uint64_t now_ns, uint64_t *session_number)
{
	const struct responder_source *source = responder_source_find(responder, &request->remote);
	struct responder_session *session;

	if (!responder_is_allowed(responder, &request->remote)) {
		responder->stats.refused_network++;
		return -EACCES;
	}
	if (source && responder_is_outdated(request, source, now_ns)) {
		responder->stats.refused_opens++;
		return -EBUSY;
	}
	responder_expire_sessions(responder, now_ns);
	session = responder_find_request(responder, request);
	if (session) {
		session->request = *request;
		responder_touch(responder, session, now_ns);
	} else {
		int err;

		responder_limit_unproven(responder, request);
		err = responder_session_new(responder, request, now_ns, &session);
		if (err < 0)
			return err;
	}
	*session_number = session->number;
	return 0;
}

void
responder_close_device(struct responder *responder, void *device_user)
{
	struct responder_session *session = TAILQ_FIRST(&responder->order);

	while (session) {
		struct responder_session *next = TAILQ_NEXT(session, in_order);

		if (session->request.device_user == device_user)
			responder_close(responder, session);
		session = next;
	}
}
