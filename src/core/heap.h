/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary min-heap of nodes that are parts of other structures (the prober keeps its timers in one).
 * heap_set() and heap_remove() take O(log n). A heap of all zeros is empty; a node of all zeros is
 * outside any heap.
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

/* Makes room for n nodes, so that heap_set() cannot fail. Returns 0, or -ENOMEM. */
int heap_reserve(struct heap *heap, uint32_t n);
/* Frees the heap's array, but not the nodes. */
void heap_clear(struct heap *heap);

/* Inserts the node, or gives it another key. The caller has made room with heap_reserve(). */
void heap_set(struct heap *heap, struct heap_node *node, uint64_t key);
/* Removes the node. Does nothing if the node is outside the heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the smallest key, or NULL if the heap is empty. */
static inline struct heap_node *
heap_first(const struct heap *heap)
{
	return heap->n ? heap->node[0] : NULL;
}

#endif
