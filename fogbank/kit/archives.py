"""Unpacking zip archives that strangers made: no path leaves the folder, no link, no bomb."""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO

# What the standard library raises for archives that are damaged, encrypted, or packed in ways it does not know.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError, OSError, UnicodeError,
    ValueError, OverflowError, struct.error, IndexError,
)


class BadArchive(Exception):
    """The archive is refused; the text says why."""


def unzip(source: BinaryIO, target: Path, *, limit: int, most_files: int = 100_000) -> int:
    """Unpacks into `target`, an empty directory of ours; returns the bytes written.

    Raises BadArchive for what is no zip, names outside of the folder, links that lead outside, special files, a file
    given twice as file and folder, and past `limit` bytes or `most_files` members: counted while writing, since the
    sizes in a zip's directory are claims.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            if len(members) > most_files:
                raise BadArchive(f"more than {most_files} files")
            written = 0
            for member in members:
                written += _extract(archive, member, target, limit - written)
            return written
    except _DAMAGE as error:
        raise BadArchive(str(error)) from error


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int) -> int:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or "\0" in member.filename:
        raise BadArchive(f"{member.filename!r} leaves the folder")
    path = target.joinpath(*name.parts)
    mode = member.external_attr >> 16
    if member.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    if stat.S_ISLNK(mode):
        return _link(archive, member, path, target)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise BadArchive(f"{member.filename!r} is neither file, folder nor link")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.resolve() != path.parent:
        raise BadArchive(f"{member.filename!r} goes through a link")
    # O_EXCL and O_NOFOLLOW: a name given twice, or over a link made before, is refused rather than written through.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    written = 0
    with open(os.open(path, flags, 0o755 if mode & 0o111 else 0o644), "wb") as output, archive.open(member) as data:
        while chunk := data.read(1 << 20):
            written += len(chunk)
            if written > room:
                raise BadArchive("unpacked size is past the limit")
            output.write(chunk)
    return written


def _link(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, target: Path) -> int:
    """A symbolic link is kept where it stays inside the folder (Node.js packages bring such links)."""
    if member.file_size > 4096:
        raise BadArchive(f"{member.filename!r} is a link of absurd length")
    to = archive.read(member).decode()
    inside = os.path.normpath(os.path.join(path.parent, to))
    if os.path.isabs(to) or not (inside + "/").startswith(str(target) + "/"):
        raise BadArchive(f"{member.filename!r} links outside of the folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.resolve() != path.parent:
        raise BadArchive(f"{member.filename!r} goes through a link")
    os.symlink(to, path)
    return len(to)
