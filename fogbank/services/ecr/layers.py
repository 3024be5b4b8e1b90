"""Layers by the API: availability, uploads in parts, downloads."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context, FileBody, Request, Response
from fogbank.services.ecr import ecr, errors, uploads
from fogbank.services.ecr.names import access, is_digest, scope
from fogbank.services.ecr.records import Layer
from fogbank.services.ecr.repositories import named, require

PART_SIZE = 10 << 20
LEAST_PART = 5 << 20
_ADDRESS = "/_fogbank/ecr/layer"


@ecr.operation(access=access("BatchCheckLayerAvailability"))
def batch_check_layer_availability(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    require(ctx, key)
    layers: list[dict[str, Any]] = []
    failures = []
    for digest in req["layerDigests"]:
        if not is_digest(digest):
            reason = "Invalid layer digest"
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            continue
        layer = ctx.tx.get(Layer, *key, digest)
        entry: dict[str, Any] = {"layerDigest": digest, "layerAvailability": "AVAILABLE" if layer else "UNAVAILABLE"}
        layers.append({**entry, "layerSize": layer.size} if layer else entry)
    return {"layers": layers, "failures": failures}


@ecr.operation(access=access("InitiateLayerUpload"))
def initiate_layer_upload(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    upload = uploads.begin(ctx, scope(ctx, req))
    return {"uploadId": upload.id, "partSize": PART_SIZE}


@ecr.operation(access=access("UploadLayerPart"))
async def upload_layer_part(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key, upload_id = scope(ctx, req), req["uploadId"]
    data, first = req["layerPartBlob"], req["partFirstByte"]
    if req["partLastByte"] - first + 1 != len(data):
        raise errors.invalid("partLastByte", "The range is not that of the layer part's bytes")
    upload = await uploads.append(ctx, key, upload_id, data, first)
    return {**named(key), "uploadId": upload_id, "lastByteReceived": upload.size - 1}


@ecr.operation(access=access("CompleteLayerUpload"))
async def complete_layer_upload(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key, upload_id, digests = scope(ctx, req), req["uploadId"], req["layerDigests"]
    upload = await ctx.transact(lambda c: uploads.require_upload(c, key, upload_id))
    if not upload.parts:
        raise errors.empty_upload(key, upload_id)
    if any(part.size < LEAST_PART for part in upload.parts[:-1]):
        raise AwsError("LayerPartTooSmallException", f"Layer parts must be at least {LEAST_PART} bytes in size.")
    if known := await ctx.transact(lambda c: next((d for d in digests if c.tx.get(Layer, *key, d)), None)):
        raise errors.layer_exists(key, known)
    layer = await uploads.finish(ctx, key, upload_id, digests)
    return {**named(key), "uploadId": upload_id, "layerDigest": layer.digest}


@ecr.operation(access=access("GetDownloadUrlForLayer"))
def get_download_url_for_layer(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """The last part of the URL's path is the id of the blob: Lambda, within this process, reads the blob itself."""
    key = scope(ctx, req)
    require(ctx, key)
    layer = ctx.tx.get(Layer, *key, req["layerDigest"])
    if layer is None:
        raise errors.layer_inaccessible(key, req["layerDigest"])
    proof = ctx.cloud.seal(f"ecr-layer:{layer.blob}", int(ctx.now) + 3600)
    return {"downloadUrl": f"{ctx.cloud.endpoint}{_ADDRESS}/{layer.blob}?{proof}", "layerDigest": layer.digest}


@ecr.endpoint("internal")
async def download(ctx: Context, request: Request) -> Response:
    """Answers what GetDownloadUrlForLayer gave out."""
    prefix, _, blob = request.path.rpartition("/")
    if prefix != _ADDRESS or not ctx.cloud.sealed(f"ecr-layer:{blob}", request.query):
        raise AwsError("AccessDenied", "Request has expired", status=403)
    path = ctx.blobs.path(blob)
    if not path.is_file():
        raise AwsError("NotFound", "The layer is gone.", status=404)
    return Response(200, [("content-type", "application/octet-stream")], FileBody(path, 0, path.stat().st_size))
