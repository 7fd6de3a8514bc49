/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: flowlist
 *
 * An answer lives until the next call, so each page is copied: packed into bytes of its own and decoded from them. The
 * records point into these.
 */
#include "ctl/flowlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/view.h"

struct flowlist_page {
	struct flowlist_page *next;
	msgpack_sbuffer bytes;
	msgpack_unpacked decoded;
};

static void
flowlist_page_free(struct flowlist_page *page)
{
	msgpack_unpacked_destroy(&page->decoded);
	msgpack_sbuffer_destroy(&page->bytes);
	free(page);
}

void
flowlist_free(struct flowlist *list)
{
	while (list->pages) {
		struct flowlist_page *page = list->pages;

		list->pages = page->next;
		flowlist_page_free(page);
	}
	free(list->flows);
	*list = (struct flowlist){0};
}

/* The copy belongs to the list. NULL: no memory. */
static const msgpack_object *
flowlist_copy(struct flowlist *list, const msgpack_object *flows)
{
	struct flowlist_page *page = calloc(1, sizeof(*page));
	msgpack_packer pk;
	size_t off = 0;

	if (!page)
		return NULL;
	msgpack_sbuffer_init(&page->bytes);
	msgpack_unpacked_init(&page->decoded);
	msgpack_packer_init(&pk, &page->bytes, msgpack_sbuffer_write);
	if (msgpack_pack_object(&pk, *flows) < 0 ||
	    msgpack_unpack_next(&page->decoded, page->bytes.data, page->bytes.size, &off) != MSGPACK_UNPACK_SUCCESS) {
		flowlist_page_free(page);
		return NULL;
	}
	page->next = list->pages;
	list->pages = page;
	return &page->decoded.data;
}

static bool
flowlist_is_remote(const msgpack_object *flow, const char *remote)
{
	char text[256];
	struct addr wanted, is;

	if (view_text(flow, "hostname", text, sizeof(text)) && strcasecmp(text, remote) == 0)
		return true;
	if (!view_text(flow, "dst_gid", text, sizeof(text)))
		return false;
	return addr_parse(remote, &wanted) == 0 && addr_parse(text, &is) == 0 ? addr_equal(&wanted, &is)
									       : strcmp(text, remote) == 0;
}

static bool
flowlist_has_pid(const msgpack_object *flow, const char *key, uint64_t pid)
{
	const msgpack_object *list = view_array(flow, key);
	uint64_t n;

	for (uint32_t i = 0; list && i < list->via.array.size; i++)
		if (view_u64(&list->via.array.ptr[i], "pid", &n) && n == pid)
			return true;
	return false;
}

static bool
flowlist_has_job(const msgpack_object *flow, const char *job)
{
	const msgpack_object *owners = view_array(flow, "owners");

	for (uint32_t i = 0; owners && i < owners->via.array.size; i++)
		if (view_is(&owners->via.array.ptr[i], "job", job))
			return true;
	return false;
}

static bool
flowlist_wants(const struct flowlist_filter *filter, const msgpack_object *flow)
{
	if (filter->device && !view_is(flow, "device", filter->device))
		return false;
	if (filter->remote && !flowlist_is_remote(flow, filter->remote))
		return false;
	if (filter->job && !flowlist_has_job(flow, filter->job))
		return false;
	/* Not all owners need to be listed, nor all QPs. */
	return !filter->has_pid || flowlist_has_pid(flow, "owners", filter->pid) || flowlist_has_pid(flow, "qps", filter->pid);
}

static int
flowlist_reserve(struct flowlist *list, size_t more)
{
	size_t room = list->room ? list->room : FLOWLIST_PAGE;
	const msgpack_object **flows;

	while (room < list->n + more)
		room *= 2;
	if (room == list->room)
		return 0;
	flows = reallocarray(list->flows, room, sizeof(*flows));
	if (!flows)
		return -ENOMEM;
	list->flows = flows;
	list->room = room;
	return 0;
}

static int
flowlist_add(struct flowlist *list, const struct flowlist_filter *filter, const msgpack_object *answer)
{
	const msgpack_object *flows = flowlist_copy(list, answer);

	if (!flows || flowlist_reserve(list, flows->via.array.size) < 0) {
		ctl_complain("out of memory");
		return CTL_BAD_NEWS;
	}
	for (uint32_t i = 0; i < flows->via.array.size; i++)
		if (flowlist_wants(filter, &flows->via.array.ptr[i]))
			list->flows[list->n++] = &flows->via.array.ptr[i];
	list->all += flows->via.array.size;
	return CTL_OK;
}

