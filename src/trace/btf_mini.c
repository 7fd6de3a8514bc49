/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/btf_mini.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MINI_TYPES 64
#define MINI_FIELDS 64
#define MINI_DEPTH \
	16 /* of typedefs, anonymous members and nested structs; a broken file may have loops */
#define MINI_OWN "qp_"
#define MINI_FLAVOUR "___"

/*
 * A type that the object names, with all its flavours, and the kernel's definition that has most of
 * its fields.
 */
struct mini_type {
	const char *name; /* borrowed from the object's BTF; its first len bytes */
	size_t len;
	uint32_t kind;
	const struct btf *btf; /* NULL: the kernel has no definition */
	uint32_t id;
	int score;
	int out; /* id in the small BTF; 0: not made yet; -1: being made, or cannot be made */
};

struct mini {
	const struct btf *object;
	struct btf *vmlinux, *module, *out;
	struct mini_type types[MINI_TYPES];
	int n;
	int depth;
	char *missing;
};

struct mini_field {
	const char *name;
	int type;
	uint32_t bits, bitfield;
};

struct mini_fields {
	struct mini_field list[MINI_FIELDS];
	int n;
};

/* A member's place in the kernel's struct. */
struct mini_member {
	uint32_t type, bits, bitfield;
};

/*
 * Normalises an error of reading a file. For a wrong format, libbpf returns EINVAL or numbers of
 * its own from 4000 on; for a truncated file, EIO.
 */
static int
mini_error(int err)
{
	return err >= 0 || err < -4000 || err == -EINVAL || err == -EIO ? -EBADMSG : err;
}

static const char *
mini_name(const struct btf *btf, uint32_t offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name ? name : "";
}

static size_t
mini_essential(const char *name)
{
	const char *flavour = strstr(name, MINI_FLAVOUR);

	return flavour && flavour > name ? (size_t)(flavour - name) : strlen(name);
}

static bool
mini_is_flavour(const char *name)
{
	return name[mini_essential(name)] != '\0';
}

/* Treats both kinds of enumerations as one; they differ in the size of the values only. */
static uint32_t
mini_kind(const struct btf_type *t)
{
	return btf_is_enum64(t) ? BTF_KIND_ENUM : btf_kind(t);
}

static bool
mini_is_named(const struct btf_type *t)
{
	return t->name_off && (btf_is_composite(t) || btf_is_any_enum(t));
}

static void
mini_lacks(struct mini *m, const char *type, size_t len, const char *member)
{
	size_t used = strlen(m->missing), room = BTF_MINI_MISSING - used;
	char text[BTF_MINI_MISSING];
	int n;

	n = snprintf(text, sizeof(text), "%s%.*s%s%s", used ? ", " : "", (int)len, type,
		     member ? "." : "", member ? member : "");
	if ((size_t)n + sizeof(", ...") <= room)
		strcpy(m->missing + used, text);
	else if (room >= sizeof(", ...") && (used < 3 || strcmp(m->missing + used - 3, "...") != 0))
		strcpy(m->missing + used, ", ...");
}

static struct mini_type *
mini_find(struct mini *m, const char *name, size_t len, uint32_t kind)
{
	for (int i = 0; i < m->n; i++) {
		struct mini_type *type = &m->types[i];

		if (type->name[0] == name[0] && type->kind == kind && type->len == len &&
		    strncmp(type->name, name, len) == 0)
			return type;
	}
	return NULL;
}

/* Collects the types that the object names. */
static int
mini_want(struct mini *m)
{
	for (uint32_t id = 1; id < btf__type_cnt(m->object); id++) {
		const struct btf_type *t = btf__type_by_id(m->object, id);
		const char *name = mini_name(m->object, t->name_off);
		size_t len = mini_essential(name);

		if (!mini_is_named(t) || strncmp(name, MINI_OWN, strlen(MINI_OWN)) == 0 ||
		    mini_find(m, name, len, mini_kind(t)))
			continue;
		if (m->n == MINI_TYPES)
			return -E2BIG;
		m->types[m->n++] =
			(struct mini_type){.name = name, .len = len, .kind = mini_kind(t)};
	}
	return 0;
}

/* The type behind typedefs and qualifiers; NULL if there is none. */
static const struct btf_type *
mini_resolve(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(btf, *id);

	for (int depth = 0; t && (btf_is_mod(t) || btf_is_typedef(t)); depth++) {
		if (depth == MINI_DEPTH)
			return NULL;
		*id = t->type;
		t = btf__type_by_id(btf, *id);
	}
	return t;
}

