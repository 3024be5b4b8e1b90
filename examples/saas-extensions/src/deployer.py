"""Tenants and their extensions: what Lambda calls roles, functions, versions and aliases stays behind this."""

import io
import json
import os
import secrets
import time
import zipfile
from pathlib import Path

import boto3
from saas import STACK, Refused, answering, body, caller, client, function_of, log_group_of, parameter_of

HERE = Path(__file__).parent
PLANS = json.loads((HERE / "plans.json").read_text())
RUNTIMES = {"python": os.environ["PYTHON_RUNTIME"], "javascript": os.environ["NODE_RUNTIME"]}
SUFFIXES = {"python": ".py", "javascript": ".js"}
LIVE = "live"
CODE_LIMIT = 65_536
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

lambda_ = client("lambda")
iam, logs, ssm, gateway = (boto3.client(service) for service in ("iam", "logs", "ssm", "apigateway"))


# A tenant

def create_tenant(event):
    given = body(event, dict)
    plan = given.get("plan", "free")
    if plan not in tuple(PLANS):
        raise Refused(400, f"There is no plan {plan!r}.")
    tenant_id = "t" + secrets.token_hex(4)
    _create_role(tenant_id)
    logs.create_log_group(logGroupName=log_group_of(tenant_id), tags={"tenant": tenant_id})
    logs.put_retention_policy(logGroupName=log_group_of(tenant_id), retentionInDays=60)
    # By the alias that calls it, the collector knows whose result it holds.
    lambda_.create_alias(FunctionName=os.environ["COLLECTOR"], Name=tenant_id, FunctionVersion="$LATEST")
    key = gateway.create_api_key(name=function_of(tenant_id), enabled=True)
    gateway.create_usage_plan_key(usagePlanId=_usage_plan(plan), keyId=key["id"], keyType="API_KEY")
    # Last, since with this the tenant exists; what an earlier failure left has no tenant and costs nothing.
    tenant = {"name": str(given.get("name", ""))[:100], "plan": plan, "key": key["id"]}
    ssm.put_parameter(Name=parameter_of(tenant_id), Value=json.dumps(tenant), Type="String")
    return 201, {"id": tenant_id, "plan": plan, "key": key["value"]}


def _create_role(tenant_id):
    name = function_of(tenant_id)
    iam.create_role(
        Path=f"/{STACK}/tenants/", RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST),
        PermissionsBoundary=os.environ["BOUNDARY"], Tags=[{"Key": "tenant", "Value": tenant_id}],
    )
    log = f"arn:aws:logs:{os.environ['AWS_REGION']}:{os.environ['ACCOUNT']}:log-group:{log_group_of(tenant_id)}:*"
    statements = [
        (["logs:CreateLogStream", "logs:PutLogEvents"], log),
        (["lambda:InvokeFunction"], f"{os.environ['COLLECTOR']}:{tenant_id}"),
    ]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource} for actions, resource in statements],
    }
    iam.put_role_policy(RoleName=name, PolicyName="extension", PolicyDocument=json.dumps(policy))


def _usage_plan(plan):
    pages = gateway.get_paginator("get_usage_plans").paginate()
    return next(found["id"] for page in pages for found in page["items"] if found["name"] == f"{STACK}-{plan}")


# Its extension

def put_extension(event):
    tenant, given = caller(event), body(event, dict)
    language, code = given.get("language"), given.get("code")
    if language not in tuple(RUNTIMES):
        raise Refused(400, f"The language is one of {', '.join(RUNTIMES)}.")
    if not isinstance(code, str) or len(code.encode()) > CODE_LIMIT:
        raise Refused(400, f"The code is text of at most {CODE_LIMIT} bytes.")
    try:
        version = _publish(tenant, language, _package(language, code), str(given.get("note", ""))[:200])
    except lambda_.exceptions.ResourceConflictException:
        raise Refused(409, "Another deployment of this extension is under way.") from None
    _prove(tenant, version)
    _go_live(tenant, version)
    return 200, {"version": version}


