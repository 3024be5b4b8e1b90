"""Labels of a parameter's versions: a label stands on one version, and moves when it is put on another."""

from __future__ import annotations

import re
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.ssm import errors, ssm
from fogbank.services.ssm.names import access, select
from fogbank.services.ssm.records import OlderVersion, Parameter, Version

MOST = 10
_LABEL = re.compile(r"(?!aws|ssm)[a-zA-Z_.-][a-zA-Z0-9_.-]{0,99}", re.IGNORECASE)


@ssm.operation(access=access("LabelParameterVersion"))
def label_parameter_version(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    parameter, versions = _versions(ctx, req["Name"])
    number = req.get("ParameterVersion") or parameter.latest.number
    target = _target(parameter, versions, number)
    valid = [label for label in dict.fromkeys(req["Labels"]) if _LABEL.fullmatch(label)]
    wanted = list(dict.fromkeys([*target.labels, *valid]))
    if len(wanted) > MOST:
        raise AwsError(
            "ParameterVersionLabelLimitExceeded",
            "A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.",
        )
    for version in versions:
        version.labels = [label for label in version.labels if label not in valid]
    target.labels = wanted
    _save(ctx, parameter, versions)
    return {"InvalidLabels": [x for x in req["Labels"] if not _LABEL.fullmatch(x)], "ParameterVersion": number}


@ssm.operation(access=access("UnlabelParameterVersion"))
def unlabel_parameter_version(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    parameter, versions = _versions(ctx, req["Name"])
    target = _target(parameter, versions, req["ParameterVersion"])
    removed = [label for label in req["Labels"] if label in target.labels]
    target.labels = [label for label in target.labels if label not in removed]
    _save(ctx, parameter, versions)
    return {"RemovedLabels": removed, "InvalidLabels": [x for x in req["Labels"] if x not in removed]}


def _versions(ctx: Context, name: str) -> tuple[Parameter, list[Version]]:
    scope = (ctx.account, ctx.region)
    for candidate in select(ctx, name).names:
        parameter = ctx.tx.get(Parameter, *scope, candidate)
        if parameter is not None:
            older = [o.content for o in ctx.tx.scan(OlderVersion, *scope, candidate)]
            return parameter, [*older, parameter.latest]
    raise errors.not_found()


def _target(parameter: Parameter, versions: list[Version], number: int) -> Version:
    for version in versions:
        if version.number == number:
            return version
    raise errors.version_not_found(parameter.name, str(number))


def _save(ctx: Context, parameter: Parameter, versions: list[Version]) -> None:
    ctx.tx.put(parameter)
    for version in versions[:-1]:
        ctx.tx.put(
            OlderVersion(
                account=ctx.account, region=ctx.region, name=parameter.name, number=version.number, content=version
            )
        )
