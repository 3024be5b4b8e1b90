"""What stands in a sandbox's root file system, as the plan that the launcher builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fogbank.engine.runtimes import Tools, python, truststore
from fogbank.engine.runtimes.table import TRUST_STORE

INSIDE = Path(__file__).parent / "inside"
PLATFORM_ADDRESS = "127.0.7.1"
CA_BUNDLE = "/etc/pki/tls/certs/ca-bundle.crt"
_USER = "sbx_user1051"
_HOST_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def write_ca_bundle(data_dir: Path, own: Path | None) -> Path:
    """The machine's certificate authorities and Fogbank's own in one file."""
    target = data_dir / "cache" / "sandbox-ca.pem"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = ""
    for name in _HOST_BUNDLES:
        path = Path(name)
        if path.is_file():
            text = path.read_text(errors="replace")
            break
    if own is not None and own.is_file():
        text = text.rstrip("\n") + "\n" + own.read_text()
    target.write_text(text)
    return target


_FILES = {
    "/etc/group": f"root:x:0:\n{_USER}:x:990:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox.localdomain sandbox\n::1 localhost\n",
    "/etc/resolv.conf": f"nameserver {PLATFORM_ADDRESS}\noptions timeout:2 attempts:2\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "/etc/os-release": 'NAME="Amazon Linux"\nVERSION="2023"\nID="amzn"\nVERSION_ID="2023"\n',
    "/etc/system-release": "Amazon Linux release 2023 (Amazon Linux)\n",
}


# ES modules do not follow NODE_PATH, but Lambda's do: the directories above /var/task lead to the same places.
_NODE_LINKS = [("/var/node_modules", "/opt/nodejs/node_modules"), ("/node_modules", "/var/runtime/node_modules")]


def plan(
    tools: Tools, *, tier: str, data_dir: Path, ca_bundle: Path, with_sdk: bool, base_uid: int, slots: int
) -> dict[str, Any]:
    """Everything the launcher and the zygote are told, as JSON-able values."""
    root = data_dir / "run" / "root"
    root.mkdir(parents=True, exist_ok=True)
    binds = [
        ("/usr", "/usr"),
        ("/etc/ld.so.cache", "/etc/ld.so.cache"),
        ("/etc/alternatives", "/etc/alternatives"),
        ("/etc/services", "/etc/services"),
        ("/etc/protocols", "/etc/protocols"),
        (str(ca_bundle), CA_BUNDLE),
        (str(ca_bundle), "/etc/ssl/certs/ca-certificates.crt"),
        (str(INSIDE), "/var/runtime"),
        *tools.binds,  # what lies below /var/runtime must come after it
    ]
    zygote: dict[str, Any] = {}
    argv = ["/var/lang/bin/python", "-c", "from _fogbank import zygote; zygote.main()"]
    if tools.runtime.family == "python":
        argv[0] = tools.program
        if tools.sdk is not None:
            binds.append((str(tools.sdk), tools.site))
        elif tools.site.startswith("/var/lang/lib/python"):
            empty = data_dir / "run" / "empty"
            empty.mkdir(exist_ok=True)
            binds.append((str(empty), tools.site))
        zygote["site"] = tools.site
        zygote["ahead"] = {"python": True}
        if with_sdk and tools.sdk is not None:
            zygote["preload"] = ["_fogbank.python_runtime", "boto3"]
        else:
            zygote["preload"] = ["_fogbank.python_runtime"]
    else:
        own_binds, argv[0] = _own_python()
        binds += own_binds
        if tools.runtime.family == "nodejs":
            zygote["ahead"] = {
                "argv": ["/var/lang/bin/node", "/var/runtime/_fogbank/nodejs/main.cjs"],
                "env": {"NODE_EXTRA_CA_CERTS": CA_BUNDLE, "FOGBANK_AHEAD": "1", "PATH": "/var/lang/bin:/usr/bin:/bin"},
                "exec_ahead": True,
            }
        else:
            zygote["ahead"] = {"program": True}
        if tools.runtime.family == "java":
            binds.append((str(truststore.write(ca_bundle)), TRUST_STORE))
    return {
        "root": str(root),
        "tier": tier,
        "errors": str(data_dir / "log" / "sandbox.log"),
        "files": _FILES,
        # Each sandbox has a user of its own, of Lambda's name: the kernel counts some limits by user.
        "users": [_USER, 993, 1] if tier == "user" else [_USER, base_uid, slots],
        "binds": binds,
        "links": [*tools.links, *(_NODE_LINKS if tools.runtime.family == "nodejs" else [])],
        "argv": argv,
        "env": {
            "PYTHONPATH": "/var/runtime",
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "LC_CTYPE": "C.UTF-8",
            "TZ": ":UTC",
            "LD_LIBRARY_PATH": "/var/lang/lib:/var/fogbank/lib",
        },
        "zygote": zygote,
    }


def _own_python() -> tuple[list[tuple[str, str]], str]:
    """Fogbank's own interpreter, for the parent of sandboxes whose runtime is another program."""
    interpreter = python.own()
    prefix = interpreter.parent.parent
    if prefix in (Path("/usr"), Path("/usr/local")):
        return [], str(interpreter)
    return [(str(prefix), "/var/fogbank")], f"/var/fogbank/bin/{interpreter.name}"
