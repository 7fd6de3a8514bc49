/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/btf_mini.h"
