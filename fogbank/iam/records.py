"""Identity's state. Names fold case for being unique, so keys hold the lower-case name beside the name as given.

Policies hang on an entity's unique id (AIDA..., AGPA..., AROA...), so renaming an entity moves nothing.
Secrets stand in plain in the database, which only its owner may read (mode 0600): a signature cannot be checked
without the secret itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fogbank.iam import principal as principals
from fogbank.iam.principal import Principal
from fogbank.kit import arn as arns
from fogbank.store import Record, Tx, record

PARTITION = "aws"


@record("iam.account", key=("account",), indexes={"alias": ("alias",)})
class Account(Record):
    account: str
    alias: str = ""
    password_policy: dict[str, Any] | None = None
    created: float = 0.0


@record("iam.user", key=("account", "folded"), indexes={"id": ("id",)})
class User(Record):
    account: str
    folded: str
    name: str
    id: str
    path: str
    created: float
    tags: dict[str, str] = {}
    boundary: str = ""
    """ARN of the managed policy that is its permissions boundary."""

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::{self.account}:user{self.path}{self.name}"


@record("iam.group", key=("account", "folded"), indexes={"id": ("id",)})
class Group(Record):
    account: str
    folded: str
    name: str
    id: str
    path: str
    created: float

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::{self.account}:group{self.path}{self.name}"


@record("iam.membership", key=("user_id", "group_id"), indexes={"group": ("group_id",)})
class Membership(Record):
    user_id: str
    group_id: str


@record("iam.role", key=("account", "folded"), indexes={"id": ("id",)})
class Role(Record):
    account: str
    folded: str
    name: str
    id: str
    path: str
    created: float
    trust: str
    """The trust policy, JSON as it was given."""
    description: str | None = None
    max_session: int = 3600
    """Seconds."""
    tags: dict[str, str] = {}
    boundary: str = ""
    linked_service: str = ""
    """The service that a service-linked role is for."""

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::{self.account}:role{self.path}{self.name}"


@record("iam.policy", key=("account", "folded"), indexes={"id": ("id",)})
class ManagedPolicy(Record):
    account: str
    folded: str
    name: str
    id: str
    path: str
    created: float
    updated: float
    default_version: str = "v1"
    next_version: int = 2
    description: str = ""
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::{self.account}:policy{self.path}{self.name}"


@record("iam.policy-version", key=("policy_id", "number"))
class PolicyVersion(Record):
    policy_id: str
    number: int
    """3 for `v3`."""
    document: str
    created: float

    @property
    def version_id(self) -> str:
        return f"v{self.number}"


@record("iam.attachment", key=("entity_id", "policy_arn"), indexes={"policy": ("account", "policy_arn")})
class Attachment(Record):
    entity_id: str
    policy_arn: str
    account: str


@record("iam.boundary-use", key=("account", "policy_arn", "entity_id"))
class BoundaryUse(Record):
    """Says of a managed policy whose boundary it is: for counts, and against deleting it."""

    account: str
    policy_arn: str
    entity_id: str


@record("iam.inline-policy", key=("entity_id", "name"))
class InlinePolicy(Record):
    entity_id: str
    name: str
    document: str


@record("iam.access-key", key=("access_key_id",), indexes={"user": ("account", "user_id")})
class AccessKey(Record):
    access_key_id: str
    account: str
    user_id: str
    """Empty for a key of the account's root user."""
    secret: str
    created: float
    status: str = "Active"
    """`Active` or `Inactive`."""


@record("iam-usage.access-key", key=("access_key_id",))
class AccessKeyUse(Record):
    """Apart from the key, and outside of `iam.`: writing it must not drop what is cached of every principal."""

    access_key_id: str
    at: float
    service: str
    region: str


@record("iam.login-profile", key=("user_id",))
class LoginProfile(Record):
    user_id: str
    created: float
    password_hash: str
    reset_required: bool = False


@record("iam.mfa-device", key=("account", "serial"), indexes={"user": ("user_id",)})
class MfaDevice(Record):
    account: str
    serial: str
    seed: str
    """Base 32."""
    created: float
    user_id: str = ""
    enabled: float = 0.0
    tags: dict[str, str] = {}


@record("iam.service-credential", key=("user_id", "id"))
class ServiceCredential(Record):
    user_id: str
    id: str
    service: str
    service_user: str
    password: str
    created: float
    status: str = "Active"


@record("iam.instance-profile", key=("account", "folded"), indexes={"role": ("role_id",)})
class InstanceProfile(Record):
    account: str
    folded: str
    name: str
    id: str
    path: str
    created: float
    role_id: str = ""
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::{self.account}:instance-profile{self.path}{self.name}"


@record("iam.oidc-provider", key=("account", "host"))
class OidcProvider(Record):
    account: str
    host: str
    """The issuer's URL without its scheme: `token.actions.githubusercontent.com`."""
    created: float
    client_ids: list[str] = []
    thumbprints: list[str] = []
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::{self.account}:oidc-provider/{self.host}"


@record("iam.saml-provider", key=("account", "name"))
class SamlProvider(Record):
    account: str
    name: str
    created: float
    metadata: str
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::{self.account}:saml-provider/{self.name}"


@record("iam.server-certificate", key=("account", "folded"))
class ServerCertificate(Record):
    account: str
    folded: str
    name: str
    id: str
    path: str
    created: float
    expires: float
    body: str
    chain: str = ""
    private_key: str = ""
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::{self.account}:server-certificate{self.path}{self.name}"


@record("iam.deletion-task", key=("account", "id"))
class DeletionTask(Record):
    """A service-linked role's deletion, which is done at once but asked for by its task's id."""

    account: str
    id: str
    created: float


def principal_of(tx: Tx, key: AccessKey) -> Principal | None:
    """Whose long-term access key it is; None where its user is gone."""
    if not key.user_id:
        return replace(principals.root(key.account), access_key_id=key.access_key_id)
    user = user_by_id(tx, key.user_id)
    if user is None:
        return None
    return Principal("user", user.account, user.arn, user.id, key.access_key_id, user.name)


def user_by_id(tx: Tx, unique_id: str) -> User | None:
    return next(iter(tx.find(User, "id", unique_id)), None)


def role_by_id(tx: Tx, unique_id: str) -> Role | None:
    return next(iter(tx.find(Role, "id", unique_id)), None)


def group_by_id(tx: Tx, unique_id: str) -> Group | None:
    return next(iter(tx.find(Group, "id", unique_id)), None)


def role_by_arn(tx: Tx, arn: str) -> Role | None:
    """The role of exactly this ARN, path included."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith("role/"):
        return None
    role = tx.get(Role, parsed.account, parsed.resource.rpartition("/")[2].lower())
    return role if role is not None and role.arn == arn else None


def policy_by_arn(tx: Tx, arn: str) -> ManagedPolicy | None:
    """The customer's managed policy of exactly this ARN; those of AWS are in `managed`."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith("policy/"):
        return None
    policy = tx.get(ManagedPolicy, parsed.account, parsed.resource.rpartition("/")[2].lower())
    return policy if policy is not None and policy.arn == arn else None
