"""One request to a stage, as every step of its way sees it."""

from __future__ import annotations

import base64
import datetime
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fogbank.api import Context, Request
from fogbank.iam.principal import Principal

if TYPE_CHECKING:
    from fogbank.services.apigateway.plane.compiled import CompiledStage, Method

_HOST = re.compile(r"[a-zA-Z0-9.:\[\]-]{1,300}")
# Headers that concern the connection, not the request: they do not reach integrations (recorded).
HOP = frozenset(
    ("connection", "content-length", "content-md5", "expect", "max-forwards", "proxy-authenticate", "server", "te",
     "trailer", "transfer-encoding", "upgrade", "www-authenticate", "keep-alive")
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Call:
    """Filled from top to bottom: the address first, then the method that answers, then who called."""

    __slots__ = (
        "api_key", "authorizer", "body", "ctx", "error", "extended_id", "identity", "integration_id",
        "integration_latency", "log", "method", "multi_headers", "overrides", "path", "path_parameters", "principal",
        "query_values", "raw_path", "request", "request_id", "stage", "started", "status", "trace", "usage_plan",
    )

    def __init__(self, ctx: Context, request: Request, body: bytes) -> None:
        self.ctx = ctx
        self.request = request
        self.body = body
        self.request_id = ctx.request_id
        self.started = ctx.now
        self.extended_id = base64.b64encode(ctx.random.randbytes(11), b"-_").decode()
        self.stage: CompiledStage
        self.method: Method
        self.raw_path = ""
        """From the stage on, as it was received."""
        self.path = ""
        """Below the stage."""
        self.path_parameters: dict[str, str] = {}
        self.query_values = _query(request.query)
        self.multi_headers = _headers(request)
        self.trace = _trace(ctx, request)
        self.principal: Principal | None = None
        """Who signed, where the method asks for IAM."""
        self.api_key: tuple[str, str] | None = None
        """Id and value."""
        self.usage_plan: Any = None
        self.authorizer: dict[str, Any] | None = None
        self.identity: dict[str, Any] = {}
        self.log: list[str] | None = None
        """Lines for the execution log, where there is one."""
        self.overrides: dict[str, Any] = {}
        self.status = 0
        self.integration_latency = 0
        self.integration_id = ""
        self.error: dict[str, Any] = {}

    def header(self, name: str) -> str | None:
        """A header's last value; `name` in lower case."""
        for key, values in self.multi_headers.items():
            if key.lower() == name:
                return values[-1]
        return None

    def note(self, line: str) -> None:
        if self.log is not None:
            self.log.append(line)

    @property
    def resource_arn(self) -> str:
        """What IAM, policies and authorizers know this request by."""
        s = self.stage
        return f"arn:aws:execute-api:{s.region}:{s.account}:{s.api}/{s.stage}/{self.request.method}{self.path}"

    @property
    def domain_name(self) -> str:
        """The host that was called; for an address in path form, the one that AWS would have."""
        host = self.request.headers.get("host", "")
        if host.lower().startswith(f"{self.stage.api}.") and _HOST.fullmatch(host):
            return host
        return f"{self.stage.api}.execute-api.{self.stage.region}.amazonaws.com"

    def event_headers(self) -> dict[str, list[str]]:
        """The request's headers as integrations get them, with those that API Gateway adds."""
        headers = {name: values for name, values in self.multi_headers.items() if name.lower() not in HOP}
        port = "443" if self.request.scheme == "https" else self.ctx.cloud.endpoint.rsplit(":", 1)[-1]
        forwarded = self.header("x-forwarded-for")
        for name in [name for name in headers if name.lower() in _FORWARDED]:
            del headers[name]
        headers["X-Amzn-Trace-Id"] = [self.trace]
        headers["X-Forwarded-For"] = [f"{forwarded}, {self.source_ip}" if forwarded else self.source_ip]
        headers["X-Forwarded-Port"] = [port]
        headers["X-Forwarded-Proto"] = [self.request.scheme]
        return headers

    @property
    def source_ip(self) -> str:
        return self.request.peer or "127.0.0.1"

    def request_context(self) -> dict[str, Any]:
        """`requestContext` of a proxy event, in AWS's order.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
        """
        stage, method, caller = self.stage, self.method, self.principal
        context: dict[str, Any] = {
            "resourceId": method.resource_id,
            "resourcePath": method.path,
            "httpMethod": self.request.method,
            "extendedRequestId": self.extended_id,
            "requestTime": _clf_time(self.started),
            "path": self.raw_path,
            "accountId": stage.account,
            "protocol": "HTTP/1.1",
            "stage": stage.stage,
            "domainPrefix": stage.api,
            "requestTimeEpoch": int(self.started * 1000),
            "requestId": self.request_id,
            "identity": {
                "cognitoIdentityPoolId": None,
                "accountId": caller.account if caller else None,
                "cognitoIdentityId": None,
                "caller": caller.user_id if caller else None,
                "sourceIp": self.source_ip,
                "principalOrgId": None,
                "accessKey": caller.access_key_id if caller else None,
                "cognitoAuthenticationType": None,
                "cognitoAuthenticationProvider": None,
                "userArn": caller.arn if caller else None,
                "userAgent": self.header("user-agent"),
                "user": caller.user_id if caller else None,
            },
            "domainName": self.domain_name,
            "deploymentId": stage.deployment,
            "apiId": stage.api,
        }
        if self.api_key:
            context["identity"]["apiKeyId"], context["identity"]["apiKey"] = self.api_key
        if self.authorizer is not None:
            context["authorizer"] = self.authorizer
        if stage.canary_percent:
            context["isCanaryRequest"] = stage.canary is None
        return context


_FORWARDED = frozenset(("x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"))


def _headers(request: Request) -> dict[str, list[str]]:
    """Every value of each header; names that differ in case only are one header, spelled as it came first."""
    if not request.raw_headers:
        return {name: [value] for name, value in request.headers.items()}
    found: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    for raw, value in request.raw_headers:
        name = raw.decode("latin-1")
        key = spelled.setdefault(name.lower(), name)
        found.setdefault(key, []).append(value.decode("utf-8", "replace"))
    return found


def _query(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if text:
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            pairs = []
        for name, value in pairs:
            found.setdefault(name, []).append(value)
    return found


def _trace(ctx: Context, request: Request) -> str:
    """The caller's trace id, or a new one; it goes on to the function with the request."""
    given = request.headers.get("x-amzn-trace-id", "")
    if "Root=" not in given:
        given = f"Root=1-{int(ctx.now):08x}-{ctx.random.getrandbits(96):024x}"
        request.headers["x-amzn-trace-id"] = given
    return given


def _clf_time(epoch: float) -> str:
    """`24/Nov/2026:04:16:55 +0000`."""
    at = datetime.datetime.fromtimestamp(epoch, datetime.UTC)
    return f"{at.day:02d}/{_MONTHS[at.month - 1]}/{at.year}:{at:%H:%M:%S} +0000"