/* Searches for a member, also in anonymous members. */
static bool
mini_member(const struct btf *btf, const struct btf_type *t, const char *name, int depth,
	    struct mini_member *out)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *member = btf_members(t) + i;
		uint32_t id = member->type, bits = btf_member_bit_offset(t, i);
		const char *its_name = mini_name(btf, member->name_off);
		const struct btf_type *inner;

		if (strcmp(its_name, name) == 0) {
			*out = (struct mini_member){id, bits, btf_member_bitfield_size(t, i)};
			return true;
		}
		if (its_name[0] || depth == MINI_DEPTH)
			continue;
		inner = mini_resolve(btf, &id);
		if (inner && btf_is_composite(inner) &&
		    mini_member(btf, inner, name, depth + 1, out)) {
			out->bits += bits;
			return true;
		}
	}
	return false;
}

static bool
mini_enumerator(const struct btf *btf, const struct btf_type *t, const char *name, int64_t *value)
{
	size_t len = mini_essential(name);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		bool wide = btf_is_enum64(t);
		const char *its_name =
			mini_name(btf, wide ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off);

		if (strncmp(its_name, name, len) != 0 || its_name[len])
			continue;
		*value = wide ? (int64_t)btf_enum64_value(&btf_enum64(t)[i]) : btf_enum(t)[i].val;
		return true;
	}
	return false;
}

/* The name of the i-th member or enumerator. */
static const char *
mini_part(const struct btf *btf, const struct btf_type *t, uint32_t i)
{
	if (btf_is_composite(t))
		return mini_name(btf, btf_members(t)[i].name_off);
	return mini_name(btf,
			 btf_is_enum64(t) ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off);
}

static bool
mini_has_part(const struct btf *btf, const struct btf_type *t, const char *name)
{
	struct mini_member member;
	int64_t value;

	return btf_is_composite(t) ? mini_member(btf, t, name, 0, &member) :
				     mini_enumerator(btf, t, name, &value);
}

/* The object's next flavour of a type after id; 0: no more. */
static uint32_t
mini_next_flavour(const struct mini *m, const struct mini_type *type, uint32_t id)
{
	while (++id < btf__type_cnt(m->object)) {
		const struct btf_type *t = btf__type_by_id(m->object, id);
		const char *name = mini_name(m->object, t->name_off);

		if (mini_is_named(t) && mini_kind(t) == type->kind &&
		    mini_essential(name) == type->len && strncmp(name, type->name, type->len) == 0)
			return id;
	}
	return 0;
}

/* The number of wanted members that a definition has. */
static int
mini_score(const struct mini *m, const struct mini_type *type, const struct btf *btf,
	   const struct btf_type *t)
{
	int score = 0;

	for (uint32_t id = mini_next_flavour(m, type, 0); id; id = mini_next_flavour(m, type, id)) {
		const struct btf_type *wanted = btf__type_by_id(m->object, id);

		for (uint32_t i = 0; i < btf_vlen(wanted); i++)
			score += mini_has_part(btf, t, mini_part(m->object, wanted, i));
	}
	return score;
}

/* If several definitions have the same name, takes the first with the most wanted members. */
static void
mini_look(struct mini *m, const struct btf *btf, uint32_t from)
{
	for (uint32_t id = from; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		struct mini_type *type;
		const char *name;
		int score;

		if (!mini_is_named(t))
			continue;
		name = mini_name(btf, t->name_off);
		type = mini_find(m, name, strlen(name), mini_kind(t));
		if (!type)
			continue;
		score = mini_score(m, type, btf, t);
		if (type->btf && score <= type->score)
			continue;
		type->btf = btf;
		type->id = id;
		type->score = score;
	}
}

static int mini_emit(struct mini *m, struct mini_type *type);
static int mini_emit_member(struct mini *m, const struct btf *btf, uint32_t id);

static int
mini_emit_int(struct mini *m, uint32_t size, int encoding)
{
	char name[32];

	for (uint32_t id = 1; id < btf__type_cnt(m->out); id++) {
		const struct btf_type *t = btf__type_by_id(m->out, id);

		if (btf_is_int(t) && t->size == size && btf_int_encoding(t) == encoding)
			return (int)id;
	}
	snprintf(name, sizeof(name), "int%u_%d", size, encoding);
	return btf__add_int(m->out, name, size, encoding);
}