def _package(language, code):
    suffix = SUFFIXES[language]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in (("handler", (HERE / "wrappers" / f"handler{suffix}").read_text()), ("snippet", code)):
            entry = zipfile.ZipInfo(name + suffix, time.gmtime()[:6])
            entry.external_attr = 0o644 << 16
            file.writestr(entry, text)
    return archive.getvalue()


def _publish(tenant, language, package, note):
    """A new version of the tenant's function, which is made at the first one."""
    name, plan = function_of(tenant["id"]), PLANS[tenant["plan"]]
    settings = {
        "FunctionName": name, "Runtime": RUNTIMES[language], "Handler": "handler.handler",
        "MemorySize": plan["MemorySize"], "Timeout": plan["Timeout"],
    }
    try:
        lambda_.update_function_configuration(**settings)
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=name)
        lambda_.update_function_code(FunctionName=name, ZipFile=package)
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=name)
    except lambda_.exceptions.ResourceNotFoundException:
        role = f"arn:aws:iam::{os.environ['ACCOUNT']}:role/{STACK}/tenants/{name}"
        lambda_.create_function(**settings, Role=role, Code={"ZipFile": package}, Tags={"tenant": tenant["id"]})
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=plan["Concurrency"])
    return lambda_.publish_version(FunctionName=name, Description=note)["Version"]


def _prove(tenant, version):
    """A version that cannot even be loaded does not replace one that works."""
    try:
        answer = lambda_.invoke(FunctionName=function_of(tenant["id"]), Qualifier=version, Payload=b'{"ping": true}')
    except lambda_.exceptions.TooManyRequestsException:
        raise Refused(429, "The extension is too busy to try the new version.") from None
    document = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise Refused(400, f"Version {version} does not work: {document.get('errorMessage')}")


def _go_live(tenant, version):
    name = function_of(tenant["id"])
    try:
        lambda_.update_alias(FunctionName=name, Name=LIVE, FunctionVersion=version)
    except lambda_.exceptions.ResourceNotFoundException:
        lambda_.create_alias(FunctionName=name, Name=LIVE, FunctionVersion=version)
    results = {"Destination": f"{os.environ['COLLECTOR']}:{tenant['id']}"}
    lambda_.put_function_event_invoke_config(
        FunctionName=name, Qualifier=LIVE, MaximumRetryAttempts=0, MaximumEventAgeInSeconds=3600,
        DestinationConfig={"OnSuccess": results, "OnFailure": results},
    )


# Its history

def list_versions(event):
    tenant = caller(event)
    versions, live = _history(tenant)
    shown = [
        {"version": v["Version"], "note": v["Description"], "created": v["LastModified"], "live": v["Version"] == live}
        for v in versions
    ]
    return 200, {"versions": shown}


def roll_back(event):
    """To the version named, or to the one before the live one."""
    tenant, wanted = caller(event), (body(event) or {}).get("version")
    versions, live = _history(tenant)
    numbers = [v["Version"] for v in versions]
    if wanted is None:
        wanted = next((n for n in reversed(numbers) if live and int(n) < int(live)), None)
    if wanted not in numbers:
        raise Refused(404, "There is no such version to go back to.")
    lambda_.update_alias(FunctionName=function_of(tenant["id"]), Name=LIVE, FunctionVersion=wanted)
    return 200, {"version": wanted}


def _history(tenant):
    """The published versions, oldest first, and the number of the live one."""
    name = function_of(tenant["id"])
    try:
        pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        versions = [v for page in pages for v in page["Versions"] if v["Version"] != "$LATEST"]
        live = lambda_.get_alias(FunctionName=name, Name=LIVE)["FunctionVersion"] if versions else None
    except lambda_.exceptions.ResourceNotFoundException:
        return [], None
    return sorted(versions, key=lambda v: int(v["Version"])), live


handler = answering({
    ("POST", "/tenants"): create_tenant,
    ("PUT", "/tenants/{id}/extension"): put_extension,
    ("GET", "/tenants/{id}/versions"): list_versions,
    ("POST", "/tenants/{id}/rollback"): roll_back,
})
