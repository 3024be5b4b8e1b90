"""Compiled code between runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from fogbank import wire
from fogbank.wire.messages import Request
from fogbank.wire.model import UnknownService


def refuse(_: str) -> Any:
    raise AssertionError("the model was read")


def use(codecs: wire.Codecs) -> None:
    model = codecs.service("sts")
    assert "AssumeRole" in model.operation_names
    request = Request("POST", "/", "", {}, b"Action=GetCallerIdentity&Version=2011-06-15")
    route = model.route(request)
    operation = model.operation(route.operation)
    params = operation.parse(route, request, b"")
    operation.validate(params)
    assert operation.serialise("query", {"Account": "1"}, "r").status == 200


def test_a_warm_cache_reads_no_model(tmp_path: Path) -> None:
    use(wire.Codecs(tmp_path))
    use(wire.Codecs(tmp_path, read=refuse))


def test_names_need_no_compiled_operation(tmp_path: Path) -> None:
    wire.Codecs(tmp_path).service("ssm")
    assert "GetParameter" in wire.Codecs(tmp_path, read=refuse).service("ssm").operation_names


@pytest.mark.parametrize("damage", [b"", b"x", b"\x00" * 100])
def test_damage_is_repaired(tmp_path: Path, damage: bytes) -> None:
    use(wire.Codecs(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(damage or path.read_bytes()[:-1])
    use(wire.Codecs(tmp_path))
    use(wire.Codecs(tmp_path, read=refuse))


def test_a_directory_that_others_may_write_is_not_trusted(tmp_path: Path) -> None:
    use(wire.Codecs(tmp_path))
    (directory,) = tmp_path.iterdir()
    assert directory.stat().st_mode & 0o777 == 0o700
    directory.chmod(0o777)
    with pytest.raises(AssertionError, match="the model was read"):
        use(wire.Codecs(tmp_path, read=refuse))


def test_no_cache_at_all(tmp_path: Path) -> None:
    use(wire.Codecs(None))
    (tmp_path / "file").write_text("")
    use(wire.Codecs(tmp_path / "file"))


def test_unknown_services() -> None:
    for name in ("nope", "../s3", "", "s3/../iam"):
        with pytest.raises(UnknownService):
            wire.Codecs(None).service(name)


def test_botocore_is_not_imported() -> None:
    import subprocess

    code = (
        "import sys; from fogbank import wire; wire.Codecs(None).service('sts').operation('GetCallerIdentity')"
        ".serialise('query', {}, 'r'); sys.exit('botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
