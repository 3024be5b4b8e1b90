"""From a request to its operation and protocol, by what the client sent."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request
from fogbank.wire.runtime.forms import parse_form
from fogbank.wire.runtime.locations import parse_query
from fogbank.wire.runtime.malformed import Malformed

_MOST_UNPACKED = 16 * 1024 * 1024

CBOR = "smithy-rpc-v2-cbor"


@dataclass(slots=True)
class Route:
    """Which operation a request asks for, in which protocol, with the path's labels percent-decoded once."""

    operation: str
    protocol: str
    labels: dict[str, str] = field(default_factory=dict)
    query: dict[str, list[str]] | None = None
    form: dict[str, str] | None = None

    def parameters(self, request: Request) -> dict[str, list[str]]:
        """The query string's parameters, parsed once."""
        if self.query is None:
            self.query = parse_query(request.query)
        return self.query

    def fields(self, request: Request) -> dict[str, str]:
        """The form fields of the body, and of the query string where the client used that."""
        if self.form is None:
            self.form = form_fields(request)
        return self.form


def form_fields(request: Request) -> dict[str, str]:
    text = request.query
    if isinstance(request.body, bytes) and request.body:
        try:
            body = plain_body(request, request.body).decode()
        except UnicodeDecodeError:
            raise Malformed("") from None
        text = f"{body}&{text}" if text else body
    return parse_form(text)


def plain_body(request: Request, body: bytes) -> bytes:
    """The body without the gzip encoding in which clients send large requests (CloudWatch's PutMetricData)."""
    if not body or request.headers.get("content-encoding", "").rpartition(",")[2].strip() != "gzip":
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, _MOST_UNPACKED)
    except zlib.error:
        raise Malformed("") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise Malformed("")
    return plain


def protocol_of(request: Request, protocols: list[str]) -> str:
    """The protocol that the request is written in, among those of the service."""
    headers = request.headers
    if headers.get("smithy-protocol") == "rpc-v2-cbor" and CBOR in protocols:
        return CBOR
    if "json" in protocols and ("x-amz-target" in headers or len(protocols) == 1):
        return "json"
    for protocol in protocols:
        if protocol in ("rest-json", "rest-xml", "query", "ec2"):
            return protocol
    return protocols[0]


def route_rpc(request: Request, protocol: str, operations: Any, metadata: dict[str, Any]) -> Route:
    """json by `x-amz-target`, CBOR by path, query and ec2 by `Action`."""
    if protocol in ("query", "ec2"):
        return _route_query(request, protocol, operations, metadata)
    if protocol == CBOR:
        parts = request.path.split("/")
        if len(parts) == 5 and parts[1] == "service" and parts[3] == "operation" and parts[4] in operations:
            return Route(parts[4], protocol)
        raise AwsError("UnknownOperationException", "", status=404)
    prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
    if name not in operations or prefix.rpartition(".")[2] != str(metadata.get("targetPrefix", "")).rpartition(".")[2]:
        raise AwsError("UnknownOperationException", "", status=400)
    return Route(name, protocol)


def _route_query(request: Request, protocol: str, operations: Any, metadata: dict[str, Any]) -> Route:
    try:
        fields = form_fields(request)
    except Malformed:
        raise AwsError("MalformedQueryString", "The query string contains a syntax error.", status=404) from None
    action = fields.get("Action")
    if not action:
        raise AwsError("MissingAction", "The request is missing an action or a required parameter.", status=400)
    if action not in operations:
        if protocol == "ec2":
            message = f"The action {action} is not valid for this web service."
        else:
            version = fields.get("Version") or metadata.get("apiVersion", "")
            message = f"Could not find operation {action} for version {version}"
        raise AwsError("InvalidAction", message, status=400)
    return Route(action, protocol, form=fields)


# The paths of a REST service are a tree of segments:
#   {"literal": {segment: node}, "label": node | None, "greedy": [(segments after it, candidates by method)],
#    "here": {method: {its first constant's name, or "": [candidate, ...]}}}
# A candidate is (operation, label names, constants, required query names, required header names, deprecated).

Candidate = tuple[str, tuple[str, ...], tuple[tuple[str, str | None], ...], tuple[str, ...], tuple[str, ...], bool]
Tree = dict[str, Any]


def build_tree(model: dict[str, Any]) -> Tree:
    tree = _node()
    for name, operation in model["operations"].items():
        if not operation.get("unroutable") and "http" in operation:
            _insert(tree, model["shapes"], name, operation)
    return tree


def _node() -> Tree:
    return {"literal": {}, "label": None, "greedy": [], "here": {}}


