"""Server certificates: kept for load balancers and distributions."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.records import PARTITION, ServerCertificate
from fogbank.kit import ids
from fogbank.kit.errors import AwsError
from fogbank.services.iam import iam, tagging, views
from fogbank.services.iam.access import creating, listing
from fogbank.services.iam.errors import already_exists, no_such_entity
from fogbank.services.iam.paging import page

_ARN = "arn:{partition}:iam::{account}:server-certificate/{ServerCertificateName}"


@creating("server-certificate", "ServerCertificateName")
def upload_server_certificate(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["ServerCertificateName"]
    if ctx.tx.get(ServerCertificate, ctx.account, name.lower()):
        raise already_exists(f"The Server Certificate with name {name} already exists.")
    certificate = ServerCertificate(
        account=ctx.account,
        folded=name.lower(),
        name=name,
        id=ids.unique_id(ctx.random, "ASCA"),
        path=req.get("Path") or "/",
        created=ctx.now,
        expires=_expiry(req["CertificateBody"]),
        body=req["CertificateBody"],
        chain=req.get("CertificateChain") or "",
        private_key=req["PrivateKey"],
        tags=tagging.from_request(req.get("Tags")),
    )
    ctx.tx.insert(certificate)
    return {"ServerCertificateMetadata": _metadata(certificate), "Tags": views.tag_list(certificate.tags) or None}


@iam.operation(resource=_ARN)
def get_server_certificate(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    certificate = require(ctx, req["ServerCertificateName"])
    return {
        "ServerCertificate": {
            "ServerCertificateMetadata": _metadata(certificate),
            "CertificateBody": certificate.body,
            "CertificateChain": certificate.chain or None,
            "Tags": views.tag_list(certificate.tags),
        }
    }


@listing("server-certificate")
def list_server_certificates(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("PathPrefix") or "/"
    found, more = page(
        req,
        lambda after: (
            certificate for certificate in ctx.tx.scan(ServerCertificate, ctx.account, after=after)
            if certificate.path.startswith(prefix)
        ),
        lambda certificate: certificate.folded,
    )
    return {"ServerCertificateMetadataList": [_metadata(certificate) for certificate in found], **more}


@iam.operation(resource=_ARN)
def update_server_certificate(ctx: Context, req: dict[str, Any]) -> None:
    certificate = require(ctx, req["ServerCertificateName"])
    new = req.get("NewServerCertificateName") or certificate.name
    if new.lower() != certificate.folded and ctx.tx.get(ServerCertificate, ctx.account, new.lower()):
        raise already_exists(f"The Server Certificate with name {new} already exists.")
    ctx.tx.delete(ServerCertificate, ctx.account, certificate.folded)
    certificate.name, certificate.folded = new, new.lower()
    certificate.path = req.get("NewPath") or certificate.path
    ctx.tx.put(certificate)


@iam.operation(resource=_ARN)
def delete_server_certificate(ctx: Context, req: dict[str, Any]) -> None:
    certificate = require(ctx, req["ServerCertificateName"])
    ctx.tx.delete(ServerCertificate, ctx.account, certificate.folded)


def require(ctx: Context, name: str) -> ServerCertificate:
    found = ctx.tx.get(ServerCertificate, ctx.account, name.lower())
    if found is None:
        raise no_such_entity(f"The Server Certificate with name {name} cannot be found.")
    return found


def _expiry(body: str) -> float:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(body.encode()).not_valid_after_utc.timestamp()
    except ValueError:
        raise AwsError("MalformedCertificate", "Unable to parse certificate. Please ensure the certificate is in PEM "
                       "format.") from None


def _metadata(certificate: ServerCertificate) -> dict[str, Any]:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": f"arn:{PARTITION}:iam::{certificate.account}:server-certificate{certificate.path}{certificate.name}",
        "UploadDate": certificate.created,
        "Expiration": certificate.expires,
    }
