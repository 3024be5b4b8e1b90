"""AWS Identity and Access Management: users, groups, roles, policies, keys, providers. Global: one per account."""

from fogbank.api import Service

iam = Service("iam")

from fogbank.services.iam import (  # noqa: E402
    access_keys,
    account,
    attachments,
    authorization_details,
    boundaries,
    certificates,
    groups,
    inline_policies,
    instance_profiles,
    linked_roles,
    login_profiles,
    managed_policies,
    membership,
    mfa_devices,
    policy_entities,
    policy_versions,
    providers,
    roles,
    service_credentials,
    simulation,
    tags,
    trust,
    users,
)

__all__ = [
    "access_keys",
    "account",
    "attachments",
    "authorization_details",
    "boundaries",
    "certificates",
    "groups",
    "iam",
    "inline_policies",
    "instance_profiles",
    "linked_roles",
    "login_profiles",
    "managed_policies",
    "membership",
    "mfa_devices",
    "policy_entities",
    "policy_versions",
    "providers",
    "roles",
    "service_credentials",
    "simulation",
    "tags",
    "trust",
    "users",
]
