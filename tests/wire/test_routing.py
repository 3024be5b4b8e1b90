"""Which operation a request asks for."""

from __future__ import annotations

import pytest

from fogbank import wire
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request


@pytest.fixture(scope="module")
def codecs() -> wire.Codecs:
    return wire.Codecs(None)


def ask(method: str, target: str, body: bytes = b"", **headers: str) -> Request:
    path, _, query = target.partition("?")
    return Request(method, path, query, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("request_", "operation", "labels"),
    [
        (ask("GET", "/"), "ListBuckets", {}),
        (ask("PUT", "/b"), "CreateBucket", {"Bucket": "b"}),
        (ask("PUT", "/b/"), "CreateBucket", {"Bucket": "b"}),
        (ask("GET", "/b?list-type=2&prefix=x"), "ListObjectsV2", {"Bucket": "b"}),
        (ask("GET", "/b/?prefix=x"), "ListObjects", {"Bucket": "b"}),
        (ask("GET", "/b?versions"), "ListObjectVersions", {"Bucket": "b"}),
        (ask("GET", "/b?versioning="), "GetBucketVersioning", {"Bucket": "b"}),
        (ask("GET", "/b?lifecycle"), "GetBucketLifecycleConfiguration", {"Bucket": "b"}),
        (ask("PUT", "/b?notification"), "PutBucketNotificationConfiguration", {"Bucket": "b"}),
        (ask("GET", "/b?analytics"), "ListBucketAnalyticsConfigurations", {"Bucket": "b"}),
        (ask("GET", "/b?analytics&id=1"), "GetBucketAnalyticsConfiguration", {"Bucket": "b"}),
        (ask("GET", "/b/a//b%20c%2Fd"), "GetObject", {"Bucket": "b", "Key": "a//b c/d"}),
        (ask("GET", "/b//"), "GetObject", {"Bucket": "b", "Key": "/"}),
        (ask("GET", "/b/100%25%32"), "GetObject", {"Bucket": "b", "Key": "100%2"}),
        (ask("GET", "/b/k?uploadId=1"), "ListParts", {"Bucket": "b", "Key": "k"}),
        (ask("GET", "/b/k?tagging"), "GetObjectTagging", {"Bucket": "b", "Key": "k"}),
        (ask("HEAD", "/b/k"), "HeadObject", {"Bucket": "b", "Key": "k"}),
        (ask("PUT", "/b/k"), "PutObject", {"Bucket": "b", "Key": "k"}),
        (ask("PUT", "/b/k?x-id=PutObject"), "PutObject", {"Bucket": "b", "Key": "k"}),
        (ask("PUT", "/b/k", x_amz_copy_source="/s/k"), "CopyObject", {"Bucket": "b", "Key": "k"}),
        (ask("PUT", "/b/k?partNumber=1&uploadId=u"), "UploadPart", {"Bucket": "b", "Key": "k"}),
        (ask("PUT", "/b/k?partNumber=1&uploadId=u", x_amz_copy_source="s/k"), "UploadPartCopy", {"Bucket": "b", "Key": "k"}),
        (ask("POST", "/b/k?uploads"), "CreateMultipartUpload", {"Bucket": "b", "Key": "k"}),
        (ask("POST", "/b/k?uploadId=u"), "CompleteMultipartUpload", {"Bucket": "b", "Key": "k"}),
        (ask("DELETE", "/b/k?uploadId=u"), "AbortMultipartUpload", {"Bucket": "b", "Key": "k"}),
        (ask("DELETE", "/b/k"), "DeleteObject", {"Bucket": "b", "Key": "k"}),
        (ask("POST", "/b?delete"), "DeleteObjects", {"Bucket": "b"}),
        (ask("POST", "/b", content_type="multipart/form-data; boundary=x"), "PostObject", {"Bucket": "b"}),
        (ask("POST", "/b/k?select&select-type=2"), "SelectObjectContent", {"Bucket": "b", "Key": "k"}),
    ],
)
def test_s3(codecs: wire.Codecs, request_: Request, operation: str, labels: dict[str, str]) -> None:
    route = codecs.service("s3").route(request_)
    assert (route.operation, route.labels) == (operation, labels)


