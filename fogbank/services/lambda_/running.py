"""From a function's record to what the engine runs."""

from __future__ import annotations

import hashlib

import msgspec

from fogbank.api import Context
from fogbank.engine.spec import FunctionSpec, VpcConfig
from fogbank.services.lambda_ import admission, images, packages
from fogbank.services.lambda_.lookup import Found
from fogbank.services.lambda_.records import Code
from fogbank.services.lambda_.scaling import Demand


class Runnable(msgspec.Struct, frozen=True):
    """A version with all that an invocation needs, read in one transaction."""

    found: Found
    layers: list[Code]
    demand: Demand

    @property
    def revision(self) -> str:
        """Changes when code, configuration or layers do; not with an alias or a tag."""
        return hashlib.sha256(msgspec.json.encode((self.found.settings, self.layers))).hexdigest()[:16]


def runnable(ctx: Context, found: Found) -> Runnable:
    return Runnable(found, list(found.settings.layer_codes.values()), admission.demand(ctx, found))


async def spec(ctx: Context, what: Runnable) -> FunctionSpec:
    """The engine's specification; unpacks code that is not unpacked any more."""
    found, s = what.found, what.found.settings
    image = await images.config(ctx, found.name, s) if s.package_type == "Image" else None
    name = found.name._replace(qualifier=found.version)
    vpc = s.vpc or {}
    return FunctionSpec(
        function_arn=name.arn,
        account=name.account,
        region=name.region,
        name=name.name,
        version=found.version,
        runtime=s.runtime,
        handler=s.handler,
        revision=what.revision,
        code_dir=None if image else await packages.restore(ctx, s.code),
        image=image,
        layers=tuple([await packages.restore(ctx, code) for code in what.layers]),
        architecture="arm64" if s.architectures == ["arm64"] else "x86_64",
        environment=s.environment or {},
        memory_mb=s.memory,
        timeout_s=s.timeout,
        ephemeral_mb=s.ephemeral,
        role_arn=s.role,
        log_group=s.logging.get("LogGroup") or f"/aws/lambda/{name.name}",
        log_format=s.logging.get("LogFormat", "Text"),
        application_log_level=s.logging.get("ApplicationLogLevel"),
        system_log_level=s.logging.get("SystemLogLevel"),
        tracing="Active" if s.tracing == "Active" else "PassThrough",
        vpc=VpcConfig(vpc.get("VpcId", ""), tuple(vpc.get("SubnetIds", ())), tuple(vpc.get("SecurityGroupIds", ())))
        if vpc
        else None,
        snap_start=s.snap_start == "PublishedVersions",
    )
