"""What S3 keeps: buckets and their settings, objects and their versions, uploads, and who uses which stored body.

A body is named by a text: `""` (no bytes), `inline:ID` (an `Inline` record: small bodies share the transaction's
commit), `blob:ID` (a file of the blob store), `parts:ID` (a `Manifest`: the parts of a multipart upload, as uploaded).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from fogbank.store import Record, record


@record("s3.bucket", key=("name",), indexes={"account": ("account", "name")})
class Bucket(Record):
    """Names are unique across accounts and regions, as AWS's are."""

    name: str
    account: str
    region: str
    created: float
    versioning: str = ""
    """Empty (never enabled), `Enabled` or `Suspended`."""
    mfa_delete: str = ""
    ownership: str | None = "BucketOwnerEnforced"
    public_access_block: dict[str, bool] | None = None
    encryption: dict[str, Any] = field(default_factory=dict)
    object_lock: dict[str, Any] | None = None
    grants: list[dict[str, Any]] | None = None
    """The access control list; None is the owner's full control alone."""
    settings: list[str] = field(default_factory=list)
    """Kinds of `Setting` that the bucket has, so that hot paths need not look for those that it has not."""


@record("s3.setting", key=("bucket", "kind", "id"))
class Setting(Record):
    """One configuration: `policy`, `cors`, `lifecycle`, `website` ..., or one of many by id (`inventory`, `metrics` ...)."""

    bucket: str
    kind: str
    value: dict[str, Any]
    id: str = ""


class Stored(Record):
    """What an object and a noncurrent version have in common."""

    bucket: str
    key: str
    sequence: int
    """Microseconds of the write; grows with each version of a key."""
    modified: float
    version_id: str = "null"
    owner: str = ""
    """The owner's account."""
    size: int = 0
    etag: str = ""
    """Without quotes."""
    body: str = ""
    parts: int = 0
    """The number of parts of a multipart object, 0 for any other."""
    checksum_algorithm: str = ""
    checksum: str = ""
    checksum_type: str = ""
    storage_class: str = "STANDARD"
    headers: dict[str, Any] = field(default_factory=dict)
    """Content-Type and such, by member name."""
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    encryption: dict[str, Any] = field(default_factory=dict)
    """ServerSideEncryption and such, by member name; with SSE-C the key's MD5, never the key."""
    grants: list[dict[str, Any]] | None = None
    lock_mode: str = ""
    lock_until: float = 0.0
    legal_hold: str = ""
    delete_marker: bool = False


@record("s3.object", key=("bucket", "key"))
class Object(Stored):
    """The current version of a key that is not deleted: all that a plain listing reads."""


@record("s3.version", key=("bucket", "key", "rank"), indexes={"id": ("bucket", "key", "version_id")})
class Version(Stored):
    """A noncurrent version, or a delete marker (which may be the current version: then there is no `Object`)."""

    rank: int = 0
    """Falls as `sequence` grows: the latest comes first."""


class Segment(Struct):
    """Some bytes of a stored body (`inline:` or `blob:`)."""

    body: str
    offset: int
    size: int


class Part(Struct):
    """One part of a multipart object, for reads by part number and for GetObjectAttributes."""

    number: int
    size: int
    etag: str
    checksum: str
    segments: list[Segment]


@record("s3.manifest", key=("id",))
class Manifest(Record):
    """The body of a multipart object: nothing is copied when an upload is completed."""

    id: str
    parts: list[Part]


@record("s3.inline", key=("id",))
class Inline(Record):
    id: str
    data: bytes


@record("s3.shared", key=("body",))
class Shared(Record):
    """How many users a body has beyond its first; there is no record for a body with one user."""

    body: str
    more: int


@record("s3.upload", key=("bucket", "key", "sequence"), indexes={"id": ("upload_id",)})
class Upload(Record):
    """A multipart upload under way: the object's attributes to be, and the checksums that its parts shall have."""

    bucket: str
    key: str
    sequence: int
    upload_id: str
    started: float
    initiator: str
    """The ARN of who began it."""
    initiator_name: str
    draft: dict[str, Any]
    """Fields of the `Object` to be."""
    checksum_algorithm: str = ""
    checksum_type: str = ""
    disturbed: bool = False
    """The key was deleted since the upload began: conditional completion must fail."""


@record("s3.part", key=("upload_id", "number"))
class UploadedPart(Record):
    upload_id: str
    number: int
    size: int
    etag: str
    modified: float
    checksum_algorithm: str
    checksum: str
    crc64: str
    """CRC64NVME of the part: what an upload without an algorithm is checked by in the end."""
    segments: list[Segment]
