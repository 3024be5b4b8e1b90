"""CloudFormation types of Lambda."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.lambda_ import lambda_

_NUMBERS = ("Timeout", "MemorySize")
_CONFIGURATION = (
    "Role", "Handler", "Description", "Timeout", "MemorySize", "VpcConfig", "Environment", "Runtime",
    "DeadLetterConfig", "KMSKeyArn", "TracingConfig", "Layers", "FileSystemConfigs", "ImageConfig", "EphemeralStorage",
    "SnapStart", "LoggingConfig", "DurableConfig",
)


@lambda_.resource_type
class FunctionResource(ResourceType):
    type_name = "AWS::Lambda::Function"
    required = frozenset({"Code", "Role"})
    properties = frozenset(
        {*_CONFIGURATION, "Code", "FunctionName", "Tags", "Architectures", "PackageType", "CodeSigningConfigArn",
         "ReservedConcurrentExecutions", "RuntimeManagementConfig", "RecursiveLoop", "KmsKeyArn", "TenancyConfig"}
    )
    create_only = frozenset({"FunctionName", "PackageType", "TenancyConfig"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("FunctionName") or call.generate_name(64)
        params: dict[str, Any] = {
            **_configuration(props),
            "FunctionName": name,
            "Code": _code(props["Code"], props.get("Runtime", "")),
            "Tags": _tags(call, props),
        }
        for key in ("Architectures", "PackageType", "CodeSigningConfigArn", "TenancyConfig"):
            if props.get(key):
                params[key] = props[key]
        try:
            answer = await call("lambda", "CreateFunction", params)
        except AwsError as error:
            if error.code != "ResourceConflictException" or props.get("FunctionName"):
                raise
            answer = await call("lambda", "GetFunctionConfiguration", {"FunctionName": name})
        await self._settings(call, name, {}, props)
        return Provisioned(name, {"Arn": answer["FunctionArn"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        name = current.physical_id
        if old.get("Code") != new.get("Code") or old.get("Architectures") != new.get("Architectures"):
            params = {"FunctionName": name, **_code(new["Code"], new.get("Runtime", ""))}
            if new.get("Architectures"):
                params["Architectures"] = new["Architectures"]
            await call("lambda", "UpdateFunctionCode", params)
        if _configuration(old) != _configuration(new):
            emptied = {key: _EMPTY[key] for key in _EMPTY if key in old and key not in new}
            await call(
                "lambda", "UpdateFunctionConfiguration", {"FunctionName": name, **emptied, **_configuration(new)}
            )
        await self._settings(call, name, old, new)
        wanted, had = _tags(call, new), _plain_tags(old)
        arn = current.attributes["Arn"]
        if gone := [key for key in had if key not in wanted]:
            await call("lambda", "UntagResource", {"Resource": arn, "TagKeys": gone})
        if wanted:
            await call("lambda", "TagResource", {"Resource": arn, "Tags": wanted})
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await _gone(call("lambda", "DeleteFunction", {"FunctionName": current.physical_id}))

    @staticmethod
    async def _settings(call: ResourceCall, name: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        """What has calls of its own."""
        reserved = new.get("ReservedConcurrentExecutions")
        if reserved is not None and reserved != old.get("ReservedConcurrentExecutions"):
            params = {"FunctionName": name, "ReservedConcurrentExecutions": int(reserved)}
            await call("lambda", "PutFunctionConcurrency", params)
        elif reserved is None and old.get("ReservedConcurrentExecutions") is not None:
            await call("lambda", "DeleteFunctionConcurrency", {"FunctionName": name})


@lambda_.resource_type
class VersionResource(ResourceType):
    type_name = "AWS::Lambda::Version"
    required = frozenset({"FunctionName"})
    create_only = frozenset({"FunctionName", "CodeSha256", "Description"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        params = {key: props[key] for key in ("FunctionName", "CodeSha256", "Description") if props.get(key)}
        answer = await call("lambda", "PublishVersion", params)
        await _provision(call, answer["FunctionArn"].rsplit(":", 1)[0], answer["Version"], props)
        return Provisioned(answer["FunctionArn"], {"Version": answer["Version"], "FunctionArn": answer["FunctionArn"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        function, version = current.physical_id.rsplit(":", 1)
        await _provision(call, function, version, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await _gone(call("lambda", "DeleteFunction", {"FunctionName": current.physical_id}))


@lambda_.resource_type
class AliasResource(ResourceType):
    type_name = "AWS::Lambda::Alias"
    required = frozenset({"FunctionName", "FunctionVersion", "Name"})
    create_only = frozenset({"FunctionName", "Name"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        answer = await call("lambda", "CreateAlias", _alias(props))
        await _provision(call, props["FunctionName"], props["Name"], props)
        return Provisioned(answer["AliasArn"], {"AliasArn": answer["AliasArn"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await call("lambda", "UpdateAlias", {"RoutingConfig": {}, **_alias(new)})
        await _provision(call, new["FunctionName"], new["Name"], new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        function, name = current.physical_id.rsplit(":", 1)
        await _gone(call("lambda", "DeleteAlias", {"FunctionName": function, "Name": name}))


@lambda_.resource_type
class PermissionResource(ResourceType):
    type_name = "AWS::Lambda::Permission"
    required = frozenset({"Action", "FunctionName", "Principal"})
    properties = frozenset(
        {"Action", "EventSourceToken", "FunctionName", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "Principal",
         "PrincipalOrgID", "SourceAccount", "SourceArn"}
    )
    create_only = properties

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        sid = call.generate_name(100)
        try:
            await call("lambda", "AddPermission", {**props, "StatementId": sid})
        except AwsError as error:
            if error.code != "ResourceConflictException":
                raise
        return Provisioned(sid, {"Id": sid})

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"FunctionName": props["FunctionName"], "StatementId": current.physical_id}
        await _gone(call("lambda", "RemovePermission", params))


@lambda_.resource_type
class LayerVersionResource(ResourceType):
    type_name = "AWS::Lambda::LayerVersion"
    required = frozenset({"Content"})
    properties = frozenset(
        {"CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LayerName", "LicenseInfo"}
    )
    create_only = properties

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("LayerName") or call.generate_name(64)
        answer = await call("lambda", "PublishLayerVersion", {**props, "LayerName": name})
        return Provisioned(answer["LayerVersionArn"], {"LayerVersionArn": answer["LayerVersionArn"]})

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        layer, version = current.physical_id.rsplit(":", 1)
        await _gone(call("lambda", "DeleteLayerVersion", {"LayerName": layer, "VersionNumber": int(version)}))


@lambda_.resource_type
class LayerVersionPermissionResource(ResourceType):
    type_name = "AWS::Lambda::LayerVersionPermission"
    required = frozenset({"Action", "LayerVersionArn", "Principal"})
    create_only = frozenset({"Action", "LayerVersionArn", "OrganizationId", "Principal"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        layer, version = props["LayerVersionArn"].rsplit(":", 1)
        sid = call.generate_name(100)
        params = {key: value for key, value in props.items() if key != "LayerVersionArn"}
        target = {"LayerName": layer, "VersionNumber": int(version), "StatementId": sid}
        await call("lambda", "AddLayerVersionPermission", {**params, **target})
        return Provisioned(f"{props['LayerVersionArn']}#{sid}", {"Id": sid})

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        arn, sid = current.physical_id.rsplit("#", 1)
        layer, version = arn.rsplit(":", 1)
        params = {"LayerName": layer, "VersionNumber": int(version), "StatementId": sid}
        await _gone(call("lambda", "RemoveLayerVersionPermission", params))


_EMPTY: dict[str, Any] = {
    "Description": "", "Environment": {"Variables": {}}, "Layers": [], "Timeout": 3, "MemorySize": 128,
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}, "DeadLetterConfig": {}, "TracingConfig":
    {"Mode": "PassThrough"}, "EphemeralStorage": {"Size": 512}, "SnapStart": {"ApplyOn": "None"}, "KMSKeyArn": "",
}


def _configuration(props: dict[str, Any]) -> dict[str, Any]:
    chosen = {key: props[key] for key in _CONFIGURATION if props.get(key) is not None}
    for key in _NUMBERS:
        if key in chosen:
            chosen[key] = int(chosen[key])
    if "EphemeralStorage" in chosen:
        chosen["EphemeralStorage"] = {"Size": int(chosen["EphemeralStorage"]["Size"])}
    if "DurableConfig" in chosen:
        chosen["DurableConfig"] = {
            key: value if key == "KMSKeyArn" else int(value) for key, value in chosen["DurableConfig"].items()
        }
    if variables := (chosen.get("Environment") or {}).get("Variables"):
        chosen["Environment"] = {"Variables": {key: _text(value) for key, value in variables.items()}}
    if chosen.get("KmsKeyArn"):
        chosen["KMSKeyArn"] = chosen.pop("KmsKeyArn")
    return chosen


def _code(code: dict[str, Any], runtime: str) -> dict[str, Any]:
    """Inline code becomes the one file `index` of its runtime's language; the rest passes."""
    if "ZipFile" not in code:
        return {key: value for key, value in code.items() if key != "SourceKMSKeyArn"}
    import io
    import zipfile

    name = "index.py" if runtime.startswith("python") else "index.js"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        # A fixed time, so that equal code has an equal digest.
        file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), code["ZipFile"])
    return {"ZipFile": archive.getvalue()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _plain_tags(props: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in props.get("Tags") or []}


def _tags(call: ResourceCall, props: dict[str, Any]) -> dict[str, str]:
    return {**call.tags, **_plain_tags(props)}


def _alias(props: dict[str, Any]) -> dict[str, Any]:
    params = {key: props[key] for key in ("FunctionName", "FunctionVersion", "Name", "Description") if props.get(key)}
    weights = (props.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or []
    if weights:
        shares = {entry["FunctionVersion"]: float(entry["FunctionWeight"]) for entry in weights}
        params["RoutingConfig"] = {"AdditionalVersionWeights": shares}
    return params


async def _provision(call: ResourceCall, function: str, qualifier: str, props: dict[str, Any]) -> None:
    wanted = (props.get("ProvisionedConcurrencyConfig") or {}).get("ProvisionedConcurrentExecutions")
    target = {"FunctionName": function, "Qualifier": qualifier}
    if wanted is not None:
        await call("lambda", "PutProvisionedConcurrencyConfig", {**target, "ProvisionedConcurrentExecutions": int(wanted)})


async def _gone(deletion: Any) -> None:
    try:
        await deletion
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
