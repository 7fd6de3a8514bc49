/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between rpingmeshd and its clients, in addition to MessagePack-RPC itself.
 * rpingmesh-control(7) describes the methods with their parameters and answers;
 * rpingmesh-records(5) describes the records with all keys. tests/doc/records_doc.sh compares both
 * pages with the code. A record is a map with string keys and a "type". Later versions may add
 * keys, but never rename them; a reader skips unknown keys.
 */
#ifndef RPINGMESH_INCLUDE_CONTROL_H
#define RPINGMESH_INCLUDE_CONTROL_H

#define CONTROL_SOCKET_DEFAULT "/run/rpingmesh/rpingmeshd.sock"
#define CONTROL_SOCKET_CENTRAL "/run/rpingmesh/central.sock"
#define CONTROL_SCHEMA 1

/* First elements of MessagePack-RPC frames. */
#define CONTROL_RPC_REQUEST 0
#define CONTROL_RPC_RESPONSE 1
#define CONTROL_RPC_NOTIFICATION 2

#endif
