"""CloudFormation's state: stacks, the revisions of their templates, resources, events, operations and their steps."""

from __future__ import annotations

from typing import Any

from fogbank.iam.principal import Principal
from fogbank.services.cloudformation.parameters import Parameter
from fogbank.store import Record, record


@record(
    "cloudformation.stack",
    key=("account", "region", "uuid"),
    indexes={
        "name": ("account", "region", "name", "live"),
        "created": ("account", "region", "created"),
        "living": ("account", "region", "live", "created"),
        "parent": ("parent",),
    },
)
class Stack(Record):
    """A stack; one that was deleted stays readable by its id."""

    account: str
    region: str
    uuid: str
    name: str
    live: int = 1
    """0 once it is deleted: its name is free."""
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    created: float = 0.0
    updated: float = 0.0
    deleted: float = 0.0
    current: int = 0
    """The revision that stands; 0 before the first is complete."""
    target: int = 0
    """The revision that the operation under way leads to."""
    revisions: int = 0
    unsettled: int = 0
    """The update that failed and was neither rolled back nor made good yet (UPDATE_FAILED)."""
    operations: int = 0
    events: int = 0
    last_event: float = 0.0
    """When the latest event was: no two of a stack have the same time, since clients sort by it."""
    disable_rollback: bool = False
    protected: bool = False
    timeout_minutes: int = 0
    role_arn: str = ""
    change_set_id: str = ""
    parent: str = ""
    """The uuid of the stack that this one is nested in."""
    parent_step: tuple[int, str] = (0, "")
    """Operation and step of the parent that wait for this stack's operation."""
    root: str = ""
    policy: str = ""
    token: str = ""
    """ClientRequestToken of the request that began the latest operation."""
    outputs: list[dict[str, str]] = []

    @property
    def id(self) -> str:
        return f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{self.name}/{self.uuid}"


@record("cloudformation.revision", key=("stack", "number"))
class Revision(Record):
    """What a stack was asked to be: template, parameters, tags."""

    stack: str
    number: int
    body: str
    """The template as it was sent."""
    document: str
    """The template after its transforms, as JSON."""
    description: str = ""
    transformed: bool = False
    extensions: bool = False
    parameters: list[Parameter] = []
    tags: dict[str, str] = {}
    capabilities: list[str] = []
    notification_arns: list[str] = []
    rollback_configuration: dict[str, Any] = {}


class Former(Record):
    """A resource as it was: what a rollback goes back to, or a cleanup deletes."""

    type: str
    physical_id: str
    properties: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    needs: list[str] = []
    metadata: Any = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    tags: dict[str, str] = {}
    status: str = ""


@record("cloudformation.resource", key=("stack", "logical_id"), indexes={"physical": ("physical_id",)})
class Resource(Record):
    """One resource of a stack, as it is."""

    stack: str
    logical_id: str
    type: str
    physical_id: str = ""
    status: str = ""
    reason: str = ""
    updated: float = 0.0
    properties: dict[str, Any] = {}
    """Resolved, as the resource was made or changed with last."""
    attributes: dict[str, Any] = {}
    needs: list[str] = []
    """The resources that this one was made after; deletion goes the other way."""
    metadata: Any = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    tags: dict[str, str] = {}
    no_echo: bool = False
    """Whether its attributes are masked where they are shown (custom resources)."""
    touched: int = 0
    """The update that changed it last."""
    before: Former | None = None
    """What it was before that update; None where that update made it."""
    attempted: dict[str, Any] = {}
    """The properties that an update tried to give it, for the rollback of one that failed half-way."""


@record("cloudformation.leftover", key=("stack", "logical_id", "physical_id"))
class Leftover(Record):
    """A physical resource that an update replaced or removed; the cleanup deletes it."""

    stack: str
    logical_id: str
    physical_id: str
    former: Former
    policy: str = "Delete"


