"""Records as the API shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from fogbank.services.lambda_ import tenancy
from fogbank.services.lambda_.lookup import LATEST, Found
from fogbank.services.lambda_.records import Alias, Settings


def timestamp(seconds: float) -> str:
    """Lambda's `LastModified`: milliseconds, and an offset without a colon."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(seconds * 1000) % 1000:03d}+0000"


def configuration(found: Found) -> dict[str, Any]:
    """The `FunctionConfiguration` of a version, as GetFunctionConfiguration answers it."""
    s, name = found.settings, found.name
    qualified = name if name.qualifier else name.unqualified()
    image = s.package_type == "Image"
    return {
        "FunctionName": name.name,
        "FunctionArn": qualified.arn,
        "Runtime": s.runtime or None,
        "Role": s.role,
        "Handler": s.handler or None,
        "CodeSize": s.code.size,
        "Description": s.description,
        "Timeout": s.timeout,
        "MemorySize": s.memory,
        "LastModified": timestamp(found.modified),
        "CodeSha256": s.code.sha256,
        "Version": found.version,
        "VpcConfig": _vpc(s),
        "DeadLetterConfig": {"TargetArn": s.dead_letter} if s.dead_letter else None,
        "Environment": None if s.environment is None else {"Variables": s.environment},
        "KMSKeyArn": s.kms_key_arn or None,
        "TracingConfig": {"Mode": s.tracing},
        "RevisionId": found.revision,
        "Layers": [{"Arn": arn, "CodeSize": code.size} for arn, code in s.layer_codes.items()] or None,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "FileSystemConfigs": s.file_systems or None,
        "PackageType": s.package_type,
        "ImageConfigResponse": {"ImageConfig": s.image_config} if image and s.image_config else None,
        "Architectures": s.architectures,
        "EphemeralStorage": {"Size": s.ephemeral},
        "SnapStart": {
            "ApplyOn": s.snap_start,
            "OptimizationStatus": "On" if s.snap_start != "None" and found.version != LATEST else "Off",
        },
        "RuntimeVersionConfig": None if image else {"RuntimeVersionArn": _runtime_version(name.region, s.runtime)},
        "TenancyConfig": tenancy.view(s),
        "DurableConfig": s.durable,
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name.name}", **s.logging},
    }


def created(view: dict[str, Any], revision: str) -> dict[str, Any]:
    """CreateFunction answers before the function is active; the next look finds it so, under another revision."""
    pending = {
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
        "LastUpdateStatus": None,
        "RevisionId": revision,
    }
    return {**view, **pending}


def updated(view: dict[str, Any], revision: str) -> dict[str, Any]:
    """UpdateFunctionCode and UpdateFunctionConfiguration answer while the update is under way; its end is a revision of
    its own."""
    progress = {
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": "The function is being created.",
        "LastUpdateStatusReasonCode": "Creating",
        "RevisionId": revision,
    }
    return {**view, **progress}


def listed(view: dict[str, Any]) -> dict[str, Any]:
    """Lists leave out what would need a look at each function's state."""
    hidden = ("State", "StateReason", "StateReasonCode", "LastUpdateStatus", "RuntimeVersionConfig")
    return {key: value for key, value in view.items() if key not in hidden}


def alias(record: Alias) -> dict[str, Any]:
    return {
        "AliasArn": f"arn:aws:lambda:{record.region}:{record.account}:function:{record.function}:{record.name}",
        "Name": record.name,
        "FunctionVersion": record.version,
        "Description": record.description,
        "RoutingConfig": {"AdditionalVersionWeights": record.weights} if record.weights else None,
        "RevisionId": record.revision,
    }


def _vpc(s: Settings) -> dict[str, Any] | None:
    if s.vpc is None:
        return None
    return {
        "SubnetIds": s.vpc.get("SubnetIds", []),
        "SecurityGroupIds": s.vpc.get("SecurityGroupIds", []),
        "VpcId": s.vpc.get("VpcId", ""),
        "Ipv6AllowedForDualStack": s.vpc.get("Ipv6AllowedForDualStack", False),
    }


def _runtime_version(region: str, runtime: str) -> str:
    """AWS names each patch of a runtime by a digest; ours names the runtime."""
    return f"arn:aws:lambda:{region}::runtime:{sha256(runtime.encode()).hexdigest()}"
