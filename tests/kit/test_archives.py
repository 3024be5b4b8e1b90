"""Zip archives that strangers made: what leaves the folder, lies about its size, or goes through a link."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fogbank.kit.archives import BadArchive, unzip


def packed(*members: tuple[str, bytes] | tuple[str, bytes, int], compressed: bool = True) -> io.BytesIO:
    """Members as (name, data), or with a Unix mode as the third."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, data, *mode in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = archive.compression
            info.external_attr = (mode[0] if mode else stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data)
    buffer.seek(0)
    return buffer


def link(name: str, to: str) -> tuple[str, bytes, int]:
    return name, to.encode(), stat.S_IFLNK | 0o777


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "outside" / "target"
    folder.mkdir(parents=True)
    (tmp_path / "outside" / "secret").write_text("secret")
    return folder


def outside(target: Path) -> list[str]:
    return sorted(os.listdir(target.parent))


def test_a_package_is_unpacked_with_what_may_be_executed(target: Path) -> None:
    source = packed(("app.py", b"x = 1"), ("bin/run", b"#!/bin/sh", stat.S_IFREG | 0o755), link("bin/again", "run"))
    assert unzip(source, target, limit=1000) == 5 + 9 + 3
    assert (target / "app.py").read_bytes() == b"x = 1"
    assert not os.access(target / "app.py", os.X_OK)
    assert os.access(target / "bin/run", os.X_OK)
    assert (target / "bin/again").read_bytes() == b"#!/bin/sh"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a/..", "..\\x", "a\\..\\..\\x", "//x"])
def test_no_name_leaves_the_folder(target: Path, name: str) -> None:
    with pytest.raises(BadArchive):
        unzip(packed((name, b"x")), target, limit=1000)
    assert outside(target) == ["secret", "target"]


@pytest.mark.parametrize("to", ["..", "../secret", "/etc/passwd", "a/../../secret", "../target-2", "x/../../../secret"])
def test_no_link_leads_outside(target: Path, to: str) -> None:
    with pytest.raises(BadArchive):
        unzip(packed(link("l", to)), target, limit=1000)


def test_nothing_is_written_through_a_link(target: Path) -> None:
    (target / "d").mkdir()
    for members in (
        [link("l", "d"), ("l/x", b"through")],
        [("f", b"first"), link("l", "f"), ("l", b"over")],
        [link("a", "d"), link("a/b", "../../secret")],
    ):
        with pytest.raises(BadArchive):
            unzip(packed(*members), target, limit=1000)
        for path in list(target.iterdir()):
            if path.is_symlink() or path.is_file():
                path.unlink()
    assert list((target / "d").iterdir()) == []


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_special_files_are_refused(target: Path, kind: int) -> None:
    with pytest.raises(BadArchive):
        unzip(packed(("device", b"", kind | 0o666)), target, limit=1000)


def test_a_bomb_is_refused_by_what_it_unpacks_to_not_by_what_it_says(target: Path) -> None:
    bomb = bytearray(packed(("zeros", bytes(10_000_000))).getvalue())
    assert len(bomb) < 20_000
    with pytest.raises(BadArchive):
        unzip(io.BytesIO(bomb), target, limit=1_000_000)
    assert sum(path.stat().st_size for path in target.rglob("*")) <= 2_000_000
    many = packed(*[(f"f{n}", b"") for n in range(60)])
    with pytest.raises(BadArchive):
        unzip(many, target, limit=1000, most_files=50)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\3\4" + bytes(60), b"no archive at all"])
def test_what_is_no_archive(target: Path, data: bytes) -> None:
    with pytest.raises(BadArchive):
        unzip(io.BytesIO(data), target, limit=1000)


def test_damaged_data_is_refused(target: Path) -> None:
    whole = bytearray(packed(("f", bytes(range(256)) * 40)).getvalue())
    whole[31:45] = b"\xff" * 14
    with pytest.raises(BadArchive):
        unzip(io.BytesIO(whole), target, limit=100_000)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_archives_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever the bytes: unpacked within the folder, or refused."""
    whole = bytearray(packed(("a/b.txt", b"hello" * 50), link("c", "a"), ("d", b"x")).getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged") / "target"
    folder.mkdir()
    with contextlib.suppress(BadArchive):
        unzip(io.BytesIO(whole), folder, limit=10_000)
    assert os.listdir(folder.parent) == ["target"]
    assert all(path.resolve().is_relative_to(folder) for path in folder.rglob("*"))
