"""What Lambda keeps: functions and their published versions, aliases, layers, policies, invocation settings."""

from __future__ import annotations

from typing import Any

import msgspec

from fogbank.store import Record, record


class Code(msgspec.Struct, kw_only=True):
    """Deployed code: a blob of the archive, and the tree it was unpacked to (named by its content)."""

    blob: str
    sha256: str
    """Base64, as `CodeSha256` shows it; its hexadecimal form names the unpacked tree."""
    size: int
    image_uri: str = ""


class Settings(msgspec.Struct, kw_only=True):
    """A function's configuration: what a published version freezes."""

    runtime: str = ""
    role: str
    handler: str = ""
    description: str = ""
    timeout: int = 3
    memory: int = 128
    ephemeral: int = 512
    package_type: str = "Zip"
    architectures: list[str] = msgspec.field(default_factory=lambda: ["x86_64"])
    environment: dict[str, str] | None = None
    kms_key_arn: str = ""
    layers: list[str] = []
    layer_codes: dict[str, Code] = {}
    """By ARN: a layer that is deleted goes on to work for the functions that have it."""
    tracing: str = "PassThrough"
    dead_letter: str = ""
    vpc: dict[str, Any] | None = None
    file_systems: list[dict[str, Any]] = []
    image_config: dict[str, Any] | None = None
    logging: dict[str, Any] = {}
    snap_start: str = "None"
    tenancy: str = ""
    """`PER_TENANT`, or nothing; it never changes."""
    durable: dict[str, Any] | None = None
    """`DurableConfig`; None for a function that is not durable, which it never becomes."""
    code: Code


@record("lambda.function", key=("account", "region", "name"), indexes={
    "code_signing": ("code_signing",), "reserved": ("account", "region", "reserved_concurrency"),
})  # fmt: skip
class Function(Record):
    account: str
    region: str
    name: str
    settings: Settings
    revision: str
    """`RevisionId`: changes with every update."""
    modified: float
    created: float
    last_version: int = 0
    tags: dict[str, str] = {}
    reserved_concurrency: int | None = None
    code_signing: str = ""
    recursion: str = "Terminate"
    runtime_management: dict[str, str] = {}


@record("lambda.version", key=("account", "region", "name", "version"))
class Version(Record):
    """A published version; `version` is its number."""

    account: str
    region: str
    name: str
    version: int
    settings: Settings
    revision: str
    modified: float


@record("lambda.alias", key=("account", "region", "function", "name"))
class Alias(Record):
    account: str
    region: str
    function: str
    name: str
    version: str
    description: str = ""
    weights: dict[str, float] = {}
    revision: str = ""


@record("lambda.statement", key=("account", "region", "function", "qualifier", "sid"))
class Statement(Record):
    """One statement of the resource policy of a function (`qualifier` empty), a version, an alias."""

    account: str
    region: str
    function: str
    qualifier: str
    sid: str
    order: int
    document: dict[str, Any]


@record("lambda.layer", key=("account", "region", "name"))
class Layer(Record):
    """Counts the versions of a layer: a deleted version's number is never given again."""

    account: str
    region: str
    name: str
    last_version: int = 0


@record("lambda.layer-version", key=("account", "region", "name", "version"))
class LayerVersion(Record):
    account: str
    region: str
    name: str
    version: int
    description: str
    created: float
    code: Code
    runtimes: list[str] | None = None
    """None where nothing was said, which the API tells from an empty list."""
    architectures: list[str] | None = None
    license: str = ""
    statements: dict[str, dict[str, Any]] = {}
    revision: str = ""


@record("lambda.event-invoke-config", key=("account", "region", "function", "qualifier"))
class EventInvokeConfig(Record):
    account: str
    region: str
    function: str
    qualifier: str
    modified: float
    maximum_age: int | None = None
    maximum_retries: int | None = None
    on_success: str = ""
    on_failure: str = ""


@record("lambda.provisioned", key=("account", "region", "function", "qualifier"))
class Provisioned(Record):
    account: str
    region: str
    function: str
    qualifier: str
    requested: int
    modified: float
    status: str = "IN_PROGRESS"
    allocated: int = 0
    reason: str = ""
    metered: float = 0.0
    """Until when its environments have been counted for the bill."""


@record("lambda.code-signing-config", key=("account", "region", "id"))
class CodeSigningConfig(Record):
    account: str
    region: str
    id: str
    """`csc-` and 17 hexadecimal digits."""
    publishers: list[str]
    policy: str
    """Of code that is not signed by one of them: `Warn` or `Enforce`."""
    description: str
    modified: float
    tags: dict[str, str] = {}


@record("lambda.url", key=("account", "region", "function", "qualifier"), indexes={"id": ("url_id",)})
class FunctionUrl(Record):
    account: str
    region: str
    function: str
    qualifier: str
    url_id: str
    auth_type: str
    created: float
    modified: float
    cors: dict[str, Any] | None = None
    invoke_mode: str = "BUFFERED"


@record("lambda.event-source-mapping", key=("account", "region", "uuid"), indexes={
    "function": ("account", "region", "function"), "source": ("account", "region", "source"),
})  # fmt: skip
class EventSourceMapping(Record):
    """A poller: which source, which function, and how."""

    account: str
    region: str
    uuid: str
    source: str
    """The ARN of the queue, stream or broker; for a self-managed cluster its bootstrap servers."""
    function: str
    """ARN, with the qualifier that was given."""
    settings: dict[str, Any]
    """The API's members as they are shown."""
    modified: float
    created: float = 0.0
    generation: int = 0
    """Changes with every update: a poller of an older one ends."""
    state: str = "Enabled"
    reason: str = "User action"
    result: str = ""
    """`LastProcessingResult`; empty for sources that show none."""
    tags: dict[str, str] = {}


@record("lambda.stream-place", key=("mapping", "shard", "lane"))
class StreamPlace(Record):
    """How far one lane of a shard has come for an event source mapping."""

    mapping: str
    shard: str
    lane: int
    after: str = ""
    """The sequence number of the last record that is done with."""
    attempts: int = 0
    """Of the batch that follows."""
    sizes: list[int] = []
    """Of the next batches, where one failed: the same again, or its halves."""
    window: float = 0.0
    """Of a tumbling window that is under way, its beginning in epoch seconds."""
    state: dict[str, Any] = {}
    closed: bool = False
