/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual time, and what the tested code takes for its loop, its clocks and its name server. Each
 * process has a wall clock of its own. Memory is counted for the process that runs, through the
 * linker's --wrap, which also gives it random numbers of the seed and a host name.
 */
#include "fleet.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/loop.h"
#include "core/names.h"

struct fleet_time fleet_time;
bool fleet_trace;
char fleet_failed[256];
static uint64_t random_state;

struct loop_timer {
	struct fleet_event event;
};

/* ---- the seed ---- */

void
fleet_random_begin(uint64_t seed)
{
	random_state = seed * 0x2545f4914f6cdd1du + 1;
}

uint64_t
fleet_random(uint64_t below)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (x ^ x >> 31) % below;
}

bool
fleet_chance(uint64_t n)
{
	return fleet_random(n) == 0;
}

void
fleet_say(const char *fmt, ...)
{
	va_list ap;

	if (!fleet_trace)
		return;
	printf("# %10.3f %-10s ", (double)fleet_time.now_ns / SEC,
	       fleet_time.running ? fleet_time.running->name : "");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void
fleet_broken(const char *fmt, ...)
{
	va_list ap;

	if (fleet_failed[0])
		return;
	va_start(ap, fmt);
	vsnprintf(fleet_failed, sizeof(fleet_failed), fmt, ap);
	va_end(ap);
	fleet_say("BROKEN: %s", fleet_failed);
}

/* ---- time ---- */

void
fleet_time_begin(uint64_t wall_ns)
{
	fleet_time = (struct fleet_time){.now_ns = 1000 * SEC, .wall_ns = wall_ns};
}

void
fleet_time_end(void)
{
	heap_clear(&fleet_time.heap);
}

void
fleet_event_in(struct fleet_event *event, uint64_t delay_ns)
{
	struct loop *running = fleet_time.running;

	fleet_time.running = NULL; /* the memory is not that of the tested code */
	if (heap_reserve(&fleet_time.heap, fleet_time.heap.n + 1) < 0)
		abort();
	fleet_time.running = running;
	event->seq = ++fleet_time.seq;
	/* The sequence decides between two events of one microsecond. */
	heap_set(&fleet_time.heap, &event->node,
		 ((fleet_time.now_ns + delay_ns + 999) / 1000 << 24) + (event->seq & 0xffffff));
}

void
fleet_event_clear(struct fleet_event *event)
{
	heap_remove(&fleet_time.heap, &event->node);
}

void
fleet_run(uint64_t until_ns)
{
	struct heap_node *first;

	while ((first = heap_first(&fleet_time.heap)) && (first->key >> 24) * 1000 <= until_ns) {
		struct fleet_event *event = (struct fleet_event *)(void *)first;

		if (fleet_time.now_ns < (first->key >> 24) * 1000)
			fleet_time.now_ns = (first->key >> 24) * 1000;
		heap_remove(&fleet_time.heap, first);
		fleet_time.running = event->loop;
		event->fn(event->arg);
		fleet_time.running = NULL;
	}
	if (fleet_time.now_ns < until_ns)
		fleet_time.now_ns = until_ns;
}

/* ---- core/clock.h ---- */

uint64_t
clock_mono_ns(void)
{
	return fleet_time.now_ns;
}

uint64_t
clock_wall_ns(void)
{
	int64_t off_ns = fleet_time.running ? fleet_time.running->clock_off_ns : 0;

	return fleet_wall_ns() + (uint64_t)off_ns;
}

bool
clock_wall_offset(int64_t *out)
{
	*out = (int64_t)(clock_wall_ns() - clock_mono_ns());
	return true;
}

uint64_t
clock_wall_of(uint64_t mono_ns)
{
	return mono_ns + (clock_wall_ns() - clock_mono_ns());
}

/* ---- core/loop.h ---- */

int
loop_timer_new(struct loop *loop, const char *name, void (*cb)(void *arg), void *arg,
	       struct loop_timer **out)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	(void)name;
	if (!timer)
		return -ENOMEM;
	timer->event = (struct fleet_event){.fn = cb, .arg = arg, .loop = loop};
	*out = timer;
	return 0;
}

void
loop_timer_set(struct loop_timer *timer, uint64_t delay_ns)
{
	fleet_event_in(&timer->event, delay_ns);
}

/* Each event has a time of its own here. */
int
loop_timer_take_turns(struct loop_timer *timer)
{
	(void)timer;
	return 0;
}

void
loop_timer_clear(struct loop_timer *timer)
{
	fleet_event_clear(&timer->event);
}

void
loop_timer_free(struct loop_timer *timer)
{
	if (timer)
		fleet_event_clear(&timer->event);
	free(timer);
}

/* ---- core/names.h ---- */

int
names_find_all(struct names *names, const char *name,
	       void (*found)(void *arg, const struct addr *addrs, size_t n, const char *reason),
	       void *arg, struct names_lookup **out)
{
	struct addr addr;

	(void)names;
	*out = NULL;
	if (addr_parse(name, &addr) < 0)
		return -EINVAL;
	found(arg, &addr, 1, NULL);
	return 0;
}

void
names_cancel(struct names_lookup *lookup)
{
	(void)lookup;
}

/* ---- memory and chance ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *p);
ssize_t __wrap_getrandom(void *buf, size_t size, unsigned int flags);
int __wrap_gethostname(char *name, size_t size);

/* Notes that the running process has p. */
static void *
fleet_count(void *p)
{
	struct loop *running = p ? fleet_time.running : NULL;

	if (running)
		running->allocated += malloc_usable_size(p);
	if (running && running->allocated > running->most_allocated)
		running->most_allocated = running->allocated;
	return p;
}

static void
fleet_uncount(void *p)
{
	if (p && fleet_time.running)
		fleet_time.running->allocated -= malloc_usable_size(p);
}

void *
__wrap_malloc(size_t size)
{
	return fleet_count(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fleet_count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	fleet_uncount(p);
	return fleet_count(__real_realloc(p, size));
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	fleet_uncount(p);
	return fleet_count(__real_reallocarray(p, n, size));
}

char *
__wrap_strdup(const char *text)
{
	return fleet_count(__real_strdup(text));
}

void
__wrap_free(void *p)
{
	fleet_uncount(p);
	__real_free(p);
}

void *
fleet_alloc(size_t size)
{
	void *p = __real_calloc(1, size);

	if (!p)
		abort();
	return p;
}

void
fleet_free(void *p)
{
	__real_free(p);
}

ssize_t
__wrap_getrandom(void *buf, size_t size, unsigned int flags)
{
	unsigned char *bytes = buf;

	(void)flags;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)fleet_random(256);
	return (ssize_t)size;
}

int
__wrap_gethostname(char *name, size_t size)
{
	snprintf(name, size, "%s", fleet_time.running ? fleet_time.running->name : "sim");
	return 0;
}
