"""AWS's wire formats, compiled from botocore's models: see docs/architecture.md."""

from fogbank.wire.codecs import Codecs, OperationCodec, ServiceModel
from fogbank.wire.messages import BodyStream, FileBody, Request, Response
from fogbank.wire.model import UnknownService
from fogbank.wire.routing import Route

__all__ = [
    "BodyStream",
    "Codecs",
    "FileBody",
    "OperationCodec",
    "Request",
    "Response",
    "Route",
    "ServiceModel",
    "UnknownService",
]
