"""Microseconds to parse a request and to serialise a response, against botocore's own serialiser and parser.

    python -m bench.wire

botocore does the reverse work (it makes the request that we parse, and parses the response that we make), on the same
data, so the ratio is a hint at what generated code saves, not a race.
"""

from __future__ import annotations

import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize

from fogbank import wire

Case = tuple[str, str, str, wire.Request, dict[str, Any], dict[str, Any]]

_ITEM = {"id": {"S": "1"}, "n": {"N": "12"}, "list": {"L": [{"S": "a"}, {"S": "b"}]}}
_FUNCTION = {
    "FunctionName": "f", "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f", "Runtime": "python3.12",
    "Role": "arn:aws:iam::000000000000:role/r", "Handler": "m.f", "CodeSize": 100, "Timeout": 3, "MemorySize": 128,
    "State": "Active", "LastModified": "2024-01-01T00:00:00.000+0000", "Environment": {"Variables": {"A": "b"}},
}  # fmt: skip


def _target(prefix: str, operation: str, body: bytes) -> wire.Request:
    return wire.Request("POST", "/", "", {"x-amz-target": f"{prefix}.{operation}"}, body)


CASES: list[Case] = [
    ("dynamodb", "PutItem", "json",
     _target("DynamoDB_20120810", "PutItem",
             b'{"TableName":"t","Item":{"id":{"S":"1"},"n":{"N":"12"},"list":{"L":[{"S":"a"},{"S":"b"}]}}}'),
     {"TableName": "t", "Item": _ITEM}, {"Attributes": _ITEM}),
    ("sqs", "SendMessage", "json",
     _target("AmazonSQS", "SendMessage", b'{"QueueUrl":"http://localhost:4566/0/q","MessageBody":"hello"}'),
     {"QueueUrl": "http://localhost:4566/0/q", "MessageBody": "hello"},
     {"MessageId": "m", "MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592"}),
    ("lambda", "Invoke", "rest-json",
     wire.Request("POST", "/2015-03-31/functions/f/invocations", "", {"x-amz-invocation-type": "Event"}, b"{}"),
     {"FunctionName": "f", "InvocationType": "Event", "Payload": b"{}"}, {"StatusCode": 200, "Payload": b"{}"}),
    ("lambda", "GetFunctionConfiguration", "rest-json",
     wire.Request("GET", "/2015-03-31/functions/f/configuration", "", {}), {"FunctionName": "f"}, _FUNCTION),
    ("sts", "GetCallerIdentity", "query",
     wire.Request("POST", "/", "", {}, b"Action=GetCallerIdentity&Version=2011-06-15"), {},
     {"Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root", "UserId": "000000000000"}),
    ("iam", "CreateRole", "query",
     wire.Request("POST", "/", "", {}, b"Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=%7B%7D"
                  b"&Tags.member.1.Key=k&Tags.member.1.Value=v"),
     {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": [{"Key": "k", "Value": "v"}]},
     {"Role": {"Path": "/", "RoleName": "r", "RoleId": "AROA", "Arn": "arn:aws:iam::000000000000:role/r",
               "CreateDate": 1714557600.0}}),
    ("s3", "PutBucketTagging", "rest-xml",
     wire.Request("PUT", "/b", "tagging", {},
                  b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"),
     {"Bucket": "b", "Tagging": {"TagSet": [{"Key": "k", "Value": "v"}]}}, {}),
    ("s3", "HeadObject", "rest-xml", wire.Request("HEAD", "/b/k", "", {}), {"Bucket": "b", "Key": "k"},
     {"ContentLength": 10, "ETag": '"e"', "LastModified": 1714557600.0, "Metadata": {"a": "b"}}),
    ("s3", "ListObjectsV2", "rest-xml",
     wire.Request("GET", "/b", "list-type=2&prefix=a", {}), {"Bucket": "b", "Prefix": "a"},
     {"Name": "b", "KeyCount": 10, "Contents": [
         {"Key": f"a{n}", "Size": n, "ETag": '"e"', "LastModified": 1714557600.0, "StorageClass": "STANDARD"}
         for n in range(10)]}),
    ("cloudwatch", "GetDashboard", "smithy-rpc-v2-cbor",
     wire.Request("POST", "/service/GraniteServiceVersion20100801/operation/GetDashboard", "",
                  {"smithy-protocol": "rpc-v2-cbor"}, b"\xa1\x6dDashboardName\x61d"),
     {"DashboardName": "d"}, {"DashboardName": "d", "DashboardBody": "{}"}),
]  # fmt: skip


def micros(run: Callable[[], Any]) -> float:
    """The best of five, each of about 20 ms."""
    once = max(timeit.timeit(run, number=20) / 20, 1e-7)
    number = max(20, int(0.02 / once))
    return min(timeit.repeat(run, number=number, repeat=5)) / number * 1e6


def main() -> None:
    print(f"{'':46}{'route':>7}{'parse':>7}{'valid':>7}{'write':>7}   {'botocore makes':>15}{'reads':>8}")
    with tempfile.TemporaryDirectory() as directory:
        codecs = wire.Codecs(Path(directory))
        for service, name, protocol, request, params, output in CASES:
            model = codecs.service(service)
            operation = model.operation(name)
            route = model.route(request)
            assert route.operation == name
            assert isinstance(request.body, bytes)
            body = request.body
            parsed = operation.parse(route, request, body)

            def parse(operation: Any = operation, route: Any = route, request: Any = request, body: bytes = body) -> None:
                route.query = None
                operation.parse(route, request, body)

            ours = (
                micros(lambda model=model, request=request: model.route(request)),  # type: ignore[misc]
                micros(parse),
                micros(lambda operation=operation, parsed=parsed: operation.validate(parsed)),  # type: ignore[misc]
                micros(lambda operation=operation, output=output, p=protocol: operation.serialise(p, output, "id")),  # type: ignore[misc]
            )
            theirs = _botocore(service, name, protocol, params, operation.serialise(protocol, output, "id"))
            row = "".join(f"{value:7.1f}" for value in ours)
            print(f"{service + ' ' + name + ' (' + protocol + ')':46}{row}   {theirs[0]:15.1f}{theirs[1]:8.1f}")


def _botocore(
    service: str, name: str, protocol: str, params: dict[str, Any], response: wire.Response
) -> tuple[float, float]:
    description = botocore.loaders.Loader().load_service_model(service, "service-2")
    operation = botocore.model.ServiceModel(description, service).operation_model(name)
    serialiser = botocore.serialize.create_serializer(protocol, include_validation=False)
    parser = botocore.parsers.create_parser(protocol)
    given = {
        "status_code": response.status,
        "headers": {key.lower(): value for key, value in response.headers},
        "body": response.body,
        "context": {},
    }
    shape = operation.output_shape
    return (
        micros(lambda: serialiser.serialize_to_request(params, operation)),
        micros(lambda: parser.parse(dict(given), shape)),
    )


if __name__ == "__main__":
    main()
