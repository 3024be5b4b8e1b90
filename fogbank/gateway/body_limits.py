"""How large a gathered body may be, and what AWS says to a larger one.

Bodies that an operation streams (objects of S3) are not concerned: they are never held in memory.
"""

from __future__ import annotations

from fogbank.kit.errors import AwsError

UNSIGNED = 256 << 10
"""What is gathered for a caller who has not signed: web identities, configurations of public buckets."""
DATA_PLANE = 10 << 20
"""Execute-api takes 10 MB. https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

_DEFAULT = 16 << 20
_ZIP = 70_167_211  # 50 MB of zip in base 64, and the rest of the request
_LIMITS = {
    ("ecr", "UploadLayerPart"): 28 << 20,  # 20 MB in base 64, and the rest
    ("lambda", "CreateFunction"): _ZIP,
    ("lambda", "UpdateFunctionCode"): _ZIP,
    ("lambda", "PublishLayerVersion"): _ZIP,
}
_SERVICES = {"s3": 8 << 20}
# What Lambda's front end calls operations that its API calls otherwise.
_INNER_NAMES = {"Invoke": "InvokeFunction"}


def limit(service: str, operation: str) -> int:
    """In bytes; `operation` is empty where only the body tells (the query protocol)."""
    return _LIMITS.get((service, operation)) or _SERVICES.get(service, _DEFAULT)


def too_large(service: str, operation: str, limit: int) -> AwsError:
    """Recorded from AWS for Lambda; S3's from its list of error codes."""
    if service == "lambda":
        name = _INNER_NAMES.get(operation, operation)
        return AwsError(
            "RequestEntityTooLargeException", f"Request must be smaller than {limit} bytes for the {name} operation",
            status=413,
        )
    if service == "s3":
        return AwsError(
            "MaxMessageLengthExceeded", "Your request was too big.", status=400, MaxMessageLengthBytes=str(limit)
        )
    return AwsError("RequestEntityTooLargeException", f"Request must be smaller than {limit} bytes", status=413)
