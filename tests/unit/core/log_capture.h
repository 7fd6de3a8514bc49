/* SPDX-License-Identifier: Apache-2.0 */
/* What a test writes to stderr. */
#ifndef RPINGMESH_TESTS_LOG_CAPTURE_H
#define RPINGMESH_TESTS_LOG_CAPTURE_H

void capture_begin(void);

/* What was written to stderr since capture_begin(); valid until the next call. */
const char *capture_end(void);

#endif
