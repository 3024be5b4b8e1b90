"""Unpacking the layers of container images that strangers made: no path leaves the root, no device, no bomb.

A layer is a tar archive of what it adds and changes; files called `.wh.NAME` say what it takes away from the layers
below. https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import stat
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from fogbank.kit.tarball import BadTar, Member, Source, Tar

LIMIT = 10 << 30
"""Bytes of an image, unpacked: Lambda's limit."""
MOST_LAYERS = 127
MOST_MEMBERS = 1_000_000
MOST_DEPTH = 200
"""Folders in each other."""
_MOST_LINKS = 40
_SLACK = 1 << 30
"""Headers and padding over all layers, beside the files."""
_PIECE = 1 << 20
_HIDE, _OPAQUE = ".wh.", ".wh..wh..opq"


class BadImage(Exception):
    """The image is refused; the text says why."""


class ImageTooLarge(BadImage):
    """It is past `LIMIT` unpacked."""


@dataclass(frozen=True, slots=True)
class Layer:
    path: Path
    """The archive: plain or gzip."""
    diff_id: str
    """`sha256:...` of the uncompressed archive, as the image's configuration has it; empty: not checked."""


def unpack(layers: Iterable[Layer], root: Path, *, limit: int = LIMIT, most_members: int = MOST_MEMBERS) -> int:
    """Unpacks into `root`, an empty directory of ours, lowest layer first; returns the bytes of the files.

    Owners, extended attributes, set-user-id and set-group-id are dropped; modes are kept, but that we ourselves can
    always read. Links keep their targets, which mean something only once `root` is the root: whoever reads the tree
    from outside uses `inside`. Blocks; raises BadImage.
    """
    chosen = list(layers)
    if len(chosen) > MOST_LAYERS:
        raise BadImage(f"more than {MOST_LAYERS} layers")
    tree = _Tree(root, limit, most_members)
    try:
        for layer in chosen:
            tree.apply(layer)
    except (BadTar, EOFError, OSError, ValueError, zlib.error) as error:
        raise BadImage(str(error)) from error
    return tree.written


def inside(root: Path, path: str) -> Path | None:
    """Where `path` is once `root` is the root: links are followed within it. None where there is nothing."""
    try:
        found = _Tree(root, 0, 0).resolve(_parts(path), create=False)
    except (BadImage, OSError, ValueError):
        return None
    return Path(found) if found is not None else None


