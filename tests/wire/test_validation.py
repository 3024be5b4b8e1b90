"""The words in which constraints are refused. Texts marked with a record's name are AWS's own, from the recorded answers."""

from __future__ import annotations

from typing import Any

import pytest

from fogbank import wire
from fogbank.kit.errors import AwsError
from fogbank.wire.compile.patterns import translate
from fogbank.wire.runtime.constraints import Matcher


@pytest.fixture(scope="module")
def codecs() -> wire.Codecs:
    return wire.Codecs(None)


def refused(codecs: wire.Codecs, service: str, operation: str, params: dict[str, Any]) -> AwsError:
    with pytest.raises(AwsError) as caught:
        codecs.service(service).operation(operation).validate(params)
    return caught.value


ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTION = {"FunctionName": "f", "Role": ROLE, "Code": {}}

RECORDED = [
    # lambda: test_lambda_api, test_lambda; apigateway: test_apigateway_api, test_apigateway_common
    ("lambda", "CreateFunction", {**FUNCTION, "Role": "r1"},
     "Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: "
     r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"),
    ("lambda", "CreateFunction", {**FUNCTION, "Architectures": ["X86_64"]},
     "Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: "
     "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"),
    ("lambda", "CreateFunction", {**FUNCTION, "Architectures": ["x86_64", "arm64"]},
     "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: "
     "Member must have length less than or equal to 1"),
    ("lambda", "CreateFunction", {**FUNCTION, "SnapStart": {"ApplyOn": "invalidOption"}},
     "Value 'invalidOption' at 'snapStart.applyOn' failed to satisfy constraint: "
     "Member must satisfy enum value set: [PublishedVersions, None]"),
    ("lambda", "CreateFunction", {**FUNCTION, "VpcConfig": {"SubnetIds": ["bad_id"]}},
     "Value '[bad_id]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: "
     "[Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, "
     "Member must satisfy regular expression pattern: subnet-[0-9a-z]*]"),
    ("lambda", "PutFunctionRecursionConfig", {"FunctionName": "f", "RecursiveLoop": "InvalidValue"},
     "Value 'InvalidValue' at 'recursiveLoop' failed to satisfy constraint: "
     "Member must satisfy enum value set: [Terminate, Allow]"),
    ("lambda", "UntagResource", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"},
     "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"),
    ("lambda", "CreateEventSourceMapping", {"FunctionName": "f", "StartingPosition": "invalid"},
     "Value 'invalid' at 'startingPosition' failed to satisfy constraint: "
     "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]"),
    ("lambda", "CreateAlias",
     {"FunctionName": "f", "Name": "a", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}}},
     "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy "
     "constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, "
     "Member must not be null]"),
    ("lambda", "CreateAlias",
     {"FunctionName": "f", "Name": "a", "FunctionVersion": "1",
      "RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}}},
     "Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy "
     "constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, "
     "Member must satisfy regular expression pattern: [0-9]+]"),
    ("apigateway", "UpdateRestApi", {"restApiId": "x", "patchOperations": [{"op": "wrong"}]},
     "Value 'wrong' at 'updateRestApiInput.patchOperations.1.member.op' failed to satisfy constraint: "
     "Member must satisfy enum value set: [add, remove, move, test, replace, copy]"),
    ("apigateway", "PutGatewayResponse", {"restApiId": "x", "responseType": "FAKE_RESPONSE_TYPE"},
     "Value 'FAKE_RESPONSE_TYPE' at 'responseType' failed to satisfy constraint: Member must satisfy enum value set: "
     "[REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR, MISSING_AUTHENTICATION_TOKEN, "
     "BAD_REQUEST_BODY, INVALID_SIGNATURE, INVALID_API_KEY, BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, "
     "INTEGRATION_TIMEOUT, ACCESS_DENIED, DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED, "
     "API_CONFIGURATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, EXPIRED_TOKEN]"),
    ("stepfunctions", "ListExecutions", {"statusFilter": "succeeded"},
     "Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: "
     "[SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]"),
    ("stepfunctions", "ListStateMachines", {"maxResults": 1001},
     "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"),
    ("dynamodb", "UpdateKinesisStreamingDestination",
     {"TableName": "tab", "StreamArn": "a" * 40,
      "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "SECOND"}},
     "Value 'SECOND' at 'updateKinesisStreamingConfiguration.approximateCreationDateTimePrecision' failed to satisfy "
     "constraint: Member must satisfy enum value set: [MILLISECOND, MICROSECOND]"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "params", "words"), RECORDED)
def test_recorded_words(codecs: wire.Codecs, service: str, operation: str, params: dict[str, Any], words: str) -> None:
    error = refused(codecs, service, operation, params)
    assert error.message == f"1 validation error detected: {words}"
    assert error.code == "ValidationException"


def test_several_errors_in_their_order(codecs: wire.Codecs) -> None:
    # apigateway: test_apigateway_api, an endpoint configuration with two wrong members
    error = refused(
        codecs,
        "apigateway",
        "CreateRestApi",
        {"name": "x", "endpointConfiguration": {"types": ["wrong"], "ipAddressType": "wrong"}},
    )
    assert error.message == (
        "2 validation errors detected: "
        "Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]; "
        "Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [ipv4, dualstack]"
    )


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("sts", "AssumeRole", {"RoleArn": "a" * 20, "RoleSessionName": "Session1:2"}, "ValidationError"),
        ("cloudwatch", "SetAlarmState", {"AlarmName": "a", "StateValue": "INVALID", "StateReason": ""}, "ValidationError"),
        ("logs", "DescribeLogStreams", {"logGroupName": "?"}, "InvalidParameterException"),
        ("logs", "PutDeliveryDestination", {"name": "x", "outputFormat": "foobar"}, "ValidationException"),
    ],
)
def test_codes(codecs: wire.Codecs, service: str, operation: str, params: dict[str, Any], code: str) -> None:
    assert refused(codecs, service, operation, params).code == code