@record("cloudformation.event", key=("stack", "sequence"))
class Event(Record):
    stack: str
    sequence: int
    id: str
    time: float
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    properties: str = ""
    token: str = ""


@record("cloudformation.operation", key=("stack", "number"))
class Operation(Record):
    """One phase of a stack's life (create, update, roll back, clean up, delete) and how far it is."""

    stack: str
    number: int
    kind: str
    account: str
    region: str
    principal: Principal
    """Who deploys; calls are made in this name, or in that of `role_arn`."""
    role_arn: str = ""
    token: str = ""
    """ClientRequestToken."""
    running: int = 0
    """Steps that run."""
    deferred: int = 0
    """Steps that wait for something outside: a signal, a custom resource's answer, a nested stack."""
    failed: list[str] = []
    halted: bool = False
    """Whether no further step may begin."""
    reason: str = ""
    on_failure: str = "ROLLBACK"
    retain: list[str] = []
    skip: list[str] = []
    policy: str = ""
    """The stack policy during this update, where it is not the stack's own."""
    delete_new: bool = False
    """Whether a rollback deletes what was made even where it shall be retained."""
    update: int = 0
    """For what follows an update: that update's number."""
    ended: bool = False


@record("cloudformation.step", key=("stack", "operation", "logical_id"), indexes={"state": ("stack", "operation", "state")})
class Step(Record):
    """One resource's part in an operation. States: blocked, ready, running, deferred, done, failed."""

    stack: str
    operation: int
    logical_id: str
    action: str
    state: str = "blocked"
    waits: int = 0
    """How many steps it still waits for."""
    users: list[str] = []
    """The steps that wait for it."""
    token: str = ""
    started: float = 0.0
    physical_id: str = ""
    properties: dict[str, Any] = {}
    """What it resolved its properties to, kept where it is deferred."""
    data: dict[str, Any] = {}
    replaces: bool = False


@record("cloudformation.callback", key=("id",))
class Callback(Record):
    """A custom resource's request that waits for its answer."""

    id: str
    account: str
    region: str
    stack: str
    operation: int
    logical_id: str
    request: str
    sent: bool = False


@record("cloudformation.signal", key=("stack", "logical_id", "unique_id"))
class Signal(Record):
    """A signal to a wait condition's handle, or to a resource with a creation policy."""

    stack: str
    logical_id: str
    unique_id: str
    status: str
    data: str = ""
    reason: str = ""


@record(
    "cloudformation.change_set",
    key=("account", "region", "stack", "name"),
    indexes={"id": ("account", "region", "uuid")},
)
class ChangeSet(Record):
    account: str
    region: str
    stack: str
    name: str
    uuid: str
    revision: int
    created: float
    kind: str
    """CREATE or UPDATE."""
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    description: str = ""
    changes: list[dict[str, Any]] = []
    """With property values, which are shown only when asked for."""
    base: int = 0
    """The revision that it was compared with."""
    role_arn: str = ""
    on_failure: str = ""
    include_nested: bool = False

    @property
    def id(self) -> str:
        return f"arn:aws:cloudformation:{self.region}:{self.account}:changeSet/{self.name}/{self.uuid}"


@record("cloudformation.export", key=("account", "region", "name"), indexes={"stack": ("stack",)})
class Export(Record):
    account: str
    region: str
    name: str
    value: str
    stack: str
    """The exporting stack's uuid."""
    stack_id: str


@record("cloudformation.import", key=("account", "region", "export", "stack"), indexes={"stack": ("stack",)})
class Import(Record):
    """That a stack uses an export."""

    account: str
    region: str
    export: str
    stack: str
    stack_name: str


@record("cloudformation.macro", key=("account", "region", "name"))
class Macro(Record):
    """A transform of the account's own: the function that rewrites templates."""

    account: str
    region: str
    name: str
    function: str
    token: str
    """Of the step that made it, so that one run again finds its own."""
