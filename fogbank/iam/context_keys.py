"""Global condition keys: which derive from the principal, and which the pipeline must supply.

From the principal (this module): aws:PrincipalArn, aws:PrincipalAccount, aws:PrincipalType, aws:userid, aws:username,
aws:PrincipalTag/*, aws:PrincipalIsAWSService, aws:PrincipalServiceName, aws:TokenIssueTime,
aws:MultiFactorAuthPresent, aws:SourceIdentity (also as sts:SourceIdentity). The authoriser adds the principal's own
`context` (aws:SourceArn, aws:SourceAccount of a service; aws:FederatedProvider of a session).

From the clock (the authoriser): aws:CurrentTime, aws:EpochTime.

From the request, by the caller of `Authoriser.decide`: those of `REQUEST_KEYS`; a key that does not apply is left out.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from fogbank.iam.facts import Values
from fogbank.iam.principal import Principal

REQUEST_KEYS = (
    "aws:SourceIp",  # text of the peer's address; left out for calls that a service makes in the caller's name
    "aws:SecureTransport",  # bool
    "aws:UserAgent",
    "aws:referer",
    "aws:RequestedRegion",
    "aws:ViaAWSService",  # bool: an AWS service makes the call with the caller's credentials (CloudFormation, Athena)
    "aws:CalledVia",  # list of service principals, first to last; left out for a direct call
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:RequestTag/KEY",  # one for each tag in the request
    "aws:TagKeys",  # list of the tag keys in the request
    "aws:ResourceTag/KEY",  # one for each tag on the resource
    "aws:ResourceAccount",
    "aws:SourceArn",  # of calls that a service makes for a resource
    "aws:SourceAccount",
)

_TYPES = {
    "root": "Account",
    "user": "User",
    "assumed-role": "AssumedRole",
    "federated-user": "FederatedUser",
    "anonymous": "Anonymous",
}


def of_principal(principal: Principal, tags: Mapping[str, str]) -> dict[str, Values]:
    """The keys that follow from who calls, in lower case, with their values.

    `tags` are those of the user or the role; the session's own tags override them.
    """
    keys: dict[str, Values] = {
        "aws:userid": (principal.user_id,),
        "aws:principalisawsservice": ("true" if principal.kind == "service" else "false",),
    }
    if principal.kind in _TYPES:
        keys["aws:principaltype"] = (_TYPES[principal.kind],)
    if principal.account:
        keys["aws:principalaccount"] = (principal.account,)
    if principal.kind == "service":
        keys["aws:principalservicename"] = (principal.arn,)
    elif principal.kind != "anonymous":
        keys["aws:principalarn"] = (principal.role_arn or principal.arn,)
    if principal.kind == "user":
        keys["aws:username"] = (principal.name,)
    if principal.issued_at:
        issued = datetime.fromtimestamp(principal.issued_at, UTC)
        keys["aws:tokenissuetime"] = (issued.strftime("%Y-%m-%dT%H:%M:%SZ"),)
        keys["aws:multifactorauthpresent"] = ("false",)
    if principal.source_identity:
        keys["aws:sourceidentity"] = keys["sts:sourceidentity"] = (principal.source_identity,)
    for key, value in tags.items():
        keys[f"aws:principaltag/{key.lower()}"] = (value,)
    for key, value in principal.session_tags:
        keys[f"aws:principaltag/{key.lower()}"] = (value,)
    return keys


def of_tags(
    requested: Mapping[str, str] | None = None, on_resource: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The keys for tags in the request and on the resource, as `REQUEST_KEYS` spells them."""
    keys: dict[str, object] = {f"aws:RequestTag/{key}": value for key, value in (requested or {}).items()}
    if requested:
        keys["aws:TagKeys"] = list(requested)
    keys.update((f"aws:ResourceTag/{key}", value) for key, value in (on_resource or {}).items())
    return keys
