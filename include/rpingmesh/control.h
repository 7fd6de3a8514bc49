/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rpingmeshd and its clients agree on beside MessagePack-RPC itself. The methods, with their
 * parameters and answers, are in rpingmesh-control(7), the records with each key in
 * rpingmesh-records(5): man/rpingmesh-control.7 and man/rpingmesh-records.5, which
 * tests/doc/records_doc.sh compares with the code. A record is a map with string keys and a
 * "type"; keys are added, never renamed; a reader skips keys that it does not know.
 */
#ifndef RPINGMESH_INCLUDE_CONTROL_H
#define RPINGMESH_INCLUDE_CONTROL_H

#define CONTROL_SOCKET_DEFAULT "/run/rpingmesh/rpingmeshd.sock"
#define CONTROL_SCHEMA 1

/* First elements of MessagePack-RPC frames. */
#define CONTROL_RPC_REQUEST 0
#define CONTROL_RPC_RESPONSE 1
#define CONTROL_RPC_NOTIFICATION 2

#endif
