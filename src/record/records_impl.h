/* SPDX-License-Identifier: Apache-2.0 */
/* Macros for the table of records. There is an array for each map, ended by END. */
#ifndef RPINGMESH_RECORD_RECORDS_IMPL_H
#define RPINGMESH_RECORD_RECORDS_IMPL_H

#include <stddef.h>

#include "record/records.h"

#define RECORDS_DECLARE(upper, lower) extern const struct record_field records_##lower[];
RECORDS(RECORDS_DECLARE)

#define FIELD(name_, type_, meaning_, ...) \
	{.name = name_, .type = type_, .meaning = meaning_, __VA_ARGS__}
#define INCLUDE(map, meaning_, ...) \
	{.include = RECORD_##map, .type = "map", .meaning = meaning_, __VA_ARGS__}
#define CLASSES {.classes = true, .type = "integer", .meaning = ""}
#define END {.type = NULL}

#define NS UNIT("ns")
#define UNIT(unit_) .unit = unit_
#define RANGE(min_, max_) .min = min_, .max = max_
#define WORDS(table) .words = RECORD_WORDS_##table
#define ONE_OF(words) .one_of = words
#define ONLY(when) .only = when
#define SINCE(version) .since = version

#define TYPE(name_) FIELD("type", "string", "The kind of the record.", ONE_OF(name_))
#define SCHEMA FIELD("schema", "integer", "The version of all records.", RANGE(1, 1))

#endif
