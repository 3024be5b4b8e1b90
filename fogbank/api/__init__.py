"""What a service package is written against: its manifest, the context of a call, resource types, errors."""

from fogbank.api.context import Context
from fogbank.api.resources import Provisioned, ResourceCall, ResourceType
from fogbank.api.service import Retry, Service
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import BodyStream, FileBody, Request, Response

__all__ = [
    "AwsError",
    "BodyStream",
    "Context",
    "FileBody",
    "Provisioned",
    "Request",
    "ResourceCall",
    "ResourceType",
    "Response",
    "Retry",
    "Service",
]
