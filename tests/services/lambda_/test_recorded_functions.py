"""Functions and their names, as AWS answers for them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.lambda_.helpers import PYTHON, create, package, role
from tests.services.lambda_.recorded import Scenario

OTHER = "def handler(e, c):\n    return 'other'\n"


@pytest.fixture(scope="module")
def shared_role(cloud: CloudUnderTest) -> str:
    return role(cloud, "recorded-functions")


def test_lifecycle(cloud: CloudUnderTest, shared_role: str) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaFunction::test_function_lifecycle")
    settings: dict[str, Any] = {
        "Handler": "handler.handler", "MemorySize": 256, "Timeout": 5, "Environment": {"Variables": {}},
        "Role": shared_role,
    }  # fmt: skip
    ignore = ("Runtime", "RuntimeVersionConfig")
    record.check("create_response", lambda: create(cloud, "lifecycle", **settings), ignore=ignore)
    record.check("get_function_response", lambda: client.get_function(FunctionName="lifecycle"), ignore=ignore)
    change = {"Description": "Changed-Description", "Timeout": 10, "MemorySize": 512}
    record.check(
        "update_func_conf_response",
        lambda: client.update_function_configuration(
            FunctionName="lifecycle", Environment={"Variables": {"ENV_A": "a"}}, **change
        ),
        ignore=ignore,
    )
    record.check("get_function_response_postupdate", lambda: client.get_function(FunctionName="lifecycle"), ignore=ignore)
    record.check(
        "update_code_response",
        lambda: client.update_function_code(FunctionName="lifecycle", ZipFile=package(OTHER)),
        ignore=ignore,
    )
    record.check(
        "get_function_response_postcodeupdate", lambda: client.get_function(FunctionName="lifecycle"), ignore=ignore
    )
    # The record is of an API that answered 204 with a StatusCode in the body; the model knows of none.
    client.delete_function(FunctionName="lifecycle")
    record.check("delete_postdelete", lambda: client.delete_function(FunctionName="lifecycle"))


@pytest.mark.parametrize("operation", ["delete_function", "get_function", "get_function_configuration"])
def test_qualifier_mismatch(cloud: CloudUnderTest, operation: str) -> None:
    record = Scenario(f"TestLambdaFunction::test_ops_with_arn_qualifier_mismatch[{operation}]")
    call = getattr(cloud.client("lambda"), operation)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:some-function"
    record.check("not_match_exception", lambda: call(FunctionName=f"{arn}:$LATEST", Qualifier="1"))
    record.check("match_exception", lambda: call(FunctionName=f"{arn}:$LATEST", Qualifier="$LATEST"))


@pytest.mark.parametrize(
    "operation", ["get_function", "get_function_configuration", "get_function_event_invoke_config"]
)
def test_missing_versions(cloud: CloudUnderTest, shared_role: str, operation: str) -> None:
    if operation == "get_function":
        create(cloud, "versionless", Role=shared_role)
    record = Scenario(f"TestLambdaFunction::test_ops_on_nonexisting_version[{operation}]")
    call = getattr(cloud.client("lambda"), operation)
    record.check("version_not_found_exception", lambda: call(FunctionName="versionless", Qualifier="1221"))


def test_deleting_what_is_not_there(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaFunction::test_delete_on_nonexisting_version")
    record.check("delete_function_response_non_existent", lambda: client.delete_function(FunctionName="absent"))
    record.check(
        "delete_function_response_non_existent_with_qualifier",
        lambda: client.delete_function(FunctionName="absent", Qualifier="1"),
    )


@pytest.mark.parametrize(
    "operation",
    ["delete_function", "get_function", "get_function_configuration", "get_function_url_config",
     "get_function_code_signing_config", "get_function_event_invoke_config", "get_function_concurrency"],
)  # fmt: skip
def test_missing_functions(cloud: CloudUnderTest, operation: str) -> None:
    call = getattr(cloud.client("lambda"), operation)
    record = Scenario(f"TestLambdaFunction::test_ops_on_nonexisting_fn[{operation}]")
    record.check("not_found_exception", lambda: call(FunctionName="absent"))
    record = Scenario(f"TestLambdaFunction::test_get_function_wrong_region[{operation}]")
    arn = f"arn:aws:lambda:eu-west-3:{ACCOUNT}:function:absent"
    record.check("wrong_region_exception", lambda: call(FunctionName=arn))


def test_bad_functions(cloud: CloudUnderTest, shared_role: str) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaFunction::test_create_lambda_exceptions")
    good = {"Role": shared_role}
    record.check("invalid_role_arn_exc", lambda: create(cloud, "bad", Role="r1"))
    record.check("invalid_runtime_exc", lambda: create(cloud, "bad", Runtime="non-existent-runtime", **good))
    record.check("uppercase_runtime_exc", lambda: create(cloud, "bad", Runtime="PYTHON3.9", **good))
    record.check("multiple_architectures", lambda: create(cloud, "bad", Architectures=["x86_64", "arm64"], **good))
    record.check("uppercase_architecture", lambda: create(cloud, "bad", Architectures=["X86_64"], **good))
    record.check("invalid_zip_exc", lambda: create(cloud, "bad", Code={"ZipFile": b"this is not a zip"}, **good))
    record = Scenario("TestLambdaFunction::test_update_lambda_exceptions")
    create(cloud, "good", **good)
    change = client.update_function_configuration
    record.check("invalid_role_arn_exc", lambda: change(FunctionName="good", Role="r1"))
    record.check("invalid_runtime_exc", lambda: change(FunctionName="good", Runtime="non-existent-runtime"))
    record.check("uppercase_runtime_exc", lambda: change(FunctionName="good", Runtime="PYTHON3.9"))


def test_code_in_buckets_that_are_not_there(cloud: CloudUnderTest, shared_role: str) -> None:
    record = Scenario("TestLambdaFunction::test_lambda_code_location_s3_errors")
    cloud.client("s3").create_bucket(Bucket="code-of-functions")
    for key, place in {
        "wrong-bucket": {"S3Bucket": "some-random-non-existent-bucket", "S3Key": "k.zip"},
        "wrong-key": {"S3Bucket": "code-of-functions", "S3Key": "absent.zip"},
    }.items():
        record.check(f"create-error-{key}", partial(create, cloud, "from-s3", Code=place, Role=shared_role))
        update = partial(cloud.client("lambda").update_function_code, FunctionName="good", **place)
        record.check(f"update-error-{key}", update)


def test_sizes(cloud: CloudUnderTest, shared_role: str) -> None:
    record = Scenario("TestLambdaSizeLimits::test_large_environment_variables_fails")
    big: dict[str, Any] = {"Role": shared_role, "Environment": {"Variables": {"LARGE_VAR": "x" * 4081}}}
    record.check("failed_create_fn_result", lambda: create(cloud, "big", **big))
    record = Scenario("TestLambdaSizeLimits::test_lambda_envvars_near_limit_succeeds")
    near: dict[str, Any] = {"Role": shared_role, "Environment": {"Variables": {"LARGE_VAR": "x" * 4080}}}
    record.check(
        "successful_create_fn_result", lambda: create(cloud, "near", **near),
        ignore=("Runtime", "RuntimeVersionConfig", "Handler", "Timeout", "Environment"),
    )  # fmt: skip
    record = Scenario("TestLambdaSizeLimits::test_oversized_zipped_create_lambda")
    zipped = {"ZipFile": b"PK" + b"0" * (50 * 1024 * 1024)}
    record.check("invalid_param_exc", lambda: create(cloud, "big", Code=zipped, Role=shared_role))
    record = Scenario("TestLambdaSizeLimits::test_oversized_request_create_lambda")
    zipped = {"ZipFile": b"PK" + b"0" * (52 * 1024 * 1024)}
    record.check("invalid_param_exc", lambda: create(cloud, "big", Code=zipped, Role=shared_role))


def test_names_given_as_arns(cloud: CloudUnderTest, shared_role: str) -> None:
    record = Scenario("TestLambdaFunction::test_function_arns")
    good = {"Role": shared_role}
    record.check("invalid_function_name_exc", lambda: create(cloud, "invalid:function:name", **good))
    record.check("long_function_name_exc", lambda: create(cloud, "a" * 65, **good))
    arn = f"arn:aws:lambda:ap-southeast-1:{ACCOUNT}:function:elsewhere"
    record.check("function_arn_other_region_exc", lambda: create(cloud, arn, **good))


_NAMES = {
    "function_name_is_single_invalid": ("*", None),
    "invalid_characters_in_function_name": ("my-function!", None),
    "invalid_characters_in_qualifier": ("my-function", "invalid!"),
    "invalid_account_id_in_partial_arn": ("invalid-account:function:my-function", None),
    "invalid_region_in_arn": (f"arn:aws:lambda:invalid-region:{ACCOUNT}:function:my-function", None),
    "non_lambda_arn": (f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance:i-1234567890abcdef0", None),
    "function_name_too_long": ("a" * 65, None),
    "full_arn_with_multiple_qualifiers": (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:my-function:1:2", None),
    "incomplete_arn": ("function", None),
    "partial_arn_with_extra_qualifier": ("function:my-function:$LATEST:extra", None),
    "latest_version_with_additional_qualifier": (
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:my-function:$LATEST", "1",
    ),
    "lowercase_latest_qualifier": ("my-function", "$latest"),
    "missing_region_in_arn": (f"arn:aws:lambda::{ACCOUNT}:function:my-function", None),
    "missing_account_id_in_arn": (f"arn:aws:lambda:{REGION}::function:my-function", None),
    "misspelled_latest_in_arn": (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:my-function:$LATES", None),
    "qualifier_too_long1": ("my-function", "a" * 65),
    "qualifier_too_long": ("my-function", "a" * 129),
}  # fmt: skip


@pytest.mark.parametrize("operation", ["get_function", "delete_function", "invoke"])
@pytest.mark.parametrize("case", sorted(_NAMES))
def test_names_and_qualifiers(cloud: CloudUnderTest, case: str, operation: str) -> None:
    record = Scenario(f"TestLambdaFunction::test_function_name_and_qualifier_validation[{case}-{operation}]")
    name, qualifier = _NAMES[case]
    params = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}

    def call() -> Any:
        with pytest.raises(ClientError) as info:
            getattr(cloud.client("lambda", parameter_validation=False), operation)(**params)
        error = info.value.response["Error"]
        if error["Code"] == "ValidationException":
            count, _, rest = error["Message"].partition(" validation error")
            errors = rest.split(": ", 1)[1].split("; ")
            return {"Code": error["Code"], "Count": int(count), "Errors": sorted(errors)}
        return {"Code": error["Code"], "Message": error["Message"]}

    key = f"{operation}_exception"
    text = record.content[key]
    for field in ("Message", "Errors"):  # the records shorten long runs of one letter
        if field in text:
            values = text[field] if isinstance(text[field], list) else [text[field]]
            values = [v.replace("<a:len(65)>", "a" * 65).replace("<a:len(129)>", "a" * 129) for v in values]
            text[field] = values if field == "Errors" else values[0]
    record.check(key, call)


def test_functions_are_listed(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaFunction::test_list_functions")
    record.check("list_functions_invalid_functionversion", lambda: client.list_functions(FunctionVersion="invalid"))
    names = [f["FunctionName"] for page in client.get_paginator("list_functions").paginate(MaxItems=2)
             for f in page["Functions"]]  # fmt: skip
    assert names == sorted(names)
    assert {"good", "near"} <= set(names)


def test_logging_configuration(cloud: CloudUnderTest, shared_role: str) -> None:
    client = cloud.client("lambda")
    record = Scenario("TestLoggingConfig::test_advanced_logging_configuration_format_switch")
    shape: dict[str, Any] = {"Handler": "handler.handler", "MemorySize": 256, "Timeout": 5, "Environment": {"Variables": {}}}
    ignore = ("Runtime", "RuntimeVersionConfig")
    record.check("create_response", lambda: create(cloud, "logs-json", Role=shared_role, **shape), ignore=ignore)
    change = client.update_function_configuration
    record.check(
        "updated_config",
        lambda: change(FunctionName="logs-json", LoggingConfig={"LogFormat": "JSON"}), ignore=ignore,
    )
    record.check("received_config", lambda: client.get_function_configuration(FunctionName="logs-json"), ignore=ignore)
    record.check(
        "updated_config_v2",
        lambda: change(FunctionName="logs-json", LoggingConfig={"LogFormat": "Text"}), ignore=ignore,
    )
    record.check(
        "received_config_v2", lambda: client.get_function_configuration(FunctionName="logs-json"), ignore=ignore
    )


def test_redundant_updates_count_as_updates(cloud: CloudUnderTest, shared_role: str) -> None:
    client = cloud.client("lambda")
    create(cloud, "redundant", Role=shared_role, Description="same")
    before = client.get_function_configuration(FunctionName="redundant")
    client.update_function_configuration(FunctionName="redundant", Description="same")
    after = client.get_function_configuration(FunctionName="redundant")
    assert before["RevisionId"] != after["RevisionId"]


def test_runtimes_of_aws_are_known(cloud: CloudUnderTest, shared_role: str) -> None:
    assert create(cloud, "runs", Role=shared_role)["Runtime"] == PYTHON
