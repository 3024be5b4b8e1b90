"""Layers of images that strangers made, unpacked on disk: what stays inside, what is refused, what whiteouts do."""

import contextlib
import gzip
import io
import os
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.kit import layers
from fogbank.kit.image_uri import parse
from fogbank.kit.layers import BadImage, ImageTooLarge, Layer, inside
from fogbank.kit.tarball import BadTar, Tar
from tests.services.ecr.oci import digest_of, layer, member, tar

FOLDER, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "outer" / "root"
    made.mkdir(parents=True)
    return made


def unpack(root: Path, *archives: bytes, **options: Any) -> Path:
    chosen = []
    for number, data in enumerate(archives):
        path = root.parent / f"layer{number}"
        path.write_bytes(data)
        chosen.append(Layer(path, ""))
    layers.unpack(chosen, root, **options)
    return root


def refused(root: Path, *archives: bytes, **options: Any) -> str:
    """The reason; and nothing has been written beside the root."""
    with pytest.raises(BadImage) as caught:
        unpack(root, *archives, **options)
    assert not [path for path in root.parent.iterdir() if path.name != "root" and not path.name.startswith("layer")]
    return str(caught.value)


def tree(root: Path) -> dict[str, str]:
    """Every path with what is there: a text, `/` for a folder, `-> target` for a link."""
    found = {}
    for path in sorted(root.rglob("*")):
        text = f"-> {os.readlink(path)}" if path.is_symlink() else "/" if path.is_dir() else path.read_text()
        found[str(path.relative_to(root))] = text
    return found


def test_later_layers_change_and_hide(root: Path) -> None:
    low = layer({"a": b"1", "b/c": b"2", "b/d": b"3", "e/f": b"4", "keep/x": b"5"})
    high = layer({"a": b"new", "b/.wh.c": b"", "e/.wh..wh..opq": b"", "e/g": b"6", ".wh.nothing": b""})
    assert tree(unpack(root, low, gzip.compress(high))) == {
        "a": "new", "b": "/", "b/d": "3", "e": "/", "e/g": "6", "keep": "/", "keep/x": "5",
    }


def test_whiteouts_concern_lower_layers_only(root: Path) -> None:
    low = layer({"d/old": b"1", "e/old": b"1", "f": b"low"})
    high = layer({"d/new": b"2", "d/.wh..wh..opq": b"", "e/new": b"2", ".wh.e": b"", "f": b"high", ".wh.f": b""})
    assert tree(unpack(root, low, high)) == {"d": "/", "d/new": "2", "e": "/", "e/new": "2", "f": "high"}


