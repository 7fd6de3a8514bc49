# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Kernels out of container images, read by skopeo: /boot and /lib/modules of the image's layers.
# Sourced by tests/vm/kernel.

# is_image NAME: whether it names an image in the form that skopeo(1) has for these transports.
is_image() {
	case $1 in oci:?* | oci-archive:?* | docker-archive:?* | docker://?*) ;; *) return 1 ;; esac
}

# kernels_in DIR: the kernels there, a line each: release, tab, path. Debian has the release in the
# name of the file, Fedora in the name of the directory.
kernels_in() {
	find "$1/boot" -maxdepth 1 -name 'vmlinu[xz]*' -type f |
		sed -E 's,^.*/vmlinu[xz]-?([^/]*)$,\1\t&,'
	find "$1/usr/lib/modules" -mindepth 2 -maxdepth 2 -name vmlinuz -type f |
		sed -E 's,^.*/([^/]*)/vmlinuz$,\1\t&,'
}

# kernel_in DIR: the newest kernel there, by its release.
kernel_in() {
	local found
	found=$(kernels_in "$1" | sort -t $'\t' -k 1,1V | tail -n 1 | cut -f 2-)
	[ -n "$found" ] || die "$image: no kernel in it: neither /boot/vmlinuz-*" \
		"nor /lib/modules/*/vmlinuz"
	echo "$found"
}

# image_kernel IMAGE: prints the kernel of an image, in a directory of the cache that is named after
# the image's digest; lib/modules is beside it. What nobody has used for a month goes.
image_kernel() {
	local image=$1 raw digest dir images=$cache/images
	command -v skopeo >/dev/null || die "missing: skopeo; run contrib/setup vm as root"
	raw=$(skopeo --override-os linux --override-arch amd64 inspect --format '{{.Digest}}' \
		"$image") || die "$image: skopeo cannot read it; see above"
	digest=${raw#sha256:}
	[[ $digest =~ ^[0-9a-f]{64}$ ]] || die "$image: no digest: $raw"
	dir=$images/${digest:0:16}
	mkdir -p "$images"
	rm -rf "$cache/oci" # as older versions of this have unpacked them
	find "$images" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
	if [ ! -e "$dir" ]; then
		say "reading $image"
		work=$(mktemp -d "$images/.new.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		chmod 755 "$work"
		skopeo --override-os linux --override-arch amd64 copy --quiet "$image" \
			"dir:$work/image" >&2 || die "$image: skopeo cannot copy it; see above"
		/usr/bin/python3 -B "$here/lib/image_files.py" "$work/image" "$work/root" ||
			die "$image: it cannot be unpacked; see above"
		kernel_in "$work/root" >/dev/null
		mv "$work/root" "$dir"
		rm -rf "$work"
	fi
	touch "$dir"
	kernel_in "$dir"
}

# image_modules KERNEL: the directory of the modules that came with it.
image_modules() {
	case $1 in
	*/boot/*) echo "${1%/boot/*}/usr" ;;
	*) echo "${1%/lib/modules/*}" ;;
	esac
}