static int
mini_emit_array(struct mini *m, const struct btf *btf, const struct btf_array *array)
{
	int element = mini_emit_member(m, btf, array->type),
	    index = mini_emit_int(m, sizeof(uint32_t), 0);

	if (element < 0 || index < 0)
		return element < 0 ? element : index;
	return btf__add_array(m->out, index, element, array->nelems);
}

/*
 * Emits a struct, union or enum inside another. It must be the one that the look-up by name found.
 */
static int
mini_emit_named(struct mini *m, const struct btf *btf, const struct btf_type *t)
{
	const char *name = mini_name(btf, t->name_off);
	struct mini_type *type = mini_find(m, name, strlen(name), mini_kind(t));
	const struct btf_type *found =
		type && type->btf ? btf__type_by_id(type->btf, type->id) : NULL;

	if (!found || found->size != t->size)
		return -ENOENT;
	return mini_emit(m, type);
}

/* The type of a member in the small BTF, or -errno; -ENOENT: CO-RE cannot use this kind. */
static int
mini_emit_member(struct mini *m, const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = mini_resolve(btf, &id);
	int out = -ENOENT;

	if (!t || m->depth == MINI_DEPTH)
		return -ENOENT;
	m->depth++;
	if (btf_is_int(t))
		out = mini_emit_int(m, t->size, btf_int_encoding(t));
	else if (btf_is_ptr(t))
		out = btf__add_ptr(m->out, 0);
	else if (btf_is_array(t))
		out = mini_emit_array(m, btf, btf_array(t));
	else if (mini_is_named(t))
		out = mini_emit_named(m, btf, t);
	m->depth--;
	return out;
}

static bool
mini_has_field(const struct mini_fields *fields, const char *name)
{
	for (int i = 0; i < fields->n; i++) {
		if (strcmp(fields->list[i].name, name) == 0)
			return true;
	}
	return false;
}

static int
mini_take_field(struct mini *m, const struct mini_type *type, const char *name,
		struct mini_fields *fields)
{
	const struct btf_type *kernel = btf__type_by_id(type->btf, type->id);
	struct mini_member member;
	int out;

	if (!mini_member(type->btf, kernel, name, 0, &member))
		return -ENOENT;
	if (mini_has_field(fields, name))
		return 0;
	if (fields->n == MINI_FIELDS)
		return -E2BIG;
	out = mini_emit_member(m, type->btf, member.type);
	if (out < 0)
		return out;
	fields->list[fields->n++] = (struct mini_field){name, out, member.bits, member.bitfield};
	return 0;
}

/*
 * Takes the members that one flavour names. Lists those that the kernel lacks, unless the name of
 * the flavour allows it.
 */
static int
mini_take_fields(struct mini *m, const struct mini_type *type, uint32_t flavour,
		 struct mini_fields *fields)
{
	const struct btf_type *wanted = btf__type_by_id(m->object, flavour);
	bool optional = mini_is_flavour(mini_name(m->object, wanted->name_off));

