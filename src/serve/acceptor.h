/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts connections on a Unix socket: a few per wake-up, and with a pause without descriptors. */
#ifndef RPINGMESH_SERVE_ACCEPTOR_H
#define RPINGMESH_SERVE_ACCEPTOR_H

struct acceptor;
struct loop;

/*
 * fd listens, is non-blocking and stays the caller's. `take` gets each connection: non-blocking,
 * close-on-exec, and its own from then on. 0 and *out, or -errno.
 */
int acceptor_new(struct loop *loop, int fd, void (*take)(void *arg, int fd), void *arg,
		 struct acceptor **out);
/* NULL is allowed. */
void acceptor_free(struct acceptor *acceptor);

#endif
