/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next attempt to connect. Pure. */
#ifndef RPINGMESH_BUS_BUS_BACKOFF_H
#define RPINGMESH_BUS_BUS_BACKOFF_H

#include <stdint.h>

/*
 * The number of failures in a row, after one more, which followed a connection that lasted
 * lasted_ns (0: there was none). A connection of a minute or more was a good one. All hosts lose it
 * at the same time if the broker ends, so they spread over two seconds.
 */
unsigned int bus_backoff_count(unsigned int failures, uint64_t lasted_ns);

/*
 * A random time, so that hosts do not come all at once: from 0.1 s to a bound that is 1 s after the
 * first failure, doubles with each further one, and is 60 s at most. `random` may be any number.
 */
uint64_t bus_backoff_ns(unsigned int failures, uint32_t random);

#endif
