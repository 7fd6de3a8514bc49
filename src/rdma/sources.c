/* SPDX-License-Identifier: Apache-2.0 */
#include "rdma/sources.h"
