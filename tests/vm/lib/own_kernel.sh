# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Kernels that are not Debian's: a build tree, an image, a directory like those in the cache.
# Sourced by tests/vm/kernel.

# image_of PATH: the kernel image of a build tree or of a directory, or the image itself.
image_of() {
	local file
	if [ -f "$1" ]; then
		realpath -- "$1"
		return
	fi
	for file in arch/x86/boot/bzImage vmlinux vmlinuz bzImage; do
		if [ -f "$1/$file" ]; then
			realpath -- "$1/$file"
			return
		fi
	done
	die "$1: no kernel image:" \
		"neither arch/x86/boot/bzImage nor vmlinux, vmlinuz or bzImage in it"
}

# release_of IMAGE: the version that the kernel calls itself, from an ELF file or from a bzImage
# (boot.rst: kernel_version).
release_of() {
	local release offset
	if [ "$(head -c 4 "$1" | tr -d '\0')" = $'\x7fELF' ]; then
		release=$(grep -aoEm 1 'Linux version [0-9][^ ]*' "$1" | head -n 1)
		release=${release##* }
	else
		[ "$(head -c 518 "$1" | tail -c 4)" = HdrS ] ||
			die "$1: neither an ELF file nor a bzImage"
		offset=$(od -An -tu2 -j$((0x20e)) -N2 "$1" | tr -d ' ')
		release=$(tail -c +$((offset + 513)) "$1" | head -c 128 | tr '\0' ' ' |
			cut -d' ' -f1)
	fi
	# It becomes part of the names of files.
	[[ $release =~ ^[0-9]+\.[0-9][A-Za-z0-9.+_~-]*$ ]] ||
		die "$1: cannot find the version in it"
	echo "$release"
}

# modules_of PATH IMAGE RELEASE GIVEN: the directory with modules.dep, or modules.order, which a
# build tree has and a package that was unpacked only; or nothing when there are none.
modules_of() {
	local dir image_dir=${2%/*} release=$3
	local -a places=("$image_dir" "$image_dir/lib/modules/$release"
		"$image_dir/../lib/modules/$release"
		"/lib/modules/$release" "/usr/lib/modules/$release")
	if [ -d "$1" ]; then places=("$1" "$1/lib/modules/$release" "${places[@]}"); fi
	if [[ $2 == */arch/x86/boot/bzImage ]]; then
		places=("${2%/arch/x86/boot/bzImage}" "${places[@]}")
	fi
	if [ -n "$4" ]; then places=("$4" "$4/$release" "$4/lib/modules/$release"); fi
	for dir in "${places[@]}"; do
		if [ -f "$dir/modules.dep" ] || [ -f "$dir/modules.order" ]; then
			realpath -- "$dir"
			return
		fi
	done
	[ -z "$4" ] ||
		die "--modules $4: neither modules.dep nor modules.order there," \
			"or below it for $release"
}

# modules_of_tree TREE: the files that a build tree has made.
modules_of_tree() { sed 's/\.o$/.ko/; s/^kernel\///' "$1/modules.order"; }

# link_tree TREE DIR: what `make modules_install` would install, as links into the build tree.
link_tree() {
	local file
	mkdir "$2/kernel"
	# Those that were not built although they are in the list are of no use here.
	modules_of_tree "$1" | sed "s|^|$1/|" |
		xargs -r -d '\n' cp -s --parents -t "$2/kernel" -- 2>/dev/null ||
		true
	for file in modules.order modules.builtin modules.builtin.modinfo; do
		if [ -f "$1/$file" ]; then ln -s "$1/$file" "$2/$file"; fi
	done
}

# fingerprint IMAGE MODULES: changes with whatever the kernel is made of.
fingerprint() {
	{
		stat -L -c '%n %s %y' -- "$1"
		if [ -f "$2/modules.dep" ]; then
			stat -c '%n %y' -- "$2/modules.dep"
		elif [ -n "$2" ]; then
			modules_of_tree "$2" |
				(cd -- "$2" && xargs -r -d '\n' stat -c '%n %y' -- 2>/dev/null)
		fi
		declare -f link_tree initramfs
	} | cksum | tr -d ' '
}

# own_kernel PATH MODULES: sets dir to a directory of the cache like those of Debian's kernels, made
# of links.
own_kernel() {
	local image release modules own=$cache/own
	image=$(image_of "$1")
	release=$(release_of "$image")
	modules=$(modules_of "$1" "$image" "$release" "$2")
	dir=$own/$release-$(fingerprint "$image" "$modules")
	mkdir -p "$own"
	find "$own" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
	if [ -e "$dir/release" ]; then return; fi
	[ -n "$modules" ] ||
		say "no modules of $release found (--modules):" \
			"what the test VM needs must be built in"
	work=$(mktemp -d "$own/.new.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	chmod 755 "$work"
	mkdir -p "$work/lib/modules"
	ln -s "$image" "$work/vmlinux"
	if [ -f "$modules/modules.dep" ]; then
		ln -s "$modules" "$work/lib/modules/$release"
	else
		mkdir "$work/lib/modules/$release"
		if [ "${modules##*/}" = "$release" ]; then
			cp -rs "$modules/." "$work/lib/modules/$release/"
		elif [ -n "$modules" ]; then
			link_tree "$modules" "$work/lib/modules/$release"
		fi
		depmod -b "$work" "$release" 2>/dev/null
	fi
	echo "$release" >"$work/release"
	rm -rf "$dir"
	mv "$work" "$dir"
}