static int
flowlist_ask(struct client *client, uint64_t after, const msgpack_object **out)
{
	msgpack_sbuffer param;
	msgpack_packer pk;
	int rc;

	msgpack_sbuffer_init(&param);
	msgpack_packer_init(&pk, &param, msgpack_sbuffer_write);
	msgpack_pack_map(&pk, after ? 2 : 1);
	client_pack_str(&pk, "limit");
	msgpack_pack_uint64(&pk, FLOWLIST_PAGE);
	if (after) {
		client_pack_str(&pk, "after");
		msgpack_pack_uint64(&pk, after);
	}
	rc = client_call(client, "flows", &param, out);
	msgpack_sbuffer_destroy(&param);
	return rc;
}

static int
flowlist_strange(const char *what)
{
	ctl_complain("the daemon's answer to \"flows\" %s: its version does not fit this program", what);
	return CTL_NO_DAEMON;
}

/* Takes one page. *after: where it ended; 0: it was the last. */
static int
flowlist_take(struct client *client, const struct flowlist_filter *filter, struct flowlist *list, uint64_t *after)
{
	const msgpack_object *answer = NULL, *flows;
	uint64_t next = 0;
	int rc = flowlist_ask(client, *after, &answer);

	if (rc != CTL_OK)
		return rc;
	flows = view_array(answer, "flows");
	if (!flows || (view_find(answer, "next") && !view_u64(answer, "next", &next)))
		return flowlist_strange("is no list of flows");
	/* Each page must bring us on, or we would ask for ever. */
	if (next && (next <= *after || flows->via.array.size == 0 || list->all + flows->via.array.size > FLOWLIST_MAX))
		return flowlist_strange("never ends");
	rc = flowlist_add(list, filter, flows);
	*after = next;
	return rc;
}

struct flowlist_badness
flowlist_badness(const msgpack_object *flow)
{
	const msgpack_object *recent = view_map(flow, "recent");
	struct flowlist_badness badness = {.loss = -1};

	view_double(recent, "lost_ratio", &badness.loss);
	view_u64(recent, "rtt_p99_ns", &badness.rtt_ns);
	return badness;
}

int
flowlist_compare(const struct flowlist_badness *a, const struct flowlist_badness *b)
{
	if (a->loss > b->loss || a->loss < b->loss)
		return a->loss > b->loss ? -1 : 1;
	if (a->rtt_ns != b->rtt_ns)
		return a->rtt_ns > b->rtt_ns ? -1 : 1;
	return 0;
}

struct flowlist_order {
	const msgpack_object *flow;
	struct flowlist_badness badness;
	size_t index; /* in the answers, so that equals keep their places */
};

static int
flowlist_order(const void *a, const void *b)
{
	const struct flowlist_order *x = a, *y = b;
	int order = flowlist_compare(&x->badness, &y->badness);

	return order ? order : x->index < y->index ? -1 : 1;
}

static int
flowlist_sort(struct flowlist *list)
{
	struct flowlist_order *order = calloc(list->n ? list->n : 1, sizeof(*order));

	if (!order) {
		ctl_complain("out of memory");
		return CTL_BAD_NEWS;
	}
	for (size_t i = 0; i < list->n; i++)
		order[i] = (struct flowlist_order){list->flows[i], flowlist_badness(list->flows[i]), i};
	qsort(order, list->n, sizeof(*order), flowlist_order);
	for (size_t i = 0; i < list->n; i++)
		list->flows[i] = order[i].flow;
	free(order);
	return CTL_OK;
}

int
flowlist_fetch(struct client *client, const struct flowlist_filter *filter, struct flowlist *out)
{
	uint64_t after = 0;
	int rc;

	*out = (struct flowlist){0};
	do
		rc = flowlist_take(client, filter, out, &after);
	while (rc == CTL_OK && after);
	if (rc == CTL_OK)
		rc = flowlist_sort(out);
	if (rc != CTL_OK)
		flowlist_free(out);
	return rc;
}
