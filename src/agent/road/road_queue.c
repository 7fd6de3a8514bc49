/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/road/road_queue.h"

#include <stddef.h>

int
road_queue_reserve(struct road_queue *queue, uint32_t n)
{
	int rc = 0;

	for (int why = 0; rc == 0 && why < ROAD_WHY_N; why++)
		rc = heap_reserve(&queue->heap[why], n);
	return rc;
}

void
road_queue_clear(struct road_queue *queue)
{
	for (int why = 0; why < ROAD_WHY_N; why++)
		heap_clear(&queue->heap[why]);
}

static struct road_turn *
road_queue_first(const struct road_queue *queue, enum road_why why)
{
	struct heap_node *node = heap_first(&queue->heap[why]);

	return node ? (struct road_turn *)((char *)node - offsetof(struct road_turn, node)) : NULL;
}

void
road_queue_put(struct road_queue *queue, struct road_turn *turn, enum road_why why, uint64_t at_ns)
{
	if (turn->node.position && turn->why < why)
		return;
	road_queue_remove(queue, turn);
	turn->why = why;
	heap_set(&queue->heap[why], &turn->node, at_ns);
}

void
road_queue_remove(struct road_queue *queue, struct road_turn *turn)
{
	heap_remove(&queue->heap[turn->why], &turn->node);
}

struct road_turn *
road_queue_take(struct road_queue *queue, enum road_why last, uint64_t now_ns)
{
	for (int why = 0; why <= (int)last; why++) {
		struct road_turn *turn = road_queue_first(queue, (enum road_why)why);

		if (turn && turn->node.key <= now_ns) {
			road_queue_remove(queue, turn);
			return turn;
		}
	}
	return NULL;
}

uint64_t
road_queue_next_ns(const struct road_queue *queue, enum road_why last)
{
	uint64_t next_ns = UINT64_MAX;

	for (int why = 0; why <= (int)last; why++) {
		const struct road_turn *turn = road_queue_first(queue, (enum road_why)why);

		if (turn && turn->node.key < next_ns)
			next_ns = turn->node.key;
	}
	return next_ns;
}
