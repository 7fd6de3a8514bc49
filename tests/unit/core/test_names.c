/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How lookups wait, end and are cancelled, with a getaddrinfo(3) of the test's own; what the C
 * library's answers is in tests/cli/names.sh.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/addr.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/names.h"

static struct loop *loop;
static struct names *names;
static struct loop_timer *watchdog;
static int answers, wanted;
static char found_address[ADDR_TEXT], found_reason[128], found_all_text[128];
static sem_t silent_asked, silent_ends;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int asked, at_once, at_once_max;

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		       struct addrinfo **out);
void __wrap_freeaddrinfo(struct addrinfo *list);
int __wrap_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host, socklen_t host_size,
		       char *service, socklen_t service_size, int flags);

static struct addrinfo *
zone_add(struct addrinfo *next, int family, const char *text)
{
	struct addrinfo *ai = calloc(1, sizeof(*ai));
	struct sockaddr_storage *ss = calloc(1, sizeof(*ss));
	struct addr addr;

	if (!ai || !ss || addr_parse(text, &addr) < 0)
		abort();
	ai->ai_family = family;
	ai->ai_addrlen = addr_to_sockaddr(&addr, 0, ss);
	ai->ai_addr = (struct sockaddr *)ss;
	ai->ai_next = next;
	return ai;
}

static int
zone(const char *name, struct addrinfo **out)
{
	*out = NULL;
	if (strcmp(name, "nobody") == 0)
		return EAI_NONAME;
	if (strcmp(name, "silent") == 0) {
		sem_post(&silent_asked);
		sem_wait(&silent_ends);
		return EAI_AGAIN;
	}
	if (strcmp(name, "slow") == 0)
		usleep(20000);
	if (strcmp(name, "six") != 0)
		*out = zone_add(*out, AF_INET, "192.0.2.1");
	if (strcmp(name, "six") == 0 || strcmp(name, "both") == 0)
		*out = zone_add(*out, AF_INET6,
				"2001:db8::1"); /* comes first, as RFC 6724 has it */
	return 0;
}

int
__wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		   struct addrinfo **out)
{
	int rc;

	if (service || hints->ai_family != AF_UNSPEC)
		abort();
	pthread_mutex_lock(&lock);
	asked++;
	at_once++;
	if (at_once > at_once_max)
		at_once_max = at_once;
	pthread_mutex_unlock(&lock);
	rc = zone(name, out);
	pthread_mutex_lock(&lock);
	at_once--;
	pthread_mutex_unlock(&lock);
	return rc;
}

void
__wrap_freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list->ai_addr);
		free(list);
		list = next;
	}
}

int
__wrap_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host, socklen_t host_size,
		   char *service, socklen_t service_size, int flags)
{
	char text[ADDR_TEXT];
	struct addr addr;

	(void)service_size;
	if (service || flags != NI_NAMEREQD || addr_from_sockaddr(sa, &addr) < 0 ||
	    len != (addr_is_v4(&addr) ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)))
		abort();
	addr_text(&addr, text);
	if (strcmp(text, "192.0.2.7") == 0)
		return EAI_AGAIN;
	if (strcmp(text, "192.0.2.1") != 0 && strcmp(text, "2001:db8::1") != 0)
		return EAI_NONAME;
	snprintf(host, host_size, "%s.example", addr_is_v4(&addr) ? "leaf1" : "spine1");
	return 0;
}

static void
too_long(void *arg)
{
	(void)arg;
	strcpy(found_reason, "TIMEOUT");
	loop_stop(loop);
}

static int
setup(void **state)
{
	(void)state;
	answers = asked = at_once_max = 0;
	wanted = 1;
	found_address[0] = found_reason[0] = '\0';
	sem_init(&silent_asked, 0, 0);
	sem_init(&silent_ends, 0, 0);
	if (loop_new(&loop) < 0 ||
	    loop_timer_new(loop, "watchdog", too_long, NULL, &watchdog) < 0)
		return -1;
	loop_timer_set(watchdog, 60 * NSEC_PER_SEC);
	return names_new(loop, &names);
}

