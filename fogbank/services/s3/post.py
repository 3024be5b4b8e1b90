"""POST of an HTML form: the browser's upload, signed by a policy document or anonymous.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from lxml import etree

from fogbank.api import AwsError, Context
from fogbank.gateway import refusals
from fogbank.gateway.signature import signing_key
from fogbank.iam.principal import ANONYMOUS, Principal
from fogbank.services.s3 import bodies, objects, s3, shown
from fogbank.services.s3.access import WRITING, condition_keys, require_bucket
from fogbank.services.s3.errors import invalid_argument, s3_error
from fogbank.services.s3.form import Form
from fogbank.services.s3.rules import checksums, names, post_policy, tags

_MEMBERS = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-type": "ContentType",
    "expires": "Expires",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-checksum-algorithm": "ChecksumAlgorithm",
    "x-amz-object-lock-mode": "ObjectLockMode",
    "x-amz-object-lock-legal-hold": "ObjectLockLegalHoldStatus",
    "content-md5": "ContentMD5",
    **{checksums.header(name): checksums.member(name) for name in checksums.ALGORITHMS},
}


@s3.operation(action="s3:PutObject", authorise=False, anonymous=True)
async def post_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Reads the fields, decides, and only then takes in the file."""
    form = Form(req.get("ContentType") or "", req.get("Body") or b"")
    await form.read_fields()
    if not form.has_file:
        raise invalid_argument("POST requires exactly one file upload per request.", "file", "0")
    put = _as_put(req["Bucket"], form)
    least, most = await ctx.transact(lambda inner: _authorise(inner, form.fields, put))
    expected = objects.Expected.of(ctx, put)
    md5 = checksums.content_md5(put.get("ContentMD5"))

    def verify(taken: bodies.Taken) -> None:
        post_policy.check_size(taken.size, least, most)
        expected.verify(taken, md5, put)

    taken = await bodies.take(ctx, _Limited(form.content(), most), [expected.algorithm], verify)
    try:
        output = await ctx.transact(
            lambda inner: objects.commit(inner, put, taken, expected.algorithm, "s3:ObjectCreated:Post")
        )
    except BaseException:
        await bodies.discard(ctx, taken)
        raise
    return _answer(ctx, req["Bucket"], put["Key"], form.fields, output)


class _Limited:
    """The file as a stream that is given up once it is longer than the policy allows."""

    length: int | None = None

    def __init__(self, content: AsyncIterator[bytes], most: int | None) -> None:
        self._content = content
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._content:
            size += len(piece)
            if self._most is None or size <= self._most + bodies.PIECE:
                yield piece
        if self._most is not None:
            post_policy.check_size(size, 0, self._most)

    async def read(self, limit: int) -> bytes:
        raise NotImplementedError("a form's file is read as it arrives")


def _as_put(bucket: str, form: Form) -> dict[str, Any]:
    """The PutObject that the form asks for. Raises InvalidArgument, MalformedXML, KeyTooLongError."""
    fields = form.fields
    if not fields.get("key"):
        raise invalid_argument(
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
            "key", "",
        )  # fmt: skip
    key = fields["key"].replace("${filename}", form.filename)
    names.check_key(key)
    put: dict[str, Any] = {"Bucket": bucket, "Key": key}
    for field, member in _MEMBERS.items():
        if field in fields:
            put[member] = fields[field]
    put["Metadata"] = {
        name.removeprefix("x-amz-meta-"): value for name, value in fields.items() if name.startswith("x-amz-meta-")
    }
    if "tagging" in fields:
        put["Tagging"] = urlencode(_tags(fields["tagging"]))
    return put


