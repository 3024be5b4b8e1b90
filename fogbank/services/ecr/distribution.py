"""The OCI distribution API, which docker, podman, skopeo and the like speak: who calls, what for, and how errors read.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from fogbank.api import AwsError, BodyStream, Context, Request, Response
from fogbank.iam.principal import Principal
from fogbank.services.ecr import ecr, names, pulling, pushing
from fogbank.services.ecr.errors import Key
from fogbank.services.ecr.registry import bearer

_PATH = re.compile(
    r"/v2/(?P<name>.+)/(?:(?P<uploads>blobs/uploads)/(?P<upload>[0-9a-f-]{36})?|blobs/(?P<digest>[^/]+)"
    r"|manifests/(?P<reference>[^/]+)|(?P<tags>tags/list))"
)
_UNREAD = 1 << 20
"""What is left of a body that nobody asked for is read to its end up to here, so that the connection can go on."""

# How AWS's errors read in this protocol: status and code. Tools print the code's meaning, then the message.
_CODES = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "ImageNotFound": (404, "MANIFEST_UNKNOWN"),
    "ImageReferencedByManifestList": (405, "DENIED"),
    "LayersNotFoundException": (404, "MANIFEST_BLOB_UNKNOWN"),
    "ReferencedImagesNotFoundException": (404, "MANIFEST_BLOB_UNKNOWN"),
    "BlobUnknown": (404, "BLOB_UNKNOWN"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "InvalidImageTag": (400, "TAG_INVALID"),
    "InvalidImageDigest": (400, "DIGEST_INVALID"),
    "ImageDigestDoesNotMatchException": (400, "DIGEST_INVALID"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "InvalidManifest": (400, "MANIFEST_INVALID"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "InvalidLayerPartException": (416, "BLOB_UPLOAD_INVALID"),
    "LimitExceededException": (413, "SIZE_INVALID"),
    "RequestEntityTooLarge": (413, "SIZE_INVALID"),
    "InvalidName": (400, "NAME_INVALID"),
    "Unsupported": (405, "UNSUPPORTED"),
    "NotFound": (404, "UNSUPPORTED"),
    "AccessDeniedException": (403, "DENIED"),
    "AccessDenied": (403, "DENIED"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the registry, understood."""

    ctx: Context
    request: Request
    key: Key
    path: str
    """What the client calls the repository: its address is built on in `Location` headers."""
    subject: str
    """The digest, tag or upload in the path."""

    def may(self, ctx: Context, action: str, key: Key | None = None) -> None:
        """Raises AccessDeniedException. `ctx` is the call's, or that of a transaction."""
        key = key or self.key
        ctx.authorise(f"ecr:{action}", names.repository_arn(ctx, key[0], key[2]))


Handler = Callable[[Call], Awaitable[Response]]
_HANDLERS: dict[tuple[str, str], Handler] = {
    ("upload", "POST"): pushing.begin,
    ("upload", "PATCH"): pushing.append,
    ("upload", "PUT"): pushing.finish,
    ("upload", "GET"): pushing.progress,
    ("upload", "DELETE"): pushing.cancel,
    ("blob", "HEAD"): pulling.head_blob,
    ("blob", "GET"): pulling.get_blob,
    ("blob", "DELETE"): pulling.delete_blob,
    ("manifest", "HEAD"): pulling.get_manifest,
    ("manifest", "GET"): pulling.get_manifest,
    ("manifest", "PUT"): pushing.put_manifest,
    ("manifest", "DELETE"): pulling.delete_manifest,
    ("tags", "GET"): pulling.list_tags,
}


@ecr.endpoint("ecr-registry")
async def serve(ctx: Context, request: Request) -> Response:
    try:
        response = await _serve(ctx, request)
    except AwsError as error:
        response = _error(error)
        await _drain(request)
    response.headers.append(("docker-distribution-api-version", "registry/2.0"))
    return response


async def _serve(ctx: Context, request: Request) -> Response:
    password = _password(request)
    holder = await ctx.transact(lambda c: bearer(c, password)) if password else None
    if holder is None:
        await _drain(request)
        return _challenge(ctx, request, told=bool(password))
    if request.path.rstrip("/") == "/v2":
        return Response(200, [("content-type", "application/json")], b"{}")
    kind, call = _understand(ctx, request, *holder)
    handler = _HANDLERS.get((kind, request.method))
    if handler is None:
        raise AwsError("Unsupported", f"{request.method} is not for this address.")
    return await handler(call)


def _understand(ctx: Context, request: Request, principal: Principal, region: str) -> tuple[str, Call]:
    """What the path names: account and region by the host, else by the path's first part, else by the password."""
    match = _PATH.fullmatch(unquote(request.path))
    if match is None:
        raise AwsError("NotFound", f"Nothing answers at {request.path[:200]}.")
    path = match["name"]
    account, where, name = names.split_path(path)
    if ctx.address is not None and ctx.address.endpoint_id:
        account, where, name = ctx.address.endpoint_id, ctx.address.region or region, path
    account, where = account or principal.account, where or region
    if not names.is_name(name):
        raise AwsError("InvalidName", f"'{name[:300]}' is no name of a repository")
    inner = ctx.acting(principal=principal, account=account, region=where)
    kind = "upload" if match["uploads"] else "blob" if match["digest"] else "manifest" if match["reference"] else "tags"
    subject = match["upload"] or match["digest"] or match["reference"] or ""
    return kind, Call(inner, request, (account, where, name), path, subject)


def _password(request: Request) -> str:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "?"
    return password if user == "AWS" else "?"


def _challenge(ctx: Context, request: Request, *, told: bool) -> Response:
    realm = f"{request.scheme}://{request.headers.get('host', names.registry_host(ctx))}/"
    message = "Your authorization token has expired or is wrong. Reauthenticate and try again." if told else "Not Authorized"
    response = _body(401, "UNAUTHORIZED", message)
    safe = re.sub(r'[^A-Za-z0-9.:/\[\]_-]', "", realm)
    response.headers.append(("www-authenticate", f'Basic realm="{safe}",service="ecr.amazonaws.com"'))
    return response


def _error(error: AwsError) -> Response:
    status, code = _CODES.get(error.code, (error.status or 400, "UNKNOWN"))
    return _body(status, code, error.message)


def _body(status: int, code: str, message: str) -> Response:
    document = {"errors": [{"code": code, "message": message, "detail": {}}]}
    return Response(status, [("content-type", "application/json; charset=utf-8")], json.dumps(document).encode())


async def _drain(request: Request) -> None:
    body: bytes | BodyStream = request.body
    if isinstance(body, bytes) or body.length is None or body.length > _UNREAD:
        return
    async for _ in body:
        pass
