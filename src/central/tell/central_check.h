/* SPDX-License-Identifier: Apache-2.0 */
/* The control methods of central/check. */
#ifndef RPINGMESH_CENTRAL_TELL_CENTRAL_CHECK_H
#define RPINGMESH_CENTRAL_TELL_CENTRAL_CHECK_H

struct control_call;

int central_check_method(const struct control_call *call);
int central_checked_method(const struct control_call *call);

#endif
