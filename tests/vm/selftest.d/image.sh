# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by tests/vm/selftest: --kernel IMAGE. The images are made here, of a Debian kernel, as the
# OCI image specification has them: layers, a configuration, a manifest, an index.

# blob FILE: puts it into the image and prints its descriptor but for the media type.
blob() {
	local sum
	sum=$(sha256sum "$1" | cut -d' ' -f1)
	mv "$1" "$work/oci/blobs/sha256/$sum"
	printf '"digest":"sha256:%s","size":%s' "$sum" "$(stat -c %s "$work/oci/blobs/sha256/$sum")"
}

# make_image LAYER...: the image oci:$work/oci:kernel, one layer for each directory or archive.
make_image() {
	local dir layers="" diffs="" sep=""
	local type=application/vnd.oci.image
	rm -rf "$work/oci"
	mkdir -p "$work/oci/blobs/sha256"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$work/oci/oci-layout"
	for dir in "$@"; do
		if [ -d "$dir" ]; then
			tar -cf "$work/layer" -C "$dir" .
		else
			cp "$dir" "$work/layer"
		fi
		diffs+=$sep\"sha256:$(sha256sum "$work/layer" | cut -d' ' -f1)\"
		gzip -1 "$work/layer"
		layers+="$sep{\"mediaType\":\"$type.layer.v1.tar+gzip\",$(blob "$work/layer.gz")}"
		sep=,
	done
	echo '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers",' \
		"\"diff_ids\":[$diffs]}}" >"$work/config"
	echo "{\"schemaVersion\":2,\"mediaType\":\"$type.manifest.v1+json\",\"config\":" \
		"{\"mediaType\":\"$type.config.v1+json\",$(blob "$work/config")}," \
		"\"layers\":[$layers]}" >"$work/manifest"
	echo "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"$type.manifest.v1+json\"," \
		"$(blob "$work/manifest"),\"annotations\":" \
		'{"org.opencontainers.image.ref.name":"kernel"}}]}' >"$work/oci/index.json"
}

# image_layers KERNEL-DIR: below, a kernel that does not boot and a module of no use, which the
# layer above removes; there the kernel, and what it needs to boot and to load rdma_rxe.
image_layers() {
	local dir=$1 release file
	release=$(cat "$dir/release")
	mkdir -p "$work"/{lower,upper}/boot "$work"/{lower,upper}"/lib/modules/$release"
	echo "no kernel" >"$work/lower/boot/vmlinuz-99.0-old"
	echo "no module" >"$work/lower/lib/modules/$release/stale.ko"
	cp "$dir/vmlinux" "$work/upper/boot/vmlinuz-$release"
	for file in virtio_pci 9pnet_virtio 9p overlay virtio_rng rdma_rxe; do
		modprobe -d "$dir" -S "$release" --show-depends "$file"
	done | awk '$1 == "insmod" { print $2 }' | sort -u |
		sed "s|^$dir/lib/modules/$release/||" |
		tar -cf - -C "$dir/lib/modules/$release" -T - |
		tar -xf - -C "$work/upper/lib/modules/$release"
	cp "$dir/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} \
		"$work/upper/lib/modules/$release/"
	depmod -b "$work/upper" "$release"
	: >"$work/upper/boot/.wh.vmlinuz-99.0-old"
	: >"$work/upper/lib/modules/$release/.wh.stale.ko"
}

# in_image NAME IMAGE: the kernel of the image runs, and loads its modules.
in_image() {
	"$here/run" --sudo --kernel "$2" --out "$work/vm-out" -- \
		sh -c 'uname -r; modprobe rdma_rxe && echo loaded' >"$work/stdout" 2>"$work/stderr"
	equal "$1" "$release"$'\nloaded' "$(cat "$work/stdout")"
}

