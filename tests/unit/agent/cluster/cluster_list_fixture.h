/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pinglist of a host whose ports and peers are the test's: host.a with the port rxe0/1 of
 * 10.0.0.1. Each test has a directory of its own.
 */
#ifndef RPINGMESH_TESTS_CLUSTER_LIST_FIXTURE_H
#define RPINGMESH_TESTS_CLUSTER_LIST_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/base/self.h"
#include "agent/cluster/cluster_list.h"
#include "agent/config/config.h"
#include "agent/nic/nic.h"
#include "agent/peer/peer.h"
#include "core/clock.h"
#include "core/loop.h"
#include "record/drain.h"
#include "record/pinglist.h"

#define ADDED_MAX (CLUSTER_TARGETS_MAX + 16)
#define YEAR_NS (UINT64_C(365) * 86400 * NSEC_PER_SEC)

extern struct cluster_list *list;
extern struct cluster_list_status status; /* as of the last wait_until() */
extern char directory[64], path[96];      /* the path of the file, in that directory */
extern const struct timespec long_ago[2];

/* What the test decides. */
extern bool has_port;
extern int add_rc;
extern size_t n_targets;                  /* of the next list */

/* What the peers got: lists, and the entries of the last one. */
extern unsigned int lists, n_added;
extern char added[ADDED_MAX][ADDR_TEXT];
extern struct peer_listed last;
extern uint32_t slow;
extern unsigned int n_usual;              /* how often the usual rates came back */

/* What some of the conditions below compare with. */
extern unsigned int lists_before;
extern uint64_t taken_before_ns;
extern ino_t kept_before;

struct pinglist_target *target(const char *address);
void pack(msgpack_sbuffer *out, const char *host, uint64_t generation, const char *device);
void hear_as(const char *host, uint64_t generation, const char *device);
void hear(uint64_t generation);
void beat(void);
void wait_until(bool (*fn)(void));
bool is_applied(void);
bool is_slow(void);
bool is_taken_again(void);
bool is_kept(void);
struct stat kept_stat(void);
ino_t inode(void);
bool is_gone(void);
void configure(const char *more);
int list_setup(void **state);
int list_teardown(void **state);

/* For main(): before and after all tests; the second returns the status of the program. */
int fixture_begin(void);
int fixture_end(int rc);

#define list_test(fn) cmocka_unit_test_setup_teardown(fn, list_setup, list_teardown)

#endif
