/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view/flowlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"
#include "ctl/view/view.h"
#include "record/read.h"

#define FLOWLIST_ROOM 256u /* flows at first */

void
flowlist_free(struct flowlist *list)
{
	free(list->flows);
	*list = (struct flowlist){0};
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
	return addr_parse(remote, &wanted) == 0 && addr_parse(text, &is) == 0 ?
		       addr_equal(&wanted, &is) :
		       strcmp(text, remote) == 0;
}

static bool
flowlist_has_pid(const msgpack_object *flow, const char *key, uint64_t pid)
{
	const msgpack_object *list = read_array(flow, key);
	uint64_t n;

	for (uint32_t i = 0; list && i < list->via.array.size; i++)
		if (read_u64(&list->via.array.ptr[i], "pid", &n) && n == pid)
			return true;
	return false;
}

static bool
flowlist_has_job(const msgpack_object *flow, const char *job)
{
	const msgpack_object *owners = read_array(flow, "owners");

	for (uint32_t i = 0; owners && i < owners->via.array.size; i++)
		if (read_is(&owners->via.array.ptr[i], "job", job))
			return true;
	return false;
}

static bool
flowlist_wants(const struct flowlist_filter *filter, const msgpack_object *flow)
{
	if (filter->device && !read_is(flow, "device", filter->device))
		return false;
	if (filter->remote && !flowlist_is_remote(flow, filter->remote))
		return false;
	if (filter->job && !flowlist_has_job(flow, filter->job))
		return false;
	/* A record may lack some owners or some QPs, so search both lists. */
	return !filter->has_pid || flowlist_has_pid(flow, "owners", filter->pid) ||
	       flowlist_has_pid(flow, "qps", filter->pid);
}

static int
flowlist_reserve(struct flowlist *list, size_t more)
{
	size_t room = list->room ? list->room : FLOWLIST_ROOM;
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

int
flowlist_add(void *arg, const msgpack_object *flows)
{
	struct flowlist *list = arg;

	if (flowlist_reserve(list, flows->via.array.size) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < flows->via.array.size; i++)
		if (flowlist_wants(list->filter, &flows->via.array.ptr[i]))
			list->flows[list->n++] = &flows->via.array.ptr[i];
	list->all += flows->via.array.size;
	return 0;
}

struct flowlist_badness
flowlist_badness(const msgpack_object *flow)
{
	const msgpack_object *recent = read_map(flow, "recent");
	struct flowlist_badness badness = {.loss = -1};

	read_double(recent, "lost_ratio", &badness.loss);
	read_u64(recent, "rtt_p99_ns", &badness.rtt_ns);
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
	size_t index; /* in the answers, so that equal flows keep their order */
};

static int
flowlist_order(const void *a, const void *b)
{
	const struct flowlist_order *x = a, *y = b;
	int order = flowlist_compare(&x->badness, &y->badness);

	return order ? order : x->index < y->index ? -1 : 1;
}

int
flowlist_sort(struct flowlist *list)
{
	struct flowlist_order *order = calloc(list->n ? list->n : 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		order[i] = (struct flowlist_order){list->flows[i], flowlist_badness(list->flows[i]),
						   i};
	qsort(order, list->n, sizeof(*order), flowlist_order);
	for (size_t i = 0; i < list->n; i++)
		list->flows[i] = order[i].flow;
	free(order);
	return 0;
}
