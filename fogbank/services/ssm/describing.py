"""DescribeParameters, with its filters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import paging
from fogbank.services.ssm import errors, ssm
from fogbank.services.ssm.names import parameter_arn
from fogbank.services.ssm.reading import position
from fogbank.services.ssm.records import Parameter, Version

_OPTIONS = {
    "Name": ("Equals", "BeginsWith", "Contains"),
    "Path": ("OneLevel", "Recursive"),
    "Type": ("Equals", "BeginsWith"),
    "KeyId": ("Equals", "BeginsWith"),
    "Tier": ("Equals",),
    "DataType": ("Equals", "BeginsWith"),
}
_HELD: dict[str, Callable[[Version], str]] = {
    "Type": lambda version: version.type,
    "KeyId": lambda version: version.key_id or "",
    "Tier": lambda version: version.tier,
    "DataType": lambda version: version.data_type,
}
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "Equals": lambda held, wanted: held == wanted,
    "BeginsWith": str.startswith,
    "Contains": lambda held, wanted: wanted in held,
}


@ssm.operation(access=lambda ctx, req: [("ssm:DescribeParameters", ctx.arn("*"))])
def describe_parameters(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("Filters") and req.get("ParameterFilters"):
        raise errors.invalid("You can use either Filters or ParameterFilters in a single request.")
    limit = req.get("MaxResults") or 10
    # The older form compares names by their beginning, the rest in whole.
    older = [
        {"Key": f["Key"], "Option": "BeginsWith" if f["Key"] == "Name" else "Equals", "Values": f["Values"]}
        for f in req.get("Filters") or []
    ]
    tests = [_test(chosen) for chosen in [*older, *(req.get("ParameterFilters") or [])]]
    page: list[Parameter] = []
    for parameter in ctx.tx.scan(Parameter, ctx.account, ctx.region, after=position(req.get("NextToken"))):
        if all(test(parameter) for test in tests):
            page.append(parameter)
            if len(page) > limit:
                break
    return {
        "Parameters": [metadata(ctx, p.name, p.latest) for p in page[:limit]],
        "NextToken": paging.encode(page[limit - 1].name) if len(page) > limit else None,
    }


def _test(chosen: dict[str, Any]) -> Callable[[Parameter], bool]:
    key, values = chosen["Key"], chosen.get("Values") or []
    if key.startswith("tag:"):
        tag = key[4:]
        return lambda p: tag in p.tags and (not values or p.tags[tag] in values)
    option = chosen.get("Option") or ("OneLevel" if key == "Path" else "Equals")
    if key not in _OPTIONS:
        raise AwsError("InvalidFilterKey", f"The following filter key is not valid: {key}. Valid filter keys include: "
                       f"[{', '.join(_OPTIONS)}].")
    if option not in _OPTIONS[key]:
        raise AwsError("InvalidFilterOption", f"The following filter option is not valid: {option}. "
                       f"Valid options include: [{', '.join(sorted(_OPTIONS[key]))}].")
    if not values:
        raise AwsError("InvalidFilterValue", f"The following filter values are missing : null for filter key {key}")
    if key == "Path":
        if any(not value.startswith("/") for value in values):
            raise errors.bad_path()
        return lambda p: any(_under(p.name, value, option == "Recursive") for value in values)
    compare = _COMPARE[option]
    if key == "Name":
        return lambda p: any(compare(p.name, v) or compare(p.name.lstrip("/"), v.lstrip("/")) for v in values)
    held = _HELD[key]
    return lambda p: any(compare(held(p.latest), v) for v in values)


def _under(name: str, path: str, deep: bool) -> bool:
    full, prefix = name if name.startswith("/") else f"/{name}", path.rstrip("/") + "/"
    return full.startswith(prefix) and (deep or "/" not in full[len(prefix) :])


def metadata(ctx: Context, name: str, version: Version) -> dict[str, Any]:
    return {
        "Name": name,
        "ARN": parameter_arn(ctx, name),
        "Type": version.type,
        "KeyId": version.key_id,
        "LastModifiedDate": round(version.modified, 3),
        "LastModifiedUser": version.modified_by,
        "Description": version.description,
        "AllowedPattern": version.pattern,
        "Version": version.number,
        "Tier": version.tier,
        "Policies": [
            {"PolicyText": json.dumps(policy), "PolicyType": policy["Type"], "PolicyStatus": "Pending"}
            for policy in (json.loads(version.policies) if version.policies else [])
        ],
        "DataType": version.data_type,
    }
