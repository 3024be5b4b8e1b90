"""Which service a request is for, and at which of its addresses.

Paths stay as they were received, percent-encoded: nothing is decoded here, so nothing can be decoded twice, and no path
ever names a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from fogbank.gateway import hosts
from fogbank.gateway.names import BY_SIGNING_NAME, BY_TARGET, BY_VERSION, QUERY
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request

_PATH_FORM = re.compile(r"/_aws/execute-api/([A-Za-z0-9]{1,64})(/.*)?")
_USER_REQUEST = re.compile(r"/restapis/([A-Za-z0-9]{1,64})/([^/]+)/_user_request_(/.*)?")
_CREDENTIAL = re.compile(r"X-Amz-Credential=[^&]*?(?:%2F|/)[0-9]{8}(?:%2F|/)([^&]*?)(?:%2F|/)aws4_request", re.I)
_VERSION = re.compile(r"(?:^|&)Version=(\d{4}-\d\d-\d\d)(?:&|$)")
_CBOR = re.compile(r"/service/([A-Za-z0-9_.]+)/operation/[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Target:
    service: str
    """botocore's name of it; empty for the cloud's own addresses."""
    path: str
    """The path within the address: of S3 always in path style, of an API from its stage on."""
    region: str | None = None
    bucket: str | None = None
    """From a virtual host; `path` begins with it too."""
    endpoint: str = ""
    """Empty for an AWS API; else `internal`, `execute-api`, `lambda-url`, `s3-website` or `ecr-registry`."""
    endpoint_id: str = ""
    """The API, function URL, bucket or account that the address names."""

    def rewritten(self, request: Request) -> Request:
        """The request as if it had been sent to the path. Signatures hold for the original only."""
        return request if self.path == request.path else replace(request, path=self.path)


_OWNERS = {
    "execute-api": "apigateway", "lambda-url": "lambda", "s3-website": "s3", "ecr-registry": "ecr",
    "cloudformation-response": "cloudformation",
}


def locate(request: Request, names: hosts.Hosts | None = None) -> Target:
    """Raises AwsError(421) for a host that is not ours, where `names` says which are."""
    headers = request.headers
    host = headers.get("host", "")
    if names is not None and not names.ours(host):
        raise AwsError("MisdirectedRequest", f"This cloud does not answer for {host[:255]}.", status=421)
    form = hosts.read(host)
    path = request.path
    if form.endpoint:
        if form.endpoint == "execute-api" and "/@connections/" in path:
            return Target("apigatewaymanagementapi", path, form.region, endpoint_id=form.id)
        return Target(_OWNERS[form.endpoint], path, form.region, form.bucket or None, form.endpoint, form.id)
    if form.bare and path.startswith("/_"):
        own = _own_address(path)
        if own is not None:
            return own
    scope = _scope(request)
    if not scope:
        return _unsigned(request, form)
    service = _service(scope, request)
    if service == "s3":
        return _bucket(path, form)
    if path.startswith("/restapis/") and "/_user_request_" in path:
        return _user_request(path) or Target(service, path, form.region)
    return _at_root(service, form.region) if path == "/" else Target(service, path, form.region)


@lru_cache(1024)
def _at_root(service: str, region: str | None) -> Target:
    """Where the requests of most protocols go."""
    return Target(service, "/", region)


def dialect(service: str, request: Request) -> str:
    """How the service names what is wrong with a signature: `s3`, `json`, `rest-json`, `query` or `ec2`."""
    if service == "s3" or service == "s3control":
        return "s3"
    if service == "ec2":
        return "ec2"
    if "x-amz-target" in request.headers or "smithy-protocol" in request.headers:
        return "json"
    return "query" if service in QUERY else "rest-json"


def bucket_of_host(host: str) -> str:
    """The bucket that a virtual host names, or nothing."""
    return hosts.read(host).bucket


def _own_address(path: str) -> Target | None:
    if path.startswith(("/_fogbank/", "/_localstack/")):
        return Target("", path, endpoint="internal")
    match = _PATH_FORM.fullmatch(path)
    if match is None:
        return None
    return Target("apigateway", match[2] or "/", endpoint="execute-api", endpoint_id=match[1])


def _user_request(path: str) -> Target | None:
    match = _USER_REQUEST.fullmatch(path)
    if match is None:
        return None
    return Target("apigateway", f"/{match[2]}{match[3] or '/'}", endpoint="execute-api", endpoint_id=match[1])


def _bucket(path: str, form: hosts.HostForm) -> Target:
    if not form.bucket:
        return Target("s3", path, form.region)
    inside = f"/{form.bucket}" if path == "/" else f"/{form.bucket}{path}"
    return Target("s3", inside, form.region, form.bucket)


def _unsigned(request: Request, form: hosts.HostForm) -> Target:
    """Nobody signed: the host, the protocol's own marks, and at last S3, where the public may read."""
    path = request.path
    if path.startswith("/restapis/"):
        own = _user_request(path)
        if own is not None:
            return own
    target = request.headers.get("x-amz-target")
    if target is not None:
        prefix = target.partition(".")[0]
        return Target(BY_TARGET.get(prefix, prefix.lower()), path, form.region)
    if form.service and form.service != "s3":
        return Target(_shared(form.service, request), path, form.region)
    if form.bucket or form.service:
        return _bucket(path, form)
    if path == "/v2" or path.startswith("/v2/"):
        return Target("ecr", path, endpoint="ecr-registry")
    if path == "/":
        version = _version(request)
        if version:
            return Target(BY_VERSION.get(version, "sts"), path)
    cbor = _CBOR.fullmatch(path)
    if cbor is not None and "smithy-protocol" in request.headers:
        return Target(BY_TARGET.get(cbor[1], cbor[1].lower()), path)
    return Target("s3", path)


