"""Every runtime identifier as a small declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Family = Literal["python", "nodejs", "provided", "java", "ruby", "dotnet"]

_NODE_PATH = (
    "/opt/nodejs/node{version}/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task"
)
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html and the defaults of Lambda's base images
_VARIABLES: dict[Family, Mapping[str, str]] = {
    "python": {"PYTHONPATH": "/var/runtime", "LC_CTYPE": "C.UTF-8"},
    "nodejs": {"NODE_PATH": _NODE_PATH},
    "java": {},
    "ruby": {
        "RUBYLIB": "/var/task:/var/runtime/lib:/opt/ruby/lib",
        "GEM_PATH": "/var/task/vendor/bundle/ruby/{version}.0:/opt/ruby/gems/{version}.0",
    },
    "dotnet": {"DOTNET_ROOT": "/var/lang/bin", "DOTNET_NOLOGO": "true", "DOTNET_CLI_TELEMETRY_OPTOUT": "1"},
    "provided": {},
}
TRUST_STORE = "/etc/pki/java/cacerts"
"""Where Java finds the certificate authorities in a sandbox."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """`version` is that of the interpreter; `variables` are in its processes unless the function sets its own.
    `program` is the command that becomes the runtime process, where the sandbox's parent is not the runtime already."""

    name: str
    family: Family
    version: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    program: tuple[str, ...] = ()

    @property
    def execution_env(self) -> str:
        """The value of AWS_EXECUTION_ENV; custom runtimes do not have it."""
        return "" if self.family == "provided" else f"AWS_Lambda_{self.name}"


def _entries() -> list[Runtime]:
    versions: dict[Family, tuple[str, ...]] = {
        "python": ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"),
        "ruby": ("3.2", "3.3", "3.4"),
        "dotnet": ("6", "8", "10"),
    }
    entries = [
        Runtime(f"{family}{version}", family, version) for family, known in versions.items() for version in known
    ]
    entries += [Runtime(f"nodejs{version}.x", "nodejs", version) for version in ("14", "16", "18", "20", "22", "24")]
    entries += [Runtime("java8", "java", "8"), Runtime("java8.al2", "java", "8")]
    entries += [Runtime(f"java{version}", "java", version) for version in ("11", "17", "21", "25")]
    entries += [Runtime(name, "provided") for name in ("go1.x", "provided", "provided.al2", "provided.al2023")]
    return [replace(entry, variables=_variables(entry), program=_program(entry)) for entry in entries]


def _variables(runtime: Runtime) -> dict[str, str]:
    return {name: value.format(version=runtime.version) for name, value in _VARIABLES[runtime.family].items()}


def _program(runtime: Runtime) -> tuple[str, ...]:
    if runtime.family == "java":
        return ("/var/lang/bin/java", *_java_switches(int(runtime.version)), "-cp", "/var/java/client", "fogbank.Main")
    if runtime.family == "ruby":
        return ("/var/lang/bin/ruby", "/var/runtime/_fogbank/ruby/main.rb")
    if runtime.family == "dotnet":
        return ("/bin/sh", "-c", 'exec /var/lang/bin/dotnet exec "/var/task/$_HANDLER.dll"')
    return ()


def _java_switches(version: int) -> tuple[str, ...]:
    """As Lambda's own Java runtimes start (https://aws.amazon.com/blogs/compute/java-17-runtime-now-available-on-aws-lambda/),
    and what the runtime client needs."""
    tiered = ("-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1") if version >= 17 else ()
    opens = ("--add-opens=java.base/java.io=ALL-UNNAMED",) if version > 8 else ()
    unsafe = ("--sun-misc-unsafe-memory-access=allow",) if version >= 23 else ()
    trust = (f"-Djavax.net.ssl.trustStore={TRUST_STORE}", "-Djavax.net.ssl.trustStoreType=JKS")
    return ("-XX:MaxRAMPercentage=80", "-XX:+UseSerialGC", "-Xshare:auto", *tiered, *opens, *unsafe, *trust)


RUNTIMES: dict[str, Runtime] = {entry.name: entry for entry in _entries()}
