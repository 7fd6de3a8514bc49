# SPDX-License-Identifier: Apache-2.0
"""image_files.py IMAGE ROOT: writes what a container image has of kernels into the new directory
ROOT: boot and usr/lib/modules. IMAGE is a directory as skopeo(1) writes it (dir:). Whiteouts are
those of the OCI image specification, layer.md.

Images are not trusted. Only regular files and directories are written, links are neither made nor
followed, and a path with ".." in it is left out. A hard link becomes a file of its own if its layer
contains the file that it names."""

import contextlib
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zlib

PLACES = ("boot", "usr/lib/modules")
ZSTD = b"\x28\xb5\x2f\xfd"


def plain(name):
    """The path from the top of the image; None if it leads upwards or cannot be printed. /lib is
    the same as /usr/lib: one is a link to the other, or only one has modules."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or not name.isprintable():
        return None
    return "/".join(["usr"] * (parts[:1] == ["lib"]) + parts)


def below(path, folder):
    return path.startswith(folder + "/") or folder == ""


@contextlib.contextmanager
def opened(layer):
    """The archive of a layer, to be read once from its front."""
    with open(layer, "rb") as f:
        packed = f.read(len(ZSTD)) == ZSTD
    if not packed:
        with tarfile.open(layer, "r|*") as tar:
            yield tar
        return
    with subprocess.Popen(["zstd", "-dcq", layer], stdout=subprocess.PIPE) as unpack:
        with tarfile.open(fileobj=unpack.stdout, mode="r|") as tar:
            yield tar


class Root:
    def __init__(self, top):
        os.mkdir(top)
        self.top = os.path.realpath(top)

    def at(self, path):
        """The full path of what is in a place."""
        full = os.path.join(self.top, path)
        if os.path.realpath(full) != full:
            raise ValueError(f"{path} leads elsewhere")
        return full

    def remove(self, path):
        """Removes what is at the path and below it: a place, more than one, or a part of one."""
        gone = [place for place in PLACES if path == place or below(place, path)]
        if not gone and any(below(path, place) for place in PLACES):
            gone = [path]
        for there in gone:
            full = self.at(there)
            if os.path.isdir(full):
                shutil.rmtree(full)
            elif os.path.exists(full):
                os.unlink(full)

    def folder(self, path):
        """Makes the directory, and those above it. A file that is in the way goes."""
        full = self.top
        for part in path.split("/"):
            full = os.path.join(full, part)
            if os.path.isfile(full):
                os.unlink(full)
            if not os.path.isdir(full):
                os.mkdir(full)

    def write(self, path, data):
        self.folder(os.path.dirname(path))
        self.remove(path)
        with open(self.at(path), "xb") as f:
            shutil.copyfileobj(data, f, 1 << 20)


def whiteout(path):
    """The path that the file at this path removes; None if that is no whiteout."""
    folder, _, name = path.rpartition("/")
    if name == ".wh..wh..opq":
        return folder
    hidden = name[len(".wh."):]
    if not name.startswith(".wh.") or hidden.startswith(".wh.") or hidden in ("", ".", ".."):
        return None
    return plain(f"{folder}/{hidden}")


def first_pass(layer):
    """What the layer removes of those below it, and where each of its files is to be written."""
    removed, wanted = [], {}
    with opened(layer) as tar:
        for member in tar:
            path = plain(member.name)
            if path is None:
                continue
            if os.path.basename(path).startswith(".wh."):
                removed.append(whiteout(path))
            elif any(below(path, place) for place in PLACES):
                source = plain(member.linkname) if member.islnk() else path
                if source is not None and (member.isfile() or member.islnk()):
                    wanted.setdefault(source, []).append(path)
                elif not member.isdir():
                    removed.append(path)
    return [path for path in removed if path is not None], wanted


def unpack_layer(layer, root):
    removed, wanted = first_pass(layer)
    for path in removed:
        root.remove(path)
    if not wanted:
        return
    with opened(layer) as tar:
        for member in tar:
            paths = wanted.get(plain(member.name), ()) if member.isfile() else ()
            if not paths:
                continue
            root.write(paths[0], tar.extractfile(member))
            for path in paths[1:]:
                if path != paths[0]:
                    with open(root.at(paths[0]), "rb") as f:
                        root.write(path, f)


def layers(image):
    with open(os.path.join(image, "manifest.json"), encoding="utf-8") as f:
        for layer in json.load(f)["layers"]:
            if not re.fullmatch("sha256:[0-9a-f]{64}", layer["digest"]):
                raise ValueError(f"{layer['digest']} is no SHA-256 digest")
            yield os.path.join(image, layer["digest"].removeprefix("sha256:"))


def main(image, top):
    root = Root(top)
    layer = "manifest.json"
    try:
        for layer in layers(image):
            unpack_layer(layer, root)
        for place in PLACES:
            root.folder(place)
    except (EOFError, KeyError, OSError, TypeError, ValueError, lzma.LZMAError, tarfile.TarError,
            zlib.error) as error:
        sys.exit(f"{os.path.basename(layer)}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