@pytest.mark.parametrize("target", ["/b/k", "/b/k?partNumber=1"])
def test_s3_refuses_what_is_no_operation(codecs: wire.Codecs, target: str) -> None:
    with pytest.raises(AwsError) as caught:
        codecs.service("s3").route(ask("POST", target))
    assert caught.value.code == "MethodNotAllowed"
    assert caught.value.status == 405
    assert caught.value.members == {"Method": "POST", "ResourceType": "OBJECT"}


@pytest.mark.parametrize(
    ("service", "request_", "operation", "labels"),
    [
        ("lambda", ask("GET", "/2015-03-31/functions/"), "ListFunctions", {}),
        ("lambda", ask("GET", "/2015-03-31/functions"), "ListFunctions", {}),
        ("lambda", ask("POST", "/2015-03-31/functions"), "CreateFunction", {}),
        ("lambda", ask("POST", "/2015-03-31/functions/a%3Ab/invocations"), "Invoke", {"FunctionName": "a:b"}),
        ("lambda", ask("GET", "/2015-03-31/functions/f/configuration"), "GetFunctionConfiguration", {"FunctionName": "f"}),
        ("lambda", ask("GET", "/2018-10-31/layers?find=LayerVersion&Arn=x"), "GetLayerVersionByArn", {}),
        ("lambda", ask("GET", "/2018-10-31/layers"), "ListLayers", {}),
        ("apigateway", ask("PUT", "/restapis/x?mode=merge"), "PutRestApi", {"restapi_id": "x"}),
        ("apigateway", ask("POST", "/restapis?mode=import"), "ImportRestApi", {}),
        ("apigateway", ask("POST", "/restapis"), "CreateRestApi", {}),
        (
            "apigateway",
            ask("GET", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fx"),
            "GetTags",
            {"resource_arn": "arn:aws:apigateway:us-east-1::/restapis/x"},
        ),
    ],
)
def test_rest(codecs: wire.Codecs, service: str, request_: Request, operation: str, labels: dict[str, str]) -> None:
    route = codecs.service(service).route(request_)
    assert (route.operation, route.labels) == (operation, labels)


def test_every_protocol_of_a_service(codecs: wire.Codecs) -> None:
    cloudwatch = codecs.service("cloudwatch")
    target = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    route = cloudwatch.route(ask("POST", target, smithy_protocol="rpc-v2-cbor"))
    assert (route.operation, route.protocol) == ("ListMetrics", "smithy-rpc-v2-cbor")
    route = cloudwatch.route(ask("POST", "/", b"{}", x_amz_target="GraniteServiceVersion20100801.ListMetrics"))
    assert (route.operation, route.protocol) == ("ListMetrics", "json")
    route = cloudwatch.route(ask("POST", "/", b"Action=ListMetrics&Version=2010-08-01"))
    assert (route.operation, route.protocol) == ("ListMetrics", "query")
    assert codecs.service("sqs").route(ask("GET", "/?Action=ListQueues")).protocol == "query"


@pytest.mark.parametrize(
    ("service", "request_", "code", "message", "status"),
    [
        ("dynamodb", ask("POST", "/", x_amz_target="DynamoDB_20120810.Nope"), "UnknownOperationException", "", 400),
        ("dynamodb", ask("POST", "/", x_amz_target="Other.PutItem"), "UnknownOperationException", "", 400),
        ("dynamodb", ask("POST", "/"), "UnknownOperationException", "", 400),
        ("lambda", ask("GET", "/nowhere"), "UnknownOperationException", "", 404),
        (
            "iam",
            ask("POST", "/", b"Action=Nope&Version=2010-05-08"),
            "InvalidAction",
            "Could not find operation Nope for version 2010-05-08",
            400,
        ),
        (
            "ec2",
            ask("POST", "/", b"Action=Nope"),
            "InvalidAction",
            "The action Nope is not valid for this web service.",
            400,
        ),
        ("sts", ask("POST", "/", b"\xff"), "MalformedQueryString", "The query string contains a syntax error.", 404),
    ],
)
def test_unknown_operations(
    codecs: wire.Codecs, service: str, request_: Request, code: str, message: str, status: int
) -> None:
    with pytest.raises(AwsError) as caught:
        codecs.service(service).route(request_)
    assert (caught.value.code, caught.value.message, caught.value.status) == (code, message, status)
