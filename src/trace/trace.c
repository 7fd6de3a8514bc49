/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/trace.h"