# registry: serves the image on this machine, as the OCI distribution specification has it; sets
# port and registry_pid.
registry() {
	mkdir -p "$work/home/.config/containers"
	/usr/bin/python3 -B - "$work/oci" >"$work/port" 2>"$work/registry.log" <<'PYTHON' &
import http.server, json, os, sys
top = sys.argv[1]
class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_HEAD(self):
        self.do_GET()
    def do_GET(self):
        kind, name = self.path.split("/")[-2:]
        kinds = {"manifests": "application/vnd.oci.image.manifest.v1+json",
                 "blobs": "application/octet-stream"}
        body = b"{}"
        if kind in kinds:
            with open(os.path.join(top, "index.json")) as f:
                digest = json.load(f)["manifests"][0]["digest"]
            name = name if name.startswith("sha256:") else digest
            with open(os.path.join(top, "blobs", name.replace(":", "/")), "rb") as f:
                body = f.read()
        self.send_response(200)
        self.send_header("Content-Type", kinds.get(kind, "application/json"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
	registry_pid=$!
	# shellcheck disable=SC2064 # now
	trap "kill $registry_pid 2>/dev/null" EXIT
	until [ -s "$work/port" ]; do
		kill -0 "$registry_pid" || { shown "$work/registry.log" && exit 1; }
		sleep 0.1
	done
	port=$(cat "$work/port")
	printf '[[registry]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$port" \
		>"$work/home/.config/containers/registries.conf"
}

test_image_kernel() {
	local dir release port registry_pid
	local -x RPINGMESH_CACHE HOME=$HOME
	dir=$("$here/kernel" "$kernel" | head -n 1)
	release=$(cat "$dir/release")
	image_layers "$dir"
	make_image "$work/lower" "$work/upper"
	RPINGMESH_CACHE=$work/cache
	in_image "--kernel oci:DIR:TAG" "oci:$work/oci:kernel"
	equal "a layer removes what is below it" "" \
		"$(find "$work/cache/kernel" -name 'vmlinu*99*' -o -name stale.ko)"
	# A layer is read once only: without the cache it would fail.
	find "$work/oci/blobs" -size +1M -delete
	in_image "it is kept by its digest" "oci:$work/oci:kernel"
	make_image "$work/lower" "$work/upper"
	rm -rf "$work/cache"
	registry
	HOME=$work/home
	in_image "--kernel docker://REGISTRY/NAME:TAG" "docker://127.0.0.1:$port/kernel:new"
	kill "$registry_pid"
	trap - EXIT
	make_image "$work/lower/lib"
	"$here/run" --sudo --kernel "oci:$work/oci" --out "$work/vm-out" -- true 2>"$work/stderr"
	equal "an image without a kernel" 125 $?
	check "is explained" contains "$work/stderr" "no kernel in it"
	"$here/run" --sudo --kernel "oci:$work/none:x" --out "$work/vm-out" -- true 2>"$work/stderr"
	equal "no image" 125 $?
	check "is explained, too" contains "$work/stderr" "skopeo cannot read it"
}

# pack FILE MEMBER...: a layer with names that no file here can have. A member is PATH=TEXT,
# PATH%RELEASE (what is enough of a bzImage to have that version, boot.rst), PATH>TARGET (symbolic
# link), PATH@TARGET (hard link) or PATH/ (directory).
pack() {
	/usr/bin/python3 -B - "$@" <<'PYTHON'
import io, re, sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as tar:
    for member in sys.argv[2:]:
        path, kind, rest = re.fullmatch("(.*?)(?:([=%>@])(.*)|/)", member).groups()
        info, data = tarfile.TarInfo(path), (rest or "").encode()
        if kind == "%":
            data = bytes(514) + b"HdrS" + bytes(8) + b"\x10\0" + data + b" (fake)\0"
        info.type = {">": tarfile.SYMTYPE, "@": tarfile.LNKTYPE, None: tarfile.DIRTYPE}.get(
            kind, tarfile.REGTYPE)
        if info.type == tarfile.REGTYPE:
            info.size = len(data)
        else:
            info.linkname = rest or ""
        tar.addfile(info, io.BytesIO(data))
PYTHON
}

# release_in LAYER...: the release of the kernel that is taken from an image of these layers, and of
# one more with modules, of which there are none, for each.
release_in() {
	rm -rf "$work/cache"
	pack "$work/modules" usr/lib/modules/{6.{1,9,9.0,10,11,12},99.0}/modules.dep=
	make_image "$@" "$work/modules"
	RPINGMESH_CACHE=$work/cache "$here/kernel" "oci:$work/oci:kernel" >"$work/stdout" \
		2>"$work/stderr" || { shown "$work/stderr" && return; }
	cat "$(head -n 1 "$work/stdout")/release"
}

# An image's paths and links lead out of the directory that it is unpacked to, which is
# $work/cache/kernel/images/.new.XXXXXX/root. No VM runs.
test_image_escapes() {
	local file up=../../../../../.. victim=$work/victim
	mkdir "$victim"
	for file in a b c d e f; do echo mine >"$victim/$file"; done
	pack "$work/0" boot/ boot/vmlinuz-6.9.0%6.9.0
	pack "$work/1" "boot/$up/victim/.wh.a="
	equal "whiteouts with .. in their paths" 6.9.0 "$(release_in "$work/0" "$work/1")"
	pack "$work/0" boot/ boot/vmlinuz-6.9.0%6.9.0 boot/twice=0 "boot/link>$victim" \
		"boot/file>$victim/d" "boot/near>../$up/victim" usr/lib/modules/ \
		"usr/lib/modules/6.9.0>$victim"
	pack "$work/1" boot/link/.wh.b= usr/lib/modules/6.9.0/.wh.f=
	equal "whiteouts behind links" 6.9.0 "$(release_in "$work/0" "$work/1")"
	pack "$work/1" boot/link/c=theirs boot/file=theirs boot/link/new=theirs \
		usr/lib/modules/6.9.0/new2=theirs
	equal "files behind links" 6.9.0 "$(release_in "$work/0" "$work/1")"
	equal "only files and directories are unpacked" "" \
		"$(find "$work/cache/kernel/images" ! -type f ! -type d)"
	pack "$work/0" boot/vmlinuz-6.9.0%6.9.0 "boot/hard@$victim/e" "boot/hard2@../$up/victim/e"
	pack "$work/1" boot/hard=theirs "boot/$up/victim/new3=theirs" "$victim/new4=theirs" \
		boot/.wh...= boot/.wh.twice/evil=
	equal "hard links, and paths that lead out" 6.9.0 "$(release_in "$work/0" "$work/1")"
	equal "no file outside is removed, made or changed" "a b c d e f mine" \
		"$(cd "$victim" && echo * "$(cat ./* | sort -u)")"
	pack "$work/0" boot/vmlinuz%6.1/../../../../x
	equal "a version that is a path" "" "$(release_in "$work/0" | grep -v '^#')"
	check "is refused" contains "$work/stderr" "cannot find the version"
}

test_image_whiteouts() {
	local above
	pack "$work/0" boot/vmlinuz-99.0%99.0 usr/lib/modules/98.0/vmlinuz%98.0 boot/dir/file=0
	for above in ".wh.boot= .wh.usr=" "boot/.wh..wh..opq= usr/lib/.wh.modules=" \
			".wh..wh..opq=" "boot/.wh.vmlinuz-99.0= .wh.lib=" \
			"boot/vmlinuz-99.0>x usr/.wh..wh..opq="; do
		# Those of the layer itself stay, whatever the order.
		# shellcheck disable=SC2086 # members
		pack "$work/1" boot/vmlinuz-6.9%6.9 $above boot/dir=0
		equal "removed by $above" 6.9 "$(release_in "$work/0" "$work/1")"
	done
	equal "what is left" "boot boot/dir boot/vmlinuz-6.9" \
		"$(cd "$work/cache/kernel/images"/* && find boot | sort | xargs)"
	pack "$work/1" lib/.wh.modules= boot/.wh.other=
	equal "what no whiteout names stays" 99.0 "$(release_in "$work/0" "$work/1")"
	pack "$work/0" usr/lib/modules/6.1/vmlinuz%6.1 boot/vmlinuz-6.9%6.9 boot/vmlinuz-6.10%6.10
	equal "the newest by release, wherever it is" 6.10 "$(release_in "$work/0")"
	pack "$work/0" lib/modules/6.11/vmlinuz%6.11 boot/vmlinuz-6.9%6.9
	equal "the same, in /lib" 6.11 "$(release_in "$work/0")"
	pack "$work/0" ostree/object%6.12 boot/vmlinuz-6.12@ostree/object
	equal "a hard link to a file elsewhere in the layer" 6.12 "$(release_in "$work/0")"
}
