/* SPDX-License-Identifier: Apache-2.0 */
#include "core/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int
heap_reserve(struct heap *heap, uint32_t n)
{
	uint32_t room = heap->room ? heap->room : 64;
	struct heap_node **node;

	if (n <= heap->room)
		return 0;
	while (room < n)
		room *= 2;
	node = reallocarray(heap->node, room, sizeof(struct heap_node *));
	if (!node)
		return -ENOMEM;
	heap->node = node;
	heap->room = room;
	return 0;
}

void
heap_clear(struct heap *heap)
{
	free(heap->node);
	*heap = (struct heap){0};
}

static void
heap_place(struct heap *heap, uint32_t i, struct heap_node *node)
{
	heap->node[i] = node;
	node->position = i + 1;
}

static void
heap_up(struct heap *heap, uint32_t i, struct heap_node *node)
{
	while (i > 0 && heap->node[(i - 1) / 2]->key > node->key) {
		heap_place(heap, i, heap->node[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_place(heap, i, node);
}

static void
heap_down(struct heap *heap, uint32_t i, struct heap_node *node)
{
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child + 1 < heap->n && heap->node[child + 1]->key < heap->node[child]->key)
			child++;
		if (child >= heap->n || heap->node[child]->key >= node->key)
			break;
		heap_place(heap, i, heap->node[child]);
		i = child;
	}
	heap_place(heap, i, node);
}

static void
heap_settle(struct heap *heap, uint32_t i, struct heap_node *node)
{
	if (i > 0 && heap->node[(i - 1) / 2]->key > node->key)
		heap_up(heap, i, node);
	else
		heap_down(heap, i, node);
}

void
heap_set(struct heap *heap, struct heap_node *node, uint64_t key)
{
	uint32_t i = heap->n;

	node->key = key;
	if (node->position) {
		i = node->position - 1;
	} else {
		assert(heap->n < heap->room);
		heap->n++;
	}
	heap_settle(heap, i, node);
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
	uint32_t i = node->position - 1;
	struct heap_node *last;

	if (node->position == 0)
		return;
	node->position = 0;
	last = heap->node[--heap->n];
	if (last != node)
		heap_settle(heap, i, last);
}
