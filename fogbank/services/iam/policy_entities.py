"""Whom a managed policy is attached to, or whose boundary it is."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.records import Attachment, BoundaryUse, Group, Role, User
from fogbank.services.iam import lookup
from fogbank.services.iam.access import on_arn
from fogbank.services.iam.lookup import Entity
from fogbank.services.iam.paging import page_of

_FILTERS: dict[str, type[Entity]] = {"User": User, "Role": Role, "Group": Group}


@on_arn("PolicyArn")
def list_entities_for_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    policy = lookup.policy(ctx, req["PolicyArn"])
    usage, prefix = req.get("PolicyUsageFilter"), req.get("PathPrefix") or "/"
    ids: set[str] = set()
    if usage != "PermissionsBoundary":
        ids.update(row.entity_id for row in ctx.tx.find(Attachment, "policy", ctx.account, policy.arn))
    if usage != "PermissionsPolicy":
        ids.update(use.entity_id for use in ctx.tx.scan(BoundaryUse, ctx.account, policy.arn))
    only = _FILTERS.get(req.get("EntityFilter") or "", object)
    entities = (_entity(ctx, entity_id) for entity_id in sorted(ids))
    wanted = [entity for entity in entities if isinstance(entity, only) and entity and entity.path.startswith(prefix)]
    found, more = page_of(req, wanted, lambda entity: entity.id)
    return {
        "PolicyGroups": [{"GroupName": e.name, "GroupId": e.id} for e in found if isinstance(e, Group)],
        "PolicyUsers": [{"UserName": e.name, "UserId": e.id} for e in found if isinstance(e, User)],
        "PolicyRoles": [{"RoleName": e.name, "RoleId": e.id} for e in found if isinstance(e, Role)],
        **more,
    }


def _entity(ctx: Context, entity_id: str) -> Entity | None:
    """By its unique id, whose prefix tells its kind."""
    if entity_id.startswith("AIDA"):
        return records.user_by_id(ctx.tx, entity_id)
    if entity_id.startswith("AGPA"):
        return records.group_by_id(ctx.tx, entity_id)
    return records.role_by_id(ctx.tx, entity_id)
