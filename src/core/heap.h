/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary min-heap of nodes that live in other structures: the timers of the prober. Setting and
 * taking out cost O(log n). All zero is an empty heap and a node outside any heap.
 */
#ifndef RPINGMESH_CORE_HEAP_H
#define RPINGMESH_CORE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t key;
	uint32_t position; /* 1 + index; 0: outside */
};

struct heap {
	struct heap_node **node; /* borrowed */
	uint32_t n, room;
};

/* Makes room for n nodes, so that heap_set() cannot fail. 0, or -ENOMEM. */
int heap_reserve(struct heap *heap, uint32_t n);
void heap_clear(struct heap *heap);

/* Puts the node in, or moves it to another key. */
void heap_set(struct heap *heap, struct heap_node *node, uint64_t key);
/* Nothing if the node is outside. */
void heap_remove(struct heap *heap, struct heap_node *node);

static inline struct heap_node *
heap_first(const struct heap *heap)
{
	return heap->n ? heap->node[0] : NULL;
}

#endif
