"""AWS integrations with services other than Lambda: the request is signed as the integration's role and sent to the cloud.

It takes the way that every client's request takes, so that each service's protocol, checks and errors are its own.
https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html, `uri`
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from fogbank.api import AwsError
from fogbank.gateway import canonical
from fogbank.gateway.names import BY_TARGET, BY_VERSION, QUERY
from fogbank.gateway.signature import signing_key
from fogbank.iam.sessions import Credentials
from fogbank.services.apigateway.plane import failures, http
from fogbank.services.apigateway.plane.answers import Answer
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.mapping import (
    Outgoing,
    chosen_response,
    mapped_request,
    mapped_response,
    request_body,
)

_URI = re.compile(r"arn:[\w-]+:apigateway:([\w-]+):(?:([\w.-]+)\.)?([\w-]+):(path|action)/(.*)", re.DOTALL)
_TARGETS = {service: prefix for prefix, service in BY_TARGET.items()}
_VERSIONS = {service: version for version, service in BY_VERSION.items()}


class _Address(NamedTuple):
    region: str
    subdomain: str
    service: str
    kind: str
    """`path` or `action`."""
    rest: str


async def run(call: Call) -> Answer:
    match = _URI.fullmatch(call.method.integration.get("uri", ""))
    if not match:
        raise failures.configuration("AWS ARN for integration must contain path or action")
    address = _Address(match[1], match[2] or "", match[3], match[4], match[5])
    credentials = _credentials(call)
    outgoing = mapped_request(call)
    outgoing.body = request_body(call)
    override = call.overrides.get("requestOverride") or {}
    outgoing.headers.update({str(name): [str(value)] for name, value in (override.get("header") or {}).items()})
    outgoing.path.update({str(name): str(value) for name, value in (override.get("path") or {}).items()})
    path, query = _target(address, outgoing)
    message = _signed(call, address, outgoing, path, query, credentials)
    place = urlsplit(call.ctx.cloud.endpoint)
    host = place.hostname or "localhost"
    try:
        reply = await http.send(False, host, host, place.port, message)
    except (OSError, ValueError, EOFError) as error:
        raise failures.unreachable(str(error)) from error
    response = chosen_response(call, str(reply.status))
    return Answer(*mapped_response(call, response, reply.headers, bytes(reply.body)))


def _credentials(call: Call) -> Credentials:
    role = call.method.integration.get("credentials")
    if not role or role.endswith(":iam::*:user/*"):
        raise failures.configuration("API Gateway does not have permission to assume the provided role")
    try:
        return call.ctx.cloud.issue(call.ctx.assume(role, "BackplaneAssumeRoleSession", "apigateway.amazonaws.com"))
    except AwsError as error:
        raise failures.configuration("API Gateway does not have permission to assume the provided role") from error


def _target(address: _Address, outgoing: Outgoing) -> tuple[str, str]:
    """Path and query. An action is named as its service's protocol names it."""
    if address.kind == "path":
        path, _, query = address.rest.partition("?")
        for name, value in outgoing.path.items():
            path = path.replace(f"{{{name}}}", quote(value, safe="/%-._~!$&'()*+,;=:@"))
        return f"/{path}", "&".join(filter(None, (query, _encoded(outgoing.query))))
    action, _, rest = address.rest.partition("&")
    names = {name.lower() for name in outgoing.headers}
    if address.service in QUERY:
        if b"Action=" in outgoing.body[:10_000]:
            return "/", _encoded(outgoing.query)
        version = {"Version": [_VERSIONS[address.service]]} if address.service in _VERSIONS else {}
        query = _encoded({"Action": [action], **version, **outgoing.query})
        return "/", "&".join(filter(None, (query, rest)))
    if "x-amz-target" not in names and address.service in _TARGETS:
        outgoing.headers["X-Amz-Target"] = [f"{_TARGETS[address.service]}.{action}"]
    if "content-type" not in names:
        outgoing.headers["Content-Type"] = ["application/x-amz-json-1.1"]
    return "/", _encoded(outgoing.query)


def _encoded(query: dict[str, list[str]]) -> str:
    return urlencode([(name, value) for name, values in query.items() for value in values], quote_via=quote)


def _signed(
    call: Call, address: _Address, outgoing: Outgoing, path: str, query: str, credentials: Credentials
) -> bytes:
    """The whole message, signed by Signature Version 4."""
    host = ".".join(filter(None, (address.subdomain, address.service, address.region, "amazonaws.com")))
    at = datetime.datetime.fromtimestamp(call.ctx.now, datetime.UTC)
    stamp, day = f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%d}"
    digest = hashlib.sha256(outgoing.body).hexdigest()
    method = call.method.integration.get("httpMethod") or "POST"
    signing = {
        "host": host,
        "x-amz-content-sha256": digest,
        "x-amz-date": stamp,
        "x-amz-security-token": credentials.session_token,
    }
    for name, values in outgoing.headers.items():
        if name.lower().startswith("x-amz-"):
            signing[name.lower()] = ",".join(value.strip() for value in values)
    names = ";".join(sorted(signing))
    lines = "".join(f"{name}:{signing[name]}\n" for name in sorted(signing))
    plain = canonical.path_s3(path) if address.service == "s3" else canonical.path_other(path)
    whole = canonical.request(method, plain, canonical.query(query), lines, names, digest)
    scope = f"{day}/{address.region}/{address.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(whole.encode()).hexdigest()}"
    key = signing_key(credentials.secret_access_key, day, address.region, address.service)
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    base = {"Host": [host], "X-Amz-Date": [stamp], "X-Amz-Content-Sha256": [digest],
            "X-Amz-Security-Token": [credentials.session_token], "X-Amzn-Trace-Id": [call.trace]}
    headers = http.merged(base, {**outgoing.headers, "Authorization": [authorization]})
    target = f"{path}?{query}" if query else path
    return http.head(method, target, headers, len(outgoing.body)) + outgoing.body
