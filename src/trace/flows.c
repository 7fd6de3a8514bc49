/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/flows.h"