def test_iam_shows_no_values(codecs: wire.Codecs) -> None:
    # iam: test_iam, service specific credentials
    error = refused(
        codecs, "iam", "UpdateServiceSpecificCredential", {"ServiceSpecificCredentialId": "a" * 20, "Status": "Wrong"}
    )
    assert error.code == "ValidationError"
    assert error.message == (
        "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"
    )


def test_structures_print_as_java_prints_them(codecs: wire.Codecs) -> None:
    entry = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
    error = refused(
        codecs,
        "logs",
        "PutMetricFilter",
        {"logGroupName": "g", "filterName": "f", "filterPattern": "", "metricTransformations": [entry, entry]},
    )
    assert (
        "Value '[MetricTransformation(metricName=m, metricNamespace=n, metricValue=1, defaultValue=null, " in error.message
    )


def test_sqs_and_ec2_name_what_is_missing(codecs: wire.Codecs) -> None:
    error = refused(codecs, "sqs", "SendMessage", {"QueueUrl": "q"})
    assert (error.code, error.message) == ("MissingParameter", "The request must contain the parameter MessageBody.")
    error = refused(codecs, "ec2", "CreateTags", {"Resources": ["i-1"]})
    assert (error.code, error.message) == ("MissingParameter", "The request must contain the parameter Tags")


def test_s3_refuses_the_body_only(codecs: wire.Codecs) -> None:
    put = codecs.service("s3").operation("PutBucketVersioning")
    put.validate({"Bucket": "b", "VersioningConfiguration": {"Status": "Enabled"}})
    error = refused(codecs, "s3", "PutBucketTagging", {"Bucket": "b", "Tagging": {"TagSet": [{"Key": "k"}]}})
    assert error.code == "MalformedXML"
    assert error.message == ("The XML you provided was not well-formed or did not validate against our published schema")


def test_valid_input_passes(codecs: wire.Codecs) -> None:
    codecs.service("lambda").operation("CreateFunction").validate(
        {**FUNCTION, "Environment": {"Variables": {"AB": "b"}}, "Layers": [], "Tags": {"k": "v"}, "Timeout": 3}
    )
    codecs.service("iam").operation("CreateRole").validate(
        {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": [{"Key": "é", "Value": "ü x"}]}
    )


def test_a_null_in_a_list(codecs: wire.Codecs) -> None:
    error = refused(codecs, "ssm", "GetParameters", {"Names": ["a", None]})
    assert "Value null at 'names.2.member' failed to satisfy constraint: Member must not be null" in error.message


@pytest.mark.parametrize(
    ("java", "yes", "no"),
    [
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "Größe 1_a:b", "a\nb"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "a😀\n", "\x00"),
        (r"^[^\x00-\x1F]+$", "a", "a\x01"),
        (r"\p{Alpha}+", "abc", "ab1"),
        (r"(?<name>a)+\z", "aa", "b"),
        (r"[a-z[0-9]+", "a[", "A"),
        (r"^\S", " a"[1:], " "),
    ],
)
def test_java_patterns(java: str, yes: str, no: str) -> None:
    translated = translate(java)
    assert translated is not None
    matcher = Matcher(*translated)
    assert matcher(yes)
    assert not matcher(no)


def test_ecr_names(codecs: wire.Codecs) -> None:
    create = codecs.service("ecr").operation("CreateRepository")
    create.validate({"repositoryName": "cdk-hnb659fds/container-assets_x__y.z"})
    error = refused(codecs, "ecr", "CreateRepository", {"repositoryName": "Not Allowed"})
    assert error.message.endswith("[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*")


@pytest.mark.parametrize("java", [r"(a+)+$", r"^(\w+\s?)*$", r"(a|a)*b", r"([a-z]+-?)*x", r"(.*a)*"])
def test_patterns_that_explode_are_left_out(java: str) -> None:
    assert translate(java) is None


def test_a_polynomial_pattern_is_bounded() -> None:
    translated = translate(r"a*a*a*b")
    assert translated is not None
    assert Matcher(*translated)("a" * 100_000)  # not looked at: that would take hours