def _scope(request: Request) -> str:
    """The signing name that the request was signed for, unproved; empty for an unsigned one."""
    authorization = request.headers.get("authorization")
    if authorization is not None and authorization.startswith("AWS"):
        if authorization.startswith("AWS4-HMAC-"):
            parts = authorization.split("/", 4)
            return parts[3] if len(parts) == 5 else ""
        if authorization.startswith("AWS4-ECDSA-"):
            parts = authorization.split("/", 3)
            return parts[2] if len(parts) == 4 else ""
        return "s3" if authorization.startswith("AWS ") else ""
    if "X-Amz-Credential=" in request.query:
        match = _CREDENTIAL.search(request.query)
        if match is not None:
            return re.split("%2F|/", match[1], flags=re.I)[-1]
    return ""


def _service(signing_name: str, request: Request) -> str:
    service = BY_SIGNING_NAME.get(signing_name, signing_name)
    return _shared(service, request)


def _shared(service: str, request: Request) -> str:
    """Tells services apart that sign with the same name."""
    path = request.path
    if service == "dynamodb" or service == "kinesisanalytics":
        return BY_TARGET.get(request.headers.get("x-amz-target", "").partition(".")[0], service)
    if service == "apigateway":
        return "apigatewayv2" if path.startswith("/v2/") else service
    if service == "s3":
        return "s3control" if path.startswith("/v20180820/") else service
    if service == "ses" and path.startswith("/v2/email/"):
        return "sesv2"
    if service == "es" and path.startswith("/2021-01-01/"):
        return "opensearch"
    if service == "elb" and _version(request) == "2015-12-01":
        return "elbv2"
    return service


def _version(request: Request) -> str:
    """`Version` of a request in the query protocol, from the query or a gathered form."""
    match = _VERSION.search(request.query)
    if match is None and isinstance(request.body, bytes) and b"Version=" in request.body:
        match = _VERSION.search(request.body.decode("latin-1"))
    return match[1] if match is not None else ""