def _tags(text: str) -> dict[str, str]:
    """Tags of a Tagging element. Raises MalformedXML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise s3_error("MalformedXML") from None
    found = [
        {"Key": tag.findtext("{*}Key"), "Value": tag.findtext("{*}Value")} for tag in root.iterfind("{*}TagSet/{*}Tag")
    ]
    return tags.check_object_tags(found)


# Who sends the form, and whether they may.


def _authorise(ctx: Context, fields: Mapping[str, str], put: dict[str, Any]) -> tuple[int, int | None]:
    """Raises unless the form's signature, its policy and the signer's rights allow it. Returns the size limits."""
    bucket = require_bucket(ctx, put)
    principal = _signer(ctx, fields)
    limits: tuple[int, int | None] = (0, None)
    if principal.kind != "anonymous":
        limits = post_policy.check(post_policy.parse(fields["policy"]), {**fields, "bucket": bucket.name}, ctx.now)
    keys = condition_keys(put, bucket)
    arn = names.object_arn(bucket.name, put["Key"])
    for action in ("PutObject", *(found for find in WRITING if (found := find(put)))):
        ctx.authorise(f"s3:{action}", arn, keys, principal=principal)
    return limits


def _signer(ctx: Context, fields: Mapping[str, str]) -> Principal:
    if "policy" not in fields:
        if "x-amz-signature" in fields or "signature" in fields:
            raise _missing("policy")
        return ANONYMOUS
    if any(name in fields for name in ("x-amz-signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date")):
        return _signer_v4(ctx, fields)
    if "signature" in fields or "awsaccesskeyid" in fields:
        return _signer_v2(ctx, fields)
    raise s3_error("AccessDenied")


def _signer_v4(ctx: Context, fields: Mapping[str, str]) -> Principal:
    for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"):
        if name.lower() not in fields:
            raise _missing(name)
    if fields["x-amz-algorithm"] != "AWS4-HMAC-SHA256":
        raise invalid_argument(
            "X-Amz-Algorithm must be AWS4-HMAC-SHA256", "X-Amz-Algorithm", fields["x-amz-algorithm"]
        )
    scope = fields["x-amz-credential"].split("/")
    if len(scope) != 5 or scope[3:] != ["s3", "aws4_request"]:
        raise AwsError(
            "AuthorizationQueryParametersError",
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            status=400,
        )
    principal, secret = _holder(ctx, scope[0], fields)
    key = signing_key(secret, scope[1], scope[2], "s3")
    calculated = hmac.digest(key, fields["policy"].encode(), "sha256").hex()
    return _verified(principal, calculated, fields["x-amz-signature"], scope[0], fields)


def _signer_v2(ctx: Context, fields: Mapping[str, str]) -> Principal:
    for name in ("AWSAccessKeyId", "Signature"):
        if name.lower() not in fields:
            raise _missing(name)
    principal, secret = _holder(ctx, fields["awsaccesskeyid"], fields)
    calculated = b64encode(hmac.digest(secret.encode(), fields["policy"].encode(), hashlib.sha1)).decode()
    return _verified(principal, calculated, fields["signature"], fields["awsaccesskeyid"], fields)


def _holder(ctx: Context, access_key: str, fields: Mapping[str, str]) -> tuple[Principal, str]:
    token = fields.get("x-amz-security-token", "")
    return ctx.cloud.key_holder(ctx, access_key, token)


def _verified(
    principal: Principal, calculated: str, given: str, access_key: str, fields: Mapping[str, str]
) -> Principal:
    if not hmac.compare_digest(calculated.encode(), given.encode()):
        raise refusals.s3_mismatch(access_key, given, fields["policy"])
    return principal


def _missing(field: str) -> Exception:
    return invalid_argument(
        f"Bucket POST must contain a field named '{field}'.  If it is specified, please check the order of the fields.",
        field, "",
    )  # fmt: skip


# The answer.


def _answer(
    ctx: Context, bucket: str, key: str, fields: Mapping[str, str], output: dict[str, Any]
) -> dict[str, Any]:
    """204, or what success_action_status or success_action_redirect ask for."""
    location = shown.location(ctx, bucket, key)
    common = {"ETag": output["ETag"], "VersionId": output.get("VersionId"), "Location": location}
    redirect = fields.get("success_action_redirect") or fields.get("redirect")
    if redirect:
        target = _redirect(redirect, bucket, key, output["ETag"])
        if target is not None:
            return {**common, "StatusCode": 303, "Location": target}
    if fields.get("success_action_status") == "200":
        return {**common, "StatusCode": 200}
    if fields.get("success_action_status") == "201":
        described = {"Location": location, "Bucket": bucket, "Key": key, "ETag": output["ETag"]}
        return {**common, "StatusCode": 201, "PostResponse": described}
    return {**common, "StatusCode": 204}


def _redirect(url: str, bucket: str, key: str, etag: str) -> str | None:
    """The address to send the browser to, with what was stored added to its query; None for what is no address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isprintable():
        return None
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("bucket", bucket), ("key", key), ("etag", etag)]
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