static int
teardown(void **state)
{
	(void)state;
	names_free(names);
	loop_timer_free(watchdog);
	loop_free(loop);
	return 0;
}

static void
found(void *arg, const struct addr *addr, const char *reason)
{
	assert_ptr_equal(arg, &answers);
	if (addr)
		addr_text(addr, found_address);
	else
		snprintf(found_reason, sizeof(found_reason), "%s", reason);
	if (++answers == wanted)
		loop_stop(loop);
}

static void
find_keep(const char *name, const char *keep, const char *address)
{
	struct names_lookup *lookup;
	struct addr kept;

	answers = 0;
	found_address[0] = '\0';
	assert_true(!keep || addr_parse(keep, &kept) == 0);
	assert_int_equal(
		names_find(names, name, keep ? &kept : NULL, found, &answers, &lookup), 0);
	if (!answers) {
		assert_non_null(lookup);
		assert_int_equal(loop_run(loop), 0);
	} else {
		assert_null(lookup);
	}
	assert_int_equal(answers, 1);
	assert_string_equal(found_address, address);
}

static void
find(const char *name, const char *address)
{
	find_keep(name, NULL, address);
}

/* Before the semaphores that they wait for are made anew. */
static void
wait_for_workers(void)
{
	for (bool busy = true; busy;) {
		usleep(1000);
		pthread_mutex_lock(&lock);
		busy = at_once > 0;
		pthread_mutex_unlock(&lock);
	}
}

static void
test_address(void **state)
{
	(void)state;
	find("192.0.2.3", "192.0.2.3");
	find("fd00::1", "fd00::1");
	assert_int_equal(asked, 0);
}

static void
test_name(void **state)
{
	(void)state;
	find("four", "192.0.2.1");
	find("six", "2001:db8::1");
	find("both", "192.0.2.1");
	find("four", "192.0.2.1");
	assert_int_equal(asked, 4); /* nothing is remembered */
}

/* An address that the name still has is kept, whatever the order that a server gives. */
static void
test_kept(void **state)
{
	(void)state;
	find_keep("both", "2001:db8::1", "2001:db8::1");
	find_keep("both", "192.0.2.1", "192.0.2.1");
	find_keep("both", "192.0.2.9", "192.0.2.1");
	find_keep("six", "192.0.2.1", "2001:db8::1");
	find_keep("nobody", "192.0.2.1", "");
}

static void
found_all(void *arg, const struct addr *addrs, size_t n, const char *reason)
{
	char text[ADDR_TEXT];

	assert_ptr_equal(arg, &answers);
	for (size_t i = 0; i < n; i++)
		strcat(strcat(found_all_text, addr_text(&addrs[i], text)), " ");
	if (reason)
		strcpy(found_all_text, reason);
	answers++;
	loop_stop(loop);
}

/* All addresses, in the order of getaddrinfo(3). */
static void
test_all(void **state)
{
	static const char *const cases[][2] = {
		{"both", "2001:db8::1 192.0.2.1 "},
		{"six", "2001:db8::1 "},
		{"192.0.2.3", "192.0.2.3 "},
	};
	struct names_lookup *lookup;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		found_all_text[0] = '\0';
		answers = 0;
		assert_int_equal(
			names_find_all(names, cases[i][0], found_all, &answers, &lookup), 0);
		if (!answers)
			loop_run(loop);
		assert_string_equal(found_all_text, cases[i][1]);
	}
	assert_int_equal(names_find_all(names, "nobody", found_all, &answers, &lookup), 0);
	loop_run(loop);
	assert_string_equal(found_all_text, gai_strerror(EAI_NONAME));
}

