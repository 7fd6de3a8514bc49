/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a small BTF with only those kernel types and fields that a BPF object names. They come from
 * the BTF of the running kernel: first from that of the module ib_core (split BTF), then from
 * vmlinux. libbpf relocates against the result (btf_custom_path). Thus no right to read module BTF
 * through bpf(2) is necessary, and vmlinux need not contain the types of ib_core.
 */
#ifndef RPINGMESH_TRACE_BTF_MINI_H
#define RPINGMESH_TRACE_BTF_MINI_H

#include <stddef.h>

struct btf;

/* Size of the list of missing fields. */
#define BTF_MINI_MISSING 256

/*
 * object: BTF of the BPF object, borrowed. vmlinux, module: paths. If module is NULL or does not
 * exist, the types of ib_core are looked up in vmlinux.
 *
 * Returns 0 and puts a memory file into *fd, which the caller closes; its name for libbpf is
 * /proc/self/fd/N. `missing` lists the fields that this kernel lacks, "struct.field, struct.field",
 * or is "". Fields that may be absent are not listed; the object declares them with a ___suffix
 * flavour. On failure returns -errno, with file and cause in `missing`; -ENOENT: there is no BTF of
 * vmlinux. Reads files, so it blocks for a few milliseconds.
 */
int btf_mini_make(const struct btf *object, const char *vmlinux, const char *module, int *fd,
		  char missing[BTF_MINI_MISSING]);

#endif
