"""The account itself: alias, password policy, summary, credential report."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from fogbank.api import Context
from fogbank.iam.records import (
    PARTITION,
    AccessKey,
    Account,
    Group,
    InstanceProfile,
    LoginProfile,
    ManagedPolicy,
    MfaDevice,
    OidcProvider,
    Role,
    SamlProvider,
    ServerCertificate,
    User,
)
from fogbank.services.iam import quotas
from fogbank.services.iam.access import account_wide
from fogbank.services.iam.errors import already_exists, no_such_entity

_PASSWORD_POLICY = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}


@account_wide
def create_account_alias(ctx: Context, req: dict[str, Any]) -> None:
    alias = req["AccountAlias"]
    owner = next(iter(ctx.tx.find(Account, "alias", alias)), None)
    if owner is not None and owner.account != ctx.account:
        raise already_exists(f"The account alias {alias} already exists.")
    account = _account(ctx)
    account.alias = alias
    ctx.tx.put(account)


@account_wide
def delete_account_alias(ctx: Context, req: dict[str, Any]) -> None:
    account = _account(ctx)
    if account.alias != req["AccountAlias"]:
        raise no_such_entity(f"The account alias {req['AccountAlias']} cannot be found.")
    account.alias = ""
    ctx.tx.put(account)


@account_wide
def list_account_aliases(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    alias = _account(ctx).alias
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}


@account_wide
def update_account_password_policy(ctx: Context, req: dict[str, Any]) -> None:
    """A member that is left out goes back to its default."""
    account = _account(ctx)
    account.password_policy = {**_PASSWORD_POLICY, **{key: value for key, value in req.items() if value is not None}}
    ctx.tx.put(account)


@account_wide
def get_account_password_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    policy = _account(ctx).password_policy
    if policy is None:
        raise no_such_entity(f"The Password Policy with domain name {ctx.account} cannot be found.")
    return {"PasswordPolicy": {**policy, "ExpirePasswords": bool(policy.get("MaxPasswordAge"))}}


@account_wide
def delete_account_password_policy(ctx: Context, req: dict[str, Any]) -> None:
    account = _account(ctx)
    if account.password_policy is None:
        raise no_such_entity("The account policy with name PasswordPolicy cannot be found.")
    account.password_policy = None
    ctx.tx.put(account)


@account_wide
def get_account_summary(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    tx, account = ctx.tx, ctx.account
    devices = list(tx.scan(MfaDevice, account))
    counts = {
        "Users": tx.count(User, account),
        "Groups": tx.count(Group, account),
        "Roles": tx.count(Role, account),
        "Policies": tx.count(ManagedPolicy, account),
        "InstanceProfiles": tx.count(InstanceProfile, account),
        "ServerCertificates": tx.count(ServerCertificate, account),
        "Providers": tx.count(OidcProvider, account) + tx.count(SamlProvider, account),
        "MFADevices": len(devices),
        "MFADevicesInUse": sum(1 for device in devices if device.user_id),
        "AccountAccessKeysPresent": int(any(tx.find(AccessKey, "user", account, "", limit=1))),
        "AccountMFAEnabled": 0,
        "AccountPasswordPresent": 1,
        "AccountSigningCertificatesPresent": 0,
    }
    limits = {
        "UsersQuota": 5000,
        "GroupsQuota": 300,
        "RolesQuota": 1000,
        "PoliciesQuota": 1500,
        "InstanceProfilesQuota": 1000,
        "ServerCertificatesQuota": 20,
        "GroupsPerUserQuota": 10,
        "AccessKeysPerUserQuota": 2,
        "AttachedPoliciesPerUserQuota": quotas.ATTACHED["user"],
        "AttachedPoliciesPerGroupQuota": quotas.ATTACHED["group"],
        "AttachedPoliciesPerRoleQuota": quotas.ATTACHED["role"],
        "UserPolicySizeQuota": quotas.INLINE["user"],
        "GroupPolicySizeQuota": quotas.INLINE["group"],
        "RolePolicySizeQuota": quotas.INLINE["role"],
        "AssumeRolePolicySizeQuota": 2048,
        "PolicySizeQuota": quotas.MANAGED_POLICY,
        "VersionsPerPolicyQuota": quotas.VERSIONS,
        "SigningCertificatesPerUserQuota": 2,
        "GlobalEndpointTokenVersion": 1,
    }
    return {"SummaryMap": {**counts, **limits}}


@account_wide
def generate_credential_report(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """The report is made when it is read, so that there is nothing to wait for."""
    return {"State": "COMPLETE"}


@account_wide
def get_credential_report(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([
        "user", "arn", "user_creation_time", "password_enabled", "mfa_active", "access_key_1_active",
        "access_key_1_last_rotated", "access_key_2_active", "access_key_2_last_rotated",
    ])
    root = f"arn:{PARTITION}:iam::{ctx.account}:root"
    writer.writerow(["<root_account>", root, _time(0.0), "not_supported", "false", *_keys(ctx, "")])
    for user in ctx.tx.scan(User, ctx.account):
        password = ctx.tx.get(LoginProfile, user.id) is not None
        mfa = any(ctx.tx.find(MfaDevice, "user", user.id, limit=1))
        writer.writerow([
            user.name, user.arn, _time(user.created), str(password).lower(), str(mfa).lower(), *_keys(ctx, user.id),
        ])
    return {"Content": out.getvalue().rstrip("\n").encode(), "ReportFormat": "text/csv", "GeneratedTime": ctx.now}


def _keys(ctx: Context, user_id: str) -> list[str]:
    cells: list[str] = []
    for key in ctx.tx.find(AccessKey, "user", ctx.account, user_id):
        cells += [str(key.status == "Active").lower(), _time(key.created)]
    return [*cells, *["false", "N/A"] * (2 - len(cells) // 2)]


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _account(ctx: Context) -> Account:
    return ctx.tx.get(Account, ctx.account) or Account(account=ctx.account, created=ctx.now)