static void
found_name(void *arg, const char *name, const char *reason)
{
	assert_ptr_equal(arg, &answers);
	assert_true(!name || !reason);
	snprintf(found_reason, sizeof(found_reason), "%s",
		 name ? name : reason ? reason : "nobody");
	answers++;
	loop_stop(loop);
}

/* The name of an address; the host's own resolver is not asked. */
static void
test_reverse(void **state)
{
	const char *const cases[][2] = {
		{"192.0.2.1", "leaf1.example"},
		{"2001:db8::1", "spine1.example"},
		{"192.0.2.9", "nobody"},
		{"192.0.2.7", gai_strerror(EAI_AGAIN)},
	};
	struct names_lookup *lookup;
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		answers = 0;
		addr_parse(cases[i][0], &addr);
		assert_int_equal(names_reverse(names, &addr, found_name, &answers, &lookup), 0);
		assert_int_equal(loop_run(loop), 0);
		assert_int_equal(answers, 1);
		assert_string_equal(found_reason, cases[i][1]);
	}
}

static void
test_unknown(void **state)
{
	(void)state;
	find("nobody", "");
	assert_string_equal(found_reason, gai_strerror(EAI_NONAME));
	find("four", "192.0.2.1");
}

/* Names whose server is silent hold up neither the loop nor, while there are few, others. */
static void
test_silent(void **state)
{
	struct names_lookup *lookup;

	(void)state;
	assert_int_equal(names_find(names, "silent", NULL, found, &answers, &lookup), 0);
	sem_wait(&silent_asked);
	find("four", "192.0.2.1");
	answers = 0;
	sem_post(&silent_ends);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(found_reason, gai_strerror(EAI_AGAIN));
}

/* All are answered, a bounded number is asked at a time. */
static void
test_many(void **state)
{
	struct names_lookup *lookup;

	(void)state;
	wanted = 200;
	for (int i = 0; i < wanted; i++)
		assert_int_equal(names_find(names, "slow", NULL, found, &answers, &lookup), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(answers, 200);
	assert_in_range(at_once_max, 2, 8);
}

/* What is cancelled is not called back, whether it waits, is asked, or has been answered. */
static void
test_cancelled(void **state)
{
	struct names_lookup *lookup;

	(void)state;
	assert_int_equal(names_find(names, "silent", NULL, found, &answers, &lookup), 0);
	sem_wait(&silent_asked);
	names_cancel(lookup);
	names_cancel(NULL);
	sem_post(&silent_ends);
	assert_int_equal(names_find(names, "slow", NULL, found, &answers, &lookup), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(answers, 1);
	assert_string_equal(found_address, "192.0.2.1");
	wait_for_workers();
}

/* What is cancelled before it is asked for is not asked for: it keeps nobody waiting. */
static void
test_cancelled_waiting(void **state)
{
	struct names_lookup *lookup[20], *slow;

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(names_find(names, "silent", NULL, found, &answers, &lookup[i]), 0);
	assert_int_equal(names_find(names, "slow", NULL, found, &answers, &slow), 0);
	for (int i = 0; i < 8; i++)
		sem_wait(&silent_asked);
	for (int i = 0; i < 20; i++)
		names_cancel(lookup[i]);
	for (int i = 0; i < 8; i++)
		sem_post(&silent_ends);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(found_address, "192.0.2.1");
	wait_for_workers();
	assert_int_equal(asked, 9);
}

/* The end does not wait for a silent server; its worker frees what is left. */
static void
test_freed(void **state)
{
	struct names_lookup *lookup;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(names_find(names, "silent", NULL, found, &answers, &lookup), 0);
		if (i < 8)
			sem_wait(&silent_asked);
		if (i % 2 == 0)
			names_cancel(lookup);
	}
	names_free(names);
	names = NULL;
	for (int i = 0; i < 8; i++)
		sem_post(&silent_ends);
	/* The workers that waited end; the twelve that were never asked are not asked now. */
	wait_for_workers();
	assert_int_equal(asked, 8);
	assert_int_equal(answers, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reverse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freed, setup, teardown),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
