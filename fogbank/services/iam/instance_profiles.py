"""Instance profiles, each the holder of one role at most."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.records import PARTITION, InstanceProfile, Role
from fogbank.kit import ids
from fogbank.services.iam import iam, lookup, tagging, views
from fogbank.services.iam.access import creating, listing, on
from fogbank.services.iam.errors import already_exists, delete_conflict, limit_exceeded, no_such_entity
from fogbank.services.iam.paging import page


@creating("instance-profile", "InstanceProfileName")
def create_instance_profile(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["InstanceProfileName"]
    if ctx.tx.get(InstanceProfile, ctx.account, name.lower()):
        raise already_exists(f"Instance Profile {name} already exists.")
    profile = InstanceProfile(
        account=ctx.account,
        folded=name.lower(),
        name=name,
        id=ids.unique_id(ctx.random, "AIPA"),
        path=req.get("Path") or "/",
        created=ctx.now,
        tags=tagging.from_request(req.get("Tags")),
    )
    ctx.tx.insert(profile)
    return {"InstanceProfile": views.instance_profile(profile, None)}


@on(InstanceProfile, "InstanceProfileName")
def get_instance_profile(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"InstanceProfile": _view(ctx, lookup.instance_profile(ctx, req["InstanceProfileName"]))}


@listing("instance-profile")
def list_instance_profiles(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("PathPrefix") or "/"
    profiles, more = page(
        req,
        lambda after: (
            profile for profile in ctx.tx.scan(InstanceProfile, ctx.account, after=after)
            if profile.path.startswith(prefix)
        ),
        lambda profile: profile.folded,
    )
    return {"InstanceProfiles": [{**_view(ctx, profile), "Tags": None} for profile in profiles], **more}


@on(Role, "RoleName")
def list_instance_profiles_for_role(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    role = lookup.role(ctx, req["RoleName"])
    profiles, more = page(
        req,
        lambda after: ctx.tx.find(InstanceProfile, "role", role.id, after=after),
        lambda profile: [profile.account, profile.folded],
    )
    return {"InstanceProfiles": [{**_view(ctx, profile), "Tags": None} for profile in profiles], **more}


def _adding(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
    """A role is passed to the instances that will run with the profile."""
    profile = ctx.tx.get(InstanceProfile, ctx.account, req["InstanceProfileName"].lower())
    role = ctx.tx.get(Role, ctx.account, req["RoleName"].lower())
    prefix = f"arn:{PARTITION}:iam::{ctx.account}"
    return [
        ("iam:AddRoleToInstanceProfile",
         profile.arn if profile else f"{prefix}:instance-profile/{req['InstanceProfileName']}"),
        ("iam:PassRole", role.arn if role else f"{prefix}:role/{req['RoleName']}"),
    ]


@iam.operation(access=_adding)
def add_role_to_instance_profile(ctx: Context, req: dict[str, Any]) -> None:
    profile = lookup.instance_profile(ctx, req["InstanceProfileName"])
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    if profile.role_id:
        raise limit_exceeded("InstanceSessionsPerInstanceProfile", 1)
    profile.role_id = role.id
    ctx.tx.put(profile)


@on(InstanceProfile, "InstanceProfileName")
def remove_role_from_instance_profile(ctx: Context, req: dict[str, Any]) -> None:
    profile = lookup.instance_profile(ctx, req["InstanceProfileName"])
    role = lookup.role(ctx, req["RoleName"])
    if profile.role_id != role.id:
        raise no_such_entity(f"Role {role.name} is not in Instance Profile {profile.name}.")
    profile.role_id = ""
    ctx.tx.put(profile)


@on(InstanceProfile, "InstanceProfileName")
def delete_instance_profile(ctx: Context, req: dict[str, Any]) -> None:
    profile = lookup.instance_profile(ctx, req["InstanceProfileName"])
    if profile.role_id:
        raise delete_conflict("Cannot delete entity, must remove roles from instance profile first.")
    ctx.tx.delete(InstanceProfile, ctx.account, profile.folded)


def _view(ctx: Context, profile: InstanceProfile) -> dict[str, Any]:
    return views.instance_profile(profile, records.role_by_id(ctx.tx, profile.role_id) if profile.role_id else None)
