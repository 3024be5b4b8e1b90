"""Finding what a request names, or saying as IAM does that it is not there."""

from __future__ import annotations

from fogbank.api import Context
from fogbank.iam import managed, records
from fogbank.iam.managed import AwsPolicy
from fogbank.iam.records import Group, InstanceProfile, ManagedPolicy, Role, User
from fogbank.kit.errors import AwsError
from fogbank.services.iam.errors import no_such, no_such_entity, validation

Entity = User | Group | Role
ARN_UNPARSED = "Invalid ARN:  Could not be parsed!"


def user(ctx: Context, name: str) -> User:
    found = ctx.tx.get(User, ctx.account, name.lower())
    if found is None:
        raise no_such("user", name)
    return found


def own_or_named_user(ctx: Context, name: str | None) -> User:
    """The named user, or the calling one."""
    if name:
        return user(ctx, name)
    if ctx.principal.kind != "user":
        raise validation("Must specify userName when calling with non-User credentials")
    found = records.user_by_id(ctx.tx, ctx.principal.user_id)
    if found is None:
        raise no_such("user", ctx.principal.name)
    return found


def group(ctx: Context, name: str) -> Group:
    found = ctx.tx.get(Group, ctx.account, name.lower())
    if found is None:
        raise no_such("group", name)
    return found


def role(ctx: Context, name: str) -> Role:
    found = ctx.tx.get(Role, ctx.account, name.lower())
    if found is None:
        raise no_such("role", name)
    return found


def instance_profile(ctx: Context, name: str) -> InstanceProfile:
    found = ctx.tx.get(InstanceProfile, ctx.account, name.lower())
    if found is None:
        raise no_such_entity(f"Instance Profile {name} cannot be found.")
    return found


def own_policy(ctx: Context, arn: str) -> ManagedPolicy:
    """A customer's managed policy of this account, which may be changed."""
    _check_policy_arn(arn)
    found = records.policy_by_arn(ctx.tx, arn)
    if found is None or found.account != ctx.account:
        if managed.is_aws_arn(arn):
            raise validation("Cannot perform the operation on an AWS managed policy.")
        raise no_such_entity(f"Policy {arn} was not found.")
    return found


def policy(ctx: Context, arn: str) -> ManagedPolicy | AwsPolicy:
    """A managed policy, the customer's or AWS's."""
    _check_policy_arn(arn)
    if managed.is_aws_arn(arn):
        found = managed.all_policies().get(arn)
        if found is None:
            raise no_such_entity(f"Policy {arn} was not found.")
        return found
    return own_policy(ctx, arn)


def require_attachable(ctx: Context, arn: str) -> None:
    """Raises unless there is a managed policy of that ARN for this account."""
    _check_policy_arn(arn)
    text = f"Policy {arn} does not exist or is not attachable."
    if managed.is_aws_arn(arn):
        if arn not in managed.all_policies():
            raise no_such_entity(f"{text} (Fogbank does not have every AWS managed policy's document yet.)")
        return
    found = records.policy_by_arn(ctx.tx, arn)
    if found is None or found.account != ctx.account:
        raise no_such_entity(text)


def _check_policy_arn(arn: str) -> None:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise validation(ARN_UNPARSED)
    if parts[2] != "iam" or not parts[5].startswith("policy/"):
        raise validation(f"ARN {arn} is not valid.")


def refuse_linked(ctx: Context, role: Role) -> None:
    """Only its service changes a service-linked role."""
    if role.linked_service and ctx.principal.kind != "service":
        raise AwsError(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS",
        )
