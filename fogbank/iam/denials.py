"""What a denied caller is told: AWS's sentence, and the code that each service gives it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fogbank.iam.evaluate import Decision, Kind
from fogbank.kit.errors import AwsError


@dataclass(frozen=True, slots=True)
class Form:
    """How one service words it."""

    code: str
    status: int = 403
    quotes: bool = False
    """The resource stands in double quotes, and is left out where it is `*` (S3)."""
    prefix: str = ""
    """The service's own spelling of the action's prefix (`SNS:Subscribe`)."""
    lower: bool = False
    """The action is in lower case (`sqs:sendmessage`)."""
    before: str = ""


QUERY = Form("AccessDenied")
REST_JSON = Form("AccessDeniedException")
JSON = Form("AccessDeniedException", status=400)

# By botocore's name of the service; the others speak JSON.
_FORMS = {
    **dict.fromkeys(
        ("autoscaling", "cloudformation", "cloudfront", "cloudwatch", "docdb", "elasticache", "elasticbeanstalk", "elb",
         "elbv2", "iam", "monitoring", "neptune", "rds", "redshift", "route53", "ses", "sts"),
        QUERY,
    ),
    **dict.fromkeys(
        ("amplify", "apigateway", "apigatewaymanagementapi", "apigatewayv2", "appconfig", "appconfigdata", "appsync",
         "athena", "batch", "cognito-sync", "efs", "eks", "glacier", "iot", "iot-data", "kafka", "lambda", "mq",
         "opensearch", "pinpoint", "pipes", "quicksight", "ram", "rds-data", "redshift-data", "resource-groups",
         "scheduler", "schemas", "sesv2", "xray"),
        REST_JSON,
    ),
    "ec2": Form("UnauthorizedOperation", before="You are not authorized to perform this operation. "),
    "s3": Form("AccessDenied", quotes=True),
    "s3control": Form("AccessDenied", quotes=True),
    "sns": Form("AuthorizationError", prefix="SNS"),
    "sqs": Form("AccessDenied", lower=True),
}

_UNEXPLAINED = frozenset({"sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"})
"""Where a trust policy says no, STS does not say that it was that."""


def denial(decision: Decision, service: str) -> AwsError:
    """The error for a decision that denied a call to `service` (botocore's name)."""
    how = _FORMS.get(service, JSON)
    return AwsError(how.code, message(decision, how), status=how.status)


def message(decision: Decision, how: Form = QUERY) -> str:
    """AWS's sentence: who may not do what, and which kind of policy said so or was missing."""
    action = _action(decision.action, how)
    text = f"{how.before}User: {caller(decision)} is not authorized to perform: {action}"
    if how.quotes:
        text += "" if decision.resource == "*" else f' on resource: "{decision.resource}"'
    else:
        text += f" on resource: {_resource(decision)}"
    return text + _reason(decision, action)


def caller(decision: Decision) -> str:
    principal = decision.principal
    return "anonymous" if principal.kind == "anonymous" else principal.arn


# IAM names what exists by kind and name (`role hello`), what is yet to be made or handed on by its ARN.
_BY_ARN = frozenset(
    {"iam:CreateUser", "iam:CreateGroup", "iam:CreateRole", "iam:CreateInstanceProfile", "iam:CreateServiceLinkedRole",
     "iam:CreateOpenIDConnectProvider", "iam:CreateSAMLProvider", "iam:PassRole"}
)
_IAM_ENTITY = re.compile(r"arn:[^:]*:iam::[^:]*:(role|user|group|instance-profile|policy)/(?:.*/)?([^/]+)")


def _resource(decision: Decision) -> str:
    found = _IAM_ENTITY.fullmatch(decision.resource)
    if not found or not decision.action.startswith("iam:") or decision.action in _BY_ARN:
        return decision.resource
    kind, name = found.groups()
    if kind == "policy" and decision.action != "iam:CreatePolicy":
        return f"policy {decision.resource}"
    return f"{kind.replace('-', ' ')} {name}"


def _reason(decision: Decision, action: str) -> str:
    if decision.explicit:
        article = "an" if decision.kind is Kind.IDENTITY else "a"
        return f" with an explicit deny in {article} {decision.kind.value}"
    if decision.kind is Kind.RESOURCE and decision.action in _UNEXPLAINED:
        return ""
    return f" because no {decision.kind.value} allows the {action} action"


def _action(action: str, how: Form) -> str:
    if how.lower:
        return action.lower()
    return f"{how.prefix}:{action.partition(':')[2]}" if how.prefix else action