class _Tree:
    def __init__(self, root: Path, limit: int, most_members: int) -> None:
        self._root = str(root)
        self._limit = limit
        self._room = limit + _SLACK
        self._members_left = most_members
        self._mine: set[str] = set()
        """What the layer in hand has put there: its own whiteouts do not concern it."""
        self._known: dict[tuple[str, ...], str] = {}
        """Folders resolved already; forgotten when anything that a path may lead through changes."""
        self.written = 0

    def apply(self, layer: Layer) -> None:
        self._mine.clear()
        with layer.path.open("rb") as file:
            counted = _Counted(_opened(file), self._room)
            tar = Tar(counted)
            for member in tar:
                self._members_left -= 1
                if self._members_left < 0:
                    raise BadImage("too many files")
                self._take(member, tar)
            counted.drain()
        self._room -= counted.count
        if layer.diff_id and counted.digest != layer.diff_id:
            raise BadImage(f"a layer's digest is {counted.digest}, its image says {layer.diff_id}")

    def _take(self, member: Member, tar: Tar) -> None:
        parts = _parts(member.name)
        if not parts:
            return  # the root itself
        name = parts[-1]
        if name.startswith(_HIDE):
            self._whiteout(parts[:-1], name)
            return
        if member.kind in ("device", "fifo", "other"):
            if parts[0] == "dev":
                return  # the sandbox brings its own
            raise BadImage(f"{member.name[:200]!r} is a special file")
        path = f"{self._folder(parts[:-1])}/{name}"
        if member.kind == "folder":
            self._make_folder(path, member)
        elif member.kind == "symlink":
            self._clear(path)
            os.symlink(member.link, path)
        elif member.kind == "link":
            self._link(path, member)
        else:
            self._write(path, member, tar)
        self._note(path)

    def _note(self, path: str) -> None:
        """The path is this layer's, and with it the folders above it."""
        while path not in self._mine and path != self._root:
            self._mine.add(path)
            path = path.rpartition("/")[0]

    def _make_folder(self, path: str, member: Member) -> None:
        if not stat.S_ISDIR(_mode(path)):
            self._clear(path)
            os.mkdir(path)
        os.chmod(path, (member.mode & 0o1777) | 0o700)

    def _write(self, path: str, member: Member, tar: Tar) -> None:
        if self.written + member.size > self._limit:
            raise ImageTooLarge(f"larger than {self._limit} bytes unpacked")
        self._clear(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(path, flags, 0o600), "wb", buffering=0) as file:
            while piece := tar.read(_PIECE):
                file.write(piece)
            os.fchmod(file.fileno(), (member.mode & 0o777) | 0o400)
            os.utime(file.fileno(), (member.modified, member.modified))
        self.written += member.size

    def _link(self, path: str, member: Member) -> None:
        """A hard link: to a file of the image, that is not a folder."""
        target_parts = _parts(member.link)
        folder = self.resolve(target_parts[:-1], create=False) if target_parts else None
        target = f"{folder}/{target_parts[-1]}" if folder else ""
        if not folder or not (stat.S_ISREG(_mode(target)) or stat.S_ISLNK(_mode(target))):
            raise BadImage(f"{member.name[:200]!r} is a link to what is no file of the image")
        if target != path:
            self._clear(path)
            os.link(target, path, follow_symlinks=False)

    def _whiteout(self, parents: tuple[str, ...], name: str) -> None:
        folder = self.resolve(parents, create=False)
        if name == _OPAQUE:
            if folder is not None and stat.S_ISDIR(_mode(folder)):
                self._hide_children(folder)
            return
        if name.startswith(".wh..wh."):
            return  # bookkeeping of AUFS
        hidden = name.removeprefix(_HIDE)
        if hidden in ("", ".", ".."):
            raise BadImage(f"{name!r} is no whiteout")
        if folder is not None:
            self._hide(f"{folder}/{hidden}")

    def _hide(self, path: str) -> None:
        """Takes away what lower layers have there; what this layer has put there stays."""
        if path not in self._mine:
            self._clear(path)
        elif stat.S_ISDIR(_mode(path)):
            self._hide_children(path)

    def _hide_children(self, folder: str) -> None:
        for name in os.listdir(folder):
            self._hide(f"{folder}/{name}")

    def _clear(self, path: str) -> None:
        """Nothing is there any more."""
        mode = _mode(path)
        if mode == 0:
            return
        if stat.S_ISDIR(mode):
            self._known.clear()
            shutil.rmtree(path)
        else:
            if stat.S_ISLNK(mode):
                self._known.clear()
            os.unlink(path)
        self._mine.discard(path)

    def _folder(self, parts: tuple[str, ...]) -> str:
        known = self._known.get(parts)
        if known is None:
            found = self.resolve(parts, create=True)
            assert found is not None
            if not stat.S_ISDIR(_mode(found)):
                raise BadImage(f"{'/'.join(parts)[:200]!r} is no folder")
            if len(self._known) > 10_000:
                self._known.clear()
            known = self._known[parts] = found
        return known

    def resolve(self, parts: tuple[str, ...], *, create: bool) -> str | None:
        """The real path, with links followed as if the root were `/`; with `create`, missing folders are made.

        Nobody else writes to the tree while it is unpacked, so that what was looked at stays as it is.
        """
        real: list[str] = []
        todo = list(reversed(parts))
        links = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del real[-1:]
                continue
            path = "/".join((self._root, *real, part))
            mode = _mode(path)
            if stat.S_ISLNK(mode):
                links += 1
                target = os.readlink(path)
                if links > _MOST_LINKS:
                    raise BadImage("too many links in a path")
                if target.startswith("/"):
                    real.clear()
                todo.extend(reversed(target.split("/")))
                continue
            if len(real) >= MOST_DEPTH:
                raise BadImage("folders nested too deeply")
            if mode == 0:
                if not create:
                    return None
                os.mkdir(path, 0o755)
                self._note(path)
            elif not stat.S_ISDIR(mode) and any(part not in ("", ".") for part in todo):
                raise BadImage(f"{path.removeprefix(self._root)[:200]!r} is no folder")
            real.append(part)
        return "/".join((self._root, *real))


class _Counted:
    """A stream that is hashed and bounded while it is read; each `read` gives all that was asked for, while it lasts."""

    def __init__(self, source: Source, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._hash = hashlib.sha256()
        self.count = 0

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self.count += len(data)
        if self.count > self._limit:
            raise ImageTooLarge("larger than the limit unpacked")
        self._hash.update(data)
        return data

    def drain(self) -> None:
        while self.read(_PIECE):
            pass

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _opened(file: BinaryIO) -> Source:
    magic = file.read(4)
    file.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return cast(Source, gzip.GzipFile(fileobj=file))
    if magic == b"\x28\xb5\x2f\xfd":
        raise BadImage("layers compressed with zstd are not supported")
    return file


def _parts(name: str) -> tuple[str, ...]:
    """The components of a member's name. Raises BadImage for one that leaves the root."""
    if "\0" in name:
        raise BadImage("a name has a null byte")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise BadImage(f"{name[:200]!r} leaves the image")
    return parts


def _mode(path: str) -> int:
    """Of the thing itself, not of what it links to; 0 where there is nothing."""
    with suppress(FileNotFoundError):
        return os.lstat(path).st_mode
    return 0
