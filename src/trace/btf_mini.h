/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small BTF that holds just the kernel types and fields that a BPF object names, taken from the
 * running kernel's own BTF: ib_core's (a module's, split) first, then vmlinux's. libbpf then
 * relocates against it (btf_custom_path), which needs no right to read module BTF through bpf(2)
 * and works where ib_core is a module without types in vmlinux.
 */
#ifndef RPINGMESH_TRACE_BTF_MINI_H
#define RPINGMESH_TRACE_BTF_MINI_H

#include <stddef.h>

struct btf;

/* Room for the list of what is missing. */
#define BTF_MINI_MISSING 256

/*
 * object: BTF of the BPF object, borrowed. vmlinux, module: paths; module NULL or absent: ib_core's
 * types are looked for in vmlinux. 0 and *fd, a memory file (close it; name it to libbpf as
 * /proc/self/fd/N), with the fields that this kernel lacks as "struct.field, struct.field" in
 * missing ("" if none); or -errno with the file and cause in missing: -ENOENT when vmlinux's BTF is
 * not there. Fields whose absence is normal (declared with a ___suffix flavour in the object) are
 * not listed. Reads files: blocks for a few milliseconds, once per attachment.
 */
int btf_mini_make(const struct btf *object, const char *vmlinux, const char *module, int *fd,
		  char missing[BTF_MINI_MISSING]);

#endif