	for (uint32_t i = 0; i < btf_vlen(wanted); i++) {
		const char *name = mini_part(m->object, wanted, i);
		int err = mini_take_field(m, type, name, fields);

		if (err == -ENOENT && !optional)
			mini_lacks(m, type->name, type->len, name);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

static int
mini_emit_composite(struct mini *m, struct mini_type *type, const char *name)
{
	const struct btf_type *kernel = btf__type_by_id(type->btf, type->id);
	struct mini_fields fields = {.n = 0};
	int err = 0;

	for (uint32_t id = mini_next_flavour(m, type, 0); id && !err;
	     id = mini_next_flavour(m, type, id))
		err = mini_take_fields(m, type, id, &fields);
	if (err)
		return err;
	type->out = btf_is_union(kernel) ? btf__add_union(m->out, name, kernel->size) :
					   btf__add_struct(m->out, name, kernel->size);
	for (int i = 0; i < fields.n && type->out > 0 && !err; i++) {
		const struct mini_field *f = &fields.list[i];

		err = btf__add_field(m->out, f->name, f->type, f->bits, f->bitfield);
	}
	return err ? err : type->out;
}

static int
mini_emit_enumerator(struct mini *m, const struct mini_type *type, const char *name)
{
	const struct btf_type *kernel = btf__type_by_id(type->btf, type->id);
	int64_t value;

	if (!mini_enumerator(type->btf, kernel, name, &value)) {
		mini_lacks(m, type->name, type->len, name);
		return 0;
	}
	return btf_is_enum64(kernel) ? btf__add_enum64_value(m->out, name, (uint64_t)value) :
				       btf__add_enum_value(m->out, name, value);
}

static int
mini_emit_enum(struct mini *m, struct mini_type *type, const char *name)
{
	const struct btf_type *kernel = btf__type_by_id(type->btf, type->id);
	int err = 0;

	type->out = btf_is_enum64(kernel) ?
			    btf__add_enum64(m->out, name, kernel->size, btf_kflag(kernel)) :
			    btf__add_enum(m->out, name, kernel->size);
	for (uint32_t id = mini_next_flavour(m, type, 0); id && type->out > 0;
	     id = mini_next_flavour(m, type, id)) {
		const struct btf_type *wanted = btf__type_by_id(m->object, id);

		for (uint32_t i = 0; i < btf_vlen(wanted) && !err; i++)
			err = mini_emit_enumerator(m, type, mini_part(m->object, wanted, i));
	}
	return err ? err : type->out;
}

static bool
mini_is_optional(const struct mini *m, const struct mini_type *type)
{
	for (uint32_t id = mini_next_flavour(m, type, 0); id; id = mini_next_flavour(m, type, id)) {
		if (!mini_is_flavour(
			    mini_name(m->object, btf__type_by_id(m->object, id)->name_off)))
			return false;
	}
	return true;
}

/* The type's id in the small BTF, or -errno. Makes the type if necessary. */
static int
mini_emit(struct mini *m, struct mini_type *type)
{
	char name[128];

	if (type->out)
		return type->out > 0 ? type->out : -ENOENT;
	type->out = -1;
	if (!type->btf) {
		if (!mini_is_optional(m, type))
			mini_lacks(m, type->name, type->len, NULL);
		return -ENOENT;
	}
	snprintf(name, sizeof(name), "%.*s", (int)type->len, type->name);
	return type->kind == BTF_KIND_ENUM ? mini_emit_enum(m, type, name) :
					     mini_emit_composite(m, type, name);
}

static int
mini_emit_all(struct mini *m)
{
	m->out = btf__new_empty();
	if (!m->out)
		return -ENOMEM;
	for (int i = 0; i < m->n; i++) {
		int id = mini_emit(m, &m->types[i]);

		if (id < 0 && id != -ENOENT)
			return id;
	}
	return 0;
}

/* Writes the small BTF into a memory file. */
static int
mini_write(const struct mini *m, int *fd)
{
	uint32_t size;
	const void *data = btf__raw_data(m->out, &size);
	int file = data ? memfd_create("btf-mini", MFD_CLOEXEC) : -1, err;

	if (file < 0)
		return data ? -errno : -ENOMEM;
	if (write(file, data, size) == (ssize_t)size) {
		*fd = file;
		return 0;
	}
	err = errno ? -errno : -EIO;
	close(file);
	return err;
}

static int
mini_parse(struct mini *m, const char *path, struct btf *base, struct btf **out)
{
	int err;

	*out = btf__parse_split(path, base);
	if (*out)
		return 0;
	err = mini_error(-errno);
	snprintf(m->missing, BTF_MINI_MISSING, "%s: %s", path,
		 err == -EBADMSG ? "not valid BTF" : strerror(-err));
	return err;
}

static int
mini_open(struct mini *m, const char *vmlinux, const char *module)
{
	int err = mini_parse(m, vmlinux, NULL, &m->vmlinux);

	if (err || !module || access(module, F_OK) != 0)
		return err;
	/* Only a missing vmlinux is -ENOENT. */
	err = mini_parse(m, module, m->vmlinux, &m->module);
	return err == -ENOENT ? 0 : err;
}

static int
mini_make(struct mini *m, int *fd)
{
	int err = mini_want(m);

	if (err)
		return err;
	if (m->module)
		mini_look(m, m->module, btf__type_cnt(m->vmlinux));
	mini_look(m, m->vmlinux, 1);
	err = mini_emit_all(m);
	return err ? err : mini_write(m, fd);
}

int
btf_mini_make(const struct btf *object, const char *vmlinux, const char *module, int *fd,
	      char missing[BTF_MINI_MISSING])
{
	struct mini m = {.object = object, .missing = missing};
	int err;

	missing[0] = '\0';
	err = mini_open(&m, vmlinux, module);
	if (!err) {
		err = mini_make(&m, fd);
		if (err)
			snprintf(missing, BTF_MINI_MISSING, "%s: %s", vmlinux, strerror(-err));
	}
	btf__free(m.out);
	btf__free(m.module);
	btf__free(m.vmlinux);
	return err;
}
