# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Kernels out of container images, read by skopeo: /boot and /lib/modules of the image's layers.
# Sourced by tests/vm/kernel.

# is_image NAME: whether it names an image in the form that skopeo(1) has for these transports.
is_image() {
	case $1 in oci:?* | oci-archive:?* | docker-archive:?* | docker://?*) ;; *) return 1 ;; esac
}

# unpack_layer FILE DIR: what the layer has of kernels; its whiteouts remove what the layers below
# have (OCI image specification, layer.md). A link /lib to usr/lib makes the same of both.
unpack_layer() {
	local path name
	tar -tf "$1" >"$2.list" 2>/dev/null || die "$image: a layer cannot be read"
	while IFS= read -r path; do
		name=${path##*/}
		path=${path#./}
		path=$(kernel_path "${path%/*}") || continue
		case $name in
		.wh..wh..opq) rm -rf "${2:?}/$path" ;;
		.wh.?*) rm -rf "${2:?}/$path/${name#.wh.}" ;;
		esac
	done < <(grep -E '(^|/)\.wh\.' "$2.list")
	grep -E '^(\./)?(boot|(usr/)?lib/modules)/.' "$2.list" | grep -Ev '/$|(^|/)\.wh\.' \
		>"$2.wanted" || return 0
	tar -xf "$1" -C "$2" --no-same-owner --no-same-permissions --delay-directory-restore \
		--transform 's,^\(\./\)*lib/modules/,usr/lib/modules/,' -T "$2.wanted" ||
		die "$image: a layer cannot be unpacked"
}

# kernel_path PATH: where unpack_layer() puts it; fails if that is no place of a kernel's.
kernel_path() {
	case $1/ in
	boot/* | usr/lib/modules/*) echo "$1" ;;
	lib/modules/*) echo "usr/$1" ;;
	*) return 1 ;;
	esac
}

# kernel_in DIR: the newest kernel there, of Debian's or of Fedora's place.
kernel_in() {
	local found
	found=$(find "$1" \( -path '*/boot/vmlinu[xz]*' -o -path '*/modules/*/vmlinuz' \) -type f |
		sort -V | tail -n 1)
	[ -n "$found" ] || die "$image: no kernel in it: neither /boot/vmlinuz-*" \
		"nor /lib/modules/*/vmlinuz"
	echo "$found"
}

# image_kernel IMAGE: prints the kernel of an image, in a directory of the cache that is named after
# the image's digest; lib/modules is beside it. What nobody has used for a month goes.
image_kernel() {
	local image=$1 raw digest dir layer oci=$cache/oci
	command -v skopeo >/dev/null || die "missing: skopeo; run contrib/setup vm as root"
	raw=$(skopeo --override-os linux --override-arch amd64 inspect --format '{{.Digest}}' \
		"$image") || die "$image: skopeo cannot read it; see above"
	digest=${raw#sha256:}
	[[ $digest =~ ^[0-9a-f]{64}$ ]] || die "$image: no digest: $raw"
	dir=$oci/${digest:0:16}
	mkdir -p "$oci"
	find "$oci" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
	if [ ! -e "$dir" ]; then
		say "reading $image"
		work=$(mktemp -d "$oci/.new.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		chmod 755 "$work"
		skopeo --override-os linux --override-arch amd64 copy --quiet "$image" \
			"dir:$work/image" >&2 || die "$image: skopeo cannot copy it; see above"
		mkdir "$work/root"
		for layer in $(layers_of "$work/image/manifest.json"); do
			unpack_layer "$work/image/$layer" "$work/root"
		done
		kernel_in "$work/root" >/dev/null
		mv "$work/root" "$dir"
		rm -rf "$work"
	fi
	touch "$dir"
	kernel_in "$dir"
}

# layers_of MANIFEST: the names of their files, in order.
layers_of() {
	tr -d '\n' <"$1" | sed 's/.*"layers"//' | grep -oE '"digest": *"sha256:[0-9a-f]{64}"' |
		sed -E 's/.*sha256:([0-9a-f]+)"/\1/'
}

# image_modules KERNEL: the directory of the modules that came with it.
image_modules() {
	case $1 in
	*/boot/*) echo "${1%/boot/*}/usr" ;;
	*) echo "${1%/lib/modules/*}" ;;
	esac
}