def test_whiteout_tricks(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "victim"
    for name in (".wh...", ".wh..", ".wh.", "a/.wh..."):
        assert "whiteout" in refused(root, layer({name: b""})), name
    outside.mkdir()
    (outside / "file").write_text("mine")
    links = tar([(member("up", LINK, link=f"../../..{outside}"), b""), (member("abs", LINK, link=str(outside)), b"")])
    hide = layer({"up/.wh.file": b"", "abs/.wh.file": b"", "up/.wh..wh..opq": b"", "abs/.wh..wh..opq": b"", ".wh.abs": b""})
    unpack(root, links, hide)
    assert (outside / "file").read_text() == "mine"
    assert not (root / "abs").is_symlink()


def test_paths_stay_inside(root: Path) -> None:
    for name in ("../x", "a/../../x", "..", "a/..", "./../x"):
        assert "leaves the image" in refused(root, tar([(member(name), b"x")])), name
    assert tree(unpack(root, layer({"/etc/motd": b"hi", "./b": b"x"}))) == {"b": "x", "etc": "/", "etc/motd": "hi"}


def test_links_as_folders_lead_nowhere_else(root: Path, tmp_path: Path) -> None:
    """As in the image itself: `/` is the root, and `..` at the root is the root."""
    outside = tmp_path / "victim"
    outside.mkdir()
    archive = tar([
        (member("abs", LINK, link=str(outside)), b""),
        (member("up", LINK, link="../../../../../../x"), b""),
        (member("lib", LINK, link="usr/lib"), b""),
        (member("abs/one"), b"1"), (member("up/two"), b"2"), (member("lib/three"), b"3"),
        (member("self", LINK, link="/"), b""), (member("self/self/four"), b"4"),
    ])
    unpack(root, archive)
    assert not list(outside.iterdir())
    assert (root / str(outside)[1:] / "one").read_text() == "1"
    assert [(root / name).read_text() for name in ("x/two", "usr/lib/three", "four")] == ["2", "3", "4"]
    loop = tar([(member("l", LINK, link="m"), b""), (member("m", LINK, link="l"), b""), (member("l/x"), b"x")])
    assert "too many links" in refused(root, loop)


def test_a_file_is_written_in_the_place_of_a_link_not_through_it(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    unpack(root, tar([(member("f", LINK, link=str(victim)), b""), (member("f"), b"x"),
                      (member("d", LINK, link=str(tmp_path)), b""), (member("d", FOLDER), b""), (member("d/e"), b"y")]))
    assert victim.read_text() == "mine"
    assert tree(root) == {"f": "x", "d": "/", "d/e": "y"}


def test_hard_links(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    unpack(root, tar([(member("a"), b"1"), (member("b", HARD, link="a"), b""), (member("s", LINK, link="a"), b""),
                      (member("t", HARD, link="s"), b"")]))
    assert os.stat(root / "a").st_ino == os.stat(root / "b").st_ino
    assert os.readlink(root / "t") == "a"
    for target in ("../../secret", str(secret), "none", "", "."):
        reason = refused(root, tar([(member("x", HARD, link=target), b"")]))
        assert "no file of the image" in reason or "leaves" in reason, target
    outward = tar([(member("out", LINK, link=str(secret.parent)), b""), (member("x", HARD, link="out/secret"), b"")])
    refused(root, outward)
    # A link may be linked to, but not followed: what it names outside stays out of reach.
    unpack(root, tar([(member("s2", LINK, link=str(secret)), b""), (member("h", HARD, link="s2"), b"")]))
    assert (root / "h").is_symlink()
    secret.unlink()


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_special_files_are_refused_but_in_dev(root: Path, kind: bytes) -> None:
    assert "special file" in refused(root, tar([(member("x", kind), b"")]))
    unpack(root, tar([(member("dev/console", kind), b""), (member("y"), b"1")]))
    assert tree(root) == {"y": "1"}


def test_modes(root: Path) -> None:
    archive = tar([
        (member("suid", mode=0o6755), b"1"), (member("none", mode=0), b"2"), (member("tmp", FOLDER, mode=0o1777), b""),
        (member("shut", FOLDER, mode=0o6000), b""), (member("shut/in"), b"3"),
    ])
    unpack(root, archive)
    modes = {name: (root / name).stat().st_mode & 0o7777 for name in ("suid", "none", "tmp", "shut")}
    assert modes == {"suid": 0o755, "none": 0o400, "tmp": 0o1777, "shut": 0o700}


def test_times_are_kept(root: Path) -> None:
    """Python trusts compiled files by the time of their source."""
    unpack(root, tar([(member("a", mtime=1_600_000_000), b"1")]))
    assert (root / "a").stat().st_mtime == 1_600_000_000


def test_bombs(root: Path) -> None:
    big = gzip.compress(tar([(member("zeros"), bytes(5_000_000))]))
    assert len(big) < 10_000
    with pytest.raises(ImageTooLarge):
        unpack(root, big, limit=4_000_000)
    with pytest.raises(ImageTooLarge):  # over several layers
        unpack(root, layer({"a": bytes(3_000_000)}), layer({"b": bytes(3_000_000)}), limit=4_000_000)
    assert "too many files" in refused(root, layer({str(n): b"" for n in range(50)}), most_members=40)
    assert "more than 127 layers" in refused(root, *[layer({"a": b""})] * 128)
    deep = "/".join("d" * 300)
    assert "nested too deeply" in refused(root, layer({f"{deep}/x": b""}))


def test_bombs_of_headers_and_trailers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no file counts as well: extended headers, and what follows the archive."""
    monkeypatch.setattr(layers, "_SLACK", 3_000_000)
    header = io.BytesIO()
    with tarfile.open(fileobj=header, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member("a", pax_headers={"comment": "x" * 2_000_000}))
    assert "too large" in refused(root, header.getvalue())
    with pytest.raises(ImageTooLarge):
        unpack(root, gzip.compress(tar([(member("a"), b"")]) + bytes(5_000_000)), limit=1000)


def test_what_is_no_archive(root: Path) -> None:
    for data in (b"\x1f\x8b", b"\x1f\x8b" + b"x" * 100, b"hello", b"x" * 1024, gzip.compress(b"y" * 2000),
                 gzip.compress(layer({"a": bytes(9000)}))[:60], layer({"a": bytes(9000)})[:4000]):
        refused(root, data)
    assert "zstd" in refused(root, b"\x28\xb5\x2f\xfd" + b"x" * 50)
    refused(root, tar([(member("a" * 300), b"")]))  # longer than a file's name can be
    refused(root, tar([(member("f"), b""), (member("f/g"), b"")]))


def test_digests_of_layers_are_checked(root: Path) -> None:
    data = layer({"a": b"1"})
    path = root.parent / "layer"
    path.write_bytes(gzip.compress(data))
    layers.unpack([Layer(path, digest_of(data))], root)
    with pytest.raises(BadImage, match="its image says"):
        layers.unpack([Layer(path, digest_of(b"other"))], root)


def test_looking_inside(root: Path) -> None:
    unpack(root, tar([(member("opt", LINK, link="/usr/opt"), b""), (member("usr/opt/x"), b"1"),
                      (member("out", LINK, link="/etc"), b"")]))
    assert inside(root, "opt/x") == root / "usr/opt/x"
    assert inside(root, "out/passwd") is None
    assert inside(root, "../x") is None


NAMES = st.text("abc/._-é ", min_size=1, max_size=40).filter(lambda n: n.strip("/. ") != "" and n[-1] != "/")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES | st.text("ab", min_size=101, max_size=240), st.binary(max_size=2000), max_size=8),
       st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
def test_members_read_as_the_standard_library_writes_them(files: dict[str, bytes], form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            archive.addfile(member(name, size=len(data), mtime=7), io.BytesIO(data))
    reader = Tar(io.BytesIO(out.getvalue()))
    found = [(m.name, m.modified, b"".join(iter(lambda: reader.read(700), b""))) for m in reader]
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        expected = [(m.name, 7.0, files[name]) for m, name in zip(archive, files, strict=True)]
    assert [(name.rstrip("/"), when, data) for name, when, data in found] == expected


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_archives_are_refused_or_read(data: st.DataObject) -> None:
    """No damage gets anything but a refusal, or a file inside."""
    whole = bytearray(tar([
        (member("a/b", mode=0o644), b"text"), (member("l", LINK, link="a"), b""), (member("l/c"), b"x" * 600),
        (member("n" * 200), b"y"), (member("h", HARD, link="a/b"), b""), (member(".wh.a"), b""),
    ]))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
        block = place - place % 512
        header = whole[block : block + 512]
        header[148:156] = b" " * 8  # the checksum is put right, or all damage would stop there
        whole[block + 148 : block + 156] = b"%06o\0 " % sum(header)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        with contextlib.suppress(BadImage):
            unpack(root, bytes(whole))
        assert {path.name for path in Path(folder).iterdir()} <= {"root", "layer0"}


@given(st.binary(max_size=3000))
def test_nonsense_is_no_tar(data: bytes) -> None:
    try:
        for _ in Tar(io.BytesIO(data)):
            pass
    except BadTar:
        pass


@pytest.mark.parametrize(("text", "expected"), [
    ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:v1", ("123456789012", "eu-west-1", "a/b", "v1")),
    ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/aa:v1", ("123456789012", "cn-north-1", "aa", "v1")),
    ("123456789012.dkr.ecr.eu-west-1.localhost:4566/aa:v1", ("123456789012", "eu-west-1", "aa", "v1")),
    ("123456789012.dkr.ecr.eu-west-1.localhost.localstack.cloud:4566/aa:1", ("123456789012", "eu-west-1", "aa", "1")),
    ("localhost:4566/123456789012.dkr.ecr.eu-west-1/a/b:v1", ("123456789012", "eu-west-1", "a/b", "v1")),
    ("localhost:4566/a/b:v1", ("", "", "a/b", "v1")),
    ("127.0.0.1:4566/app:v1", ("", "", "app", "v1")),
])
def test_addresses(text: str, expected: tuple[str, str, str, str]) -> None:
    found = parse(text)
    assert found is not None
    assert (found.account, found.region, found.repository, found.tag) == expected
    assert found.base == text.rpartition(":")[0]
    digest = f"sha256:{'a' * 64}"
    by_digest = parse(f"{found.base}@{digest}")
    assert by_digest is not None
    assert (by_digest.repository, by_digest.digest, by_digest.tag) == (expected[2], digest, "")


@pytest.mark.parametrize("text", [
    "", "x", "x:1", "docker.io/x:1", "localhost:4566/app", "public.ecr.aws/a/b:1", "localhost:4566/A:1", "localhost:4566/a:",
    "123456789012.dkr.ecr.eu-west-1.evil.com/a:1", "localhost:4566/a@sha256:00",
])
def test_what_is_no_address(text: str) -> None:
    assert parse(text) is None