def _insert(tree: Tree, shapes: dict[str, Any], name: str, operation: dict[str, Any]) -> None:
    method = operation["http"]["method"]
    path, _, query = operation["http"]["requestUri"].partition("?")
    labels, node = [], tree
    segments = path.strip("/").split("/") if path.strip("/") else []
    here = node["here"]
    for index, segment in enumerate(segments):
        if segment.startswith("{") and segment.endswith("+}"):
            labels.append(segment[1:-2])
            after = segments[index + 1 :]
            labels.extend(part[1:-1] for part in after if part.startswith("{"))
            known = next((entry for entry in node["greedy"] if entry[0] == after), None)
            if known is None:
                node["greedy"].append(known := (after, {}))
                node["greedy"].sort(key=lambda entry: -len(entry[0]))
            here = known[1]
            break
        if segment.startswith("{"):
            labels.append(segment[1:-1])
            if node["label"] is None:
                node["label"] = _node()
            node = node["label"]
        else:
            node = node["literal"].setdefault(segment, _node())
        here = node["here"]
    candidate = _candidate(shapes, name, operation, tuple(labels), query)
    by_constant = here.setdefault(method, {})
    by_constant.setdefault(candidate[2][0][0] if candidate[2] else "", []).append(candidate)


def _candidate(
    shapes: dict[str, Any], name: str, operation: dict[str, Any], labels: tuple[str, ...], query: str
) -> Candidate:
    constants = tuple(
        (key, value if given else None) for key, given, value in (part.partition("=") for part in query.split("&") if part)
    )
    queries, headers = [], []
    if "input" in operation:
        shape = shapes[operation["input"]["shape"]]
        for member in shape.get("required", ()):
            reference = shape["members"][member]
            wire = reference.get("locationName", member)
            if reference.get("location") == "querystring":
                queries.append(wire)
            elif reference.get("location") == "header":
                headers.append(wire.lower())
    return name, labels, constants, tuple(queries), tuple(headers), bool(operation.get("deprecated"))


def route_rest(request: Request, protocol: str, tree: Tree, *, strict: bool) -> Route:
    """By method and path, then by the query and headers that distinguish operations at the same address.

    With `strict` (S3) an operation whose distinguishing members are absent is not taken for what was meant.
    """
    path = request.path
    segments = path[1:].split("/") if len(path) > 1 else []
    query: dict[str, list[str]] | None = None
    matched = False
    for here, values in _matches(tree, segments, 0, []):
        matched = True
        by_constant = here.get(request.method)
        if not by_constant:
            continue
        if not strict and len(by_constant) == 1 and len(by_constant.get("", ())) == 1:
            chosen = by_constant[""][0]
        else:
            if query is None:
                try:
                    query = parse_query(request.query)
                except Malformed:
                    raise AwsError("InvalidRequest", "Too many query parameters.", status=400) from None
            best = _choose(by_constant, query, request.headers, strict)
            if best is None:
                continue
            chosen = best
        try:
            labels = {
                name: unquote(value, errors="strict") if "%" in value else value
                for name, value in zip(chosen[1], values, strict=True)
            }
        except UnicodeDecodeError:
            raise AwsError("InvalidURI", "Couldn't parse the specified URI.", status=400) from None
        return Route(chosen[0], protocol, labels, query)
    if matched and strict:
        raise AwsError(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            status=405,
            Method=request.method,
            ResourceType="OBJECT" if len(segments) > 1 and segments[1] else "BUCKET",
        )
    raise AwsError("UnknownOperationException", "", status=404)


def _matches(node: Tree, segments: list[str], index: int, values: list[str]) -> Any:
    """Every place of the tree that the path fits, the most literal first, as (candidates by method, label values)."""
    left = len(segments) - index
    if left == 0 or (left == 1 and not segments[index]):  # a closing slash is tolerated
        yield node["here"], values
        return
    segment = segments[index]
    literal = node["literal"].get(segment)
    if literal is not None:
        yield from _matches(literal, segments, index + 1, values)
    if node["label"] is not None and segment:
        yield from _matches(node["label"], segments, index + 1, [*values, segment])
    for after, here in node["greedy"]:
        more = _greedy(after, segments, index)
        if more is not None:
            yield here, [*values, *more]


def _greedy(after: list[str], segments: list[str], index: int) -> list[str] | None:
    end = len(segments) - len(after)
    rest = "/".join(segments[index:end])
    if end <= index or not rest:
        return None
    values = [rest]
    for expected, segment in zip(after, segments[end:], strict=True):
        if expected.startswith("{"):
            values.append(segment)
        elif expected != segment:
            return None
    return values


def _choose(
    by_constant: dict[str, list[Candidate]], query: dict[str, list[str]], headers: dict[str, str], strict: bool
) -> Candidate | None:
    best, best_rank = None, (-1, -1, -1, False)
    candidates = list(by_constant.get("", ()))
    for name in query:
        candidates += by_constant.get(name, ())
    for candidate in candidates:
        _, _, constants, queries, needed, deprecated = candidate
        if any(name not in query or (value is not None and value not in query[name]) for name, value in constants):
            continue
        present = sum(name in query for name in queries) + sum(name in headers for name in needed)
        complete = present == len(queries) + len(needed)
        if strict and not complete and not constants:
            continue
        rank = (len(constants), 1 if complete else 0, present, not deprecated)
        if rank > best_rank:
            best, best_rank = candidate, rank
    return best
