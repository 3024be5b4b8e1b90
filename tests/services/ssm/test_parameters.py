"""Parameter Store through boto3. Texts as recorded from AWS, or as its users quote them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.services.ssm.names import check_new
from fogbank.services.ssm.parameters import check_pattern
from tests.cloud import ACCOUNT, REGION, CloudUnderTest

ARN = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/"


@pytest.fixture(scope="module")
def ssm(cloud: CloudUnderTest) -> Any:
    return cloud.client("ssm")


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "ssm" in request.fixturenames:
        client = request.getfixturevalue("ssm")
        for page in client.get_paginator("describe_parameters").paginate():
            for parameter in page["Parameters"]:
                client.delete_parameter(Name=parameter["Name"])


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_put_and_get_as_recorded(ssm: Any) -> None:
    put = ssm.put_parameter(Name="/dev/db/host", Value="123", Type="String")
    assert (put["Version"], put["Tier"]) == (1, "Standard")
    expected = {"Name": "/dev/db/host", "Type": "String", "Value": "123", "Version": 1, "DataType": "text",
                "ARN": f"{ARN}dev/db/host"}
    for name in ("/dev/db/host", f"{ARN}dev/db/host"):
        got = ssm.get_parameter(Name=name)["Parameter"]
        got.pop("LastModifiedDate")
        assert got == expected
        many = ssm.get_parameters(Names=[name])
        assert (many["InvalidParameters"], many["Parameters"][0]["Name"]) == ([], "/dev/db/host")
    ssm.put_parameter(Name="plain", Value="test", Type="String")
    assert ssm.get_parameter(Name=f"{ARN}plain")["Parameter"]["Name"] == "plain"


def test_errors(ssm: Any) -> None:
    assert refused(ssm.get_parameter, Name="none") == ("ParameterNotFound", "")
    assert refused(ssm.delete_parameter, Name="none") == ("ParameterNotFound", "")
    assert ssm.get_parameters(Names=["none"])["InvalidParameters"] == ["none"]
    assert ssm.delete_parameters(Names=["none"])["InvalidParameters"] == ["none"]
    said = refused(ssm.put_parameter, Name="a b", Value="x", Type="String")
    assert said[0] == "ValidationException" and said[1].startswith('Parameter name: can\'t be prefixed with "ssm" (case')
    assert refused(ssm.put_parameter, Name="/aws/x", Value="x", Type="String") == (
        "AccessDeniedException", "No access to reserved parameter name: /aws/x.")
    assert refused(ssm.put_parameter, Name="x", Value="x") == (
        "ValidationException", "A parameter type is required when you create a parameter.")
    ssm.put_parameter(Name="x", Value="x", Type="String")
    assert refused(ssm.put_parameter, Name="x", Value="y", Type="String") == (
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
    assert refused(ssm.get_parameter, Name="x:9") == (
        "ParameterVersionNotFound", "Systems Manager could not find version 9 of x. Verify the version and try again.")
    assert refused(ssm.get_parameters_by_path, Path="x")[0] == "ValidationException"


def test_versions_and_labels(ssm: Any) -> None:
    for value in "abc":
        ssm.put_parameter(Name="v", Value=value, Type="String", Overwrite=True)
    assert ssm.get_parameter(Name="v")["Parameter"]["Value"] == "c"
    first = ssm.get_parameter(Name="v:1")["Parameter"]
    assert (first["Value"], first["Selector"], first["Name"]) == ("a", ":1", "v")
    answer = ssm.label_parameter_version(Name="v", ParameterVersion=1, Labels=["prod", "1bad"])
    assert (answer["InvalidLabels"], answer["ParameterVersion"]) == (["1bad"], 1)
    assert ssm.get_parameter(Name="v:prod")["Parameter"]["Value"] == "a"
    ssm.label_parameter_version(Name="v", Labels=["prod"])
    assert ssm.get_parameter(Name="v:prod")["Parameter"]["Value"] == "c"
    history = ssm.get_parameter_history(Name="v")["Parameters"]
    assert [(h["Version"], h["Value"], h["Labels"]) for h in history] == [(1, "a", []), (2, "b", []), (3, "c", ["prod"])]
    pages = ssm.get_paginator("get_parameter_history").paginate(Name="v", PaginationConfig={"PageSize": 2})
    assert [[h["Version"] for h in page["Parameters"]] for page in pages] == [[1, 2], [3]]
    assert ssm.unlabel_parameter_version(Name="v", ParameterVersion=3, Labels=["prod", "no"])["RemovedLabels"] == ["prod"]


def test_a_hundred_versions_are_kept_unless_the_oldest_is_labelled(ssm: Any) -> None:
    for number in range(101):
        ssm.put_parameter(Name="many", Value=str(number), Type="String", Overwrite=True)
    assert refused(ssm.get_parameter, Name="many:1")[0] == "ParameterVersionNotFound"
    ssm.label_parameter_version(Name="many", ParameterVersion=2, Labels=["old"])
    code, _ = refused(ssm.put_parameter, Name="many", Value="x", Type="String", Overwrite=True)
    assert code == "ParameterMaxVersionLimitExceeded"


def test_secure_strings_read_as_noise_without_decryption(ssm: Any) -> None:
    ssm.put_parameter(Name="s", Value="secret", Type="SecureString")
    assert "secret" not in ssm.get_parameter(Name="s")["Parameter"]["Value"]
    assert ssm.get_parameter(Name="s", WithDecryption=True)["Parameter"]["Value"] == "secret"
    assert ssm.describe_parameters()["Parameters"][0]["KeyId"] == "alias/aws/ssm"


def test_by_path(ssm: Any) -> None:
    for name in ("/p/a", "/p/b", "/p/b/c", "/p/d/e", "/px"):
        ssm.put_parameter(Name=name, Value=name, Type="String")

    def names(**params: Any) -> list[str]:
        pages = ssm.get_paginator("get_parameters_by_path").paginate(PaginationConfig={"PageSize": 2}, **params)
        return [p["Name"] for page in pages for p in page["Parameters"]]

    assert names(Path="/p") == ["/p/a", "/p/b"]
    assert names(Path="/p/", Recursive=True) == ["/p/a", "/p/b", "/p/b/c", "/p/d/e"]
    assert names(Path="/", Recursive=True) == ["/p/a", "/p/b", "/p/b/c", "/p/d/e", "/px"]
    assert names(Path="/none") == []
    assert names(Path="/p", ParameterFilters=[{"Key": "Type", "Values": ["SecureString"]}]) == []


def test_describe_filters(ssm: Any) -> None:
    ssm.put_parameter(Name="/q/a", Value="1", Type="String", Tags=[{"Key": "k", "Value": "v"}], Description="d")
    ssm.put_parameter(Name="/q/b/c", Value="1,2", Type="StringList")
    ssm.put_parameter(Name="other", Value="1", Type="SecureString", Tier="Advanced")

    def names(key: str, values: list[str], option: str | None = None) -> list[str]:
        chosen: dict[str, Any] = {"Key": key, "Values": values, **({"Option": option} if option else {})}
        return [p["Name"] for p in ssm.describe_parameters(ParameterFilters=[chosen])["Parameters"]]

    assert names("Name", ["/q"], "BeginsWith") == ["/q/a", "/q/b/c"]
    assert names("Name", ["the"], "Contains") == ["other"]
    assert names("Path", ["/q"]) == ["/q/a"]
    assert names("Path", ["/q"], "Recursive") == ["/q/a", "/q/b/c"]
    assert names("Type", ["StringList", "SecureString"]) == ["/q/b/c", "other"]
    assert names("tag:k", ["v"]) == ["/q/a"]
    assert names("Tier", ["Advanced"]) == ["other"]
    older = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["oth"]}])["Parameters"]
    assert [p["Name"] for p in older] == ["other"]
    assert refused(names, key="Name", values=["x"], option="Recursive")[0] == "InvalidFilterOption"
    described = ssm.describe_parameters()["Parameters"][0]
    assert (described["Description"], described["LastModifiedUser"]) == ("d", f"arn:aws:iam::{ACCOUNT}:root")


def test_tags(ssm: Any) -> None:
    ssm.put_parameter(Name="t", Value="1", Type="String")
    target = {"ResourceType": "Parameter", "ResourceId": "t"}
    ssm.add_tags_to_resource(**target, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ssm.remove_tags_from_resource(**target, TagKeys=["a"])
    assert ssm.list_tags_for_resource(**target)["TagList"] == [{"Key": "b", "Value": "2"}]
    assert refused(ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId="no")[0] == "InvalidResourceId"


def test_sizes_tiers_and_patterns(ssm: Any) -> None:
    code, message = refused(ssm.put_parameter, Name="big", Value="x" * 4097, Type="String")
    assert code == "ValidationException"
    assert message.startswith("Standard tier parameters support a maximum parameter value of 4096 characters. To create")
    assert ssm.put_parameter(Name="big", Value="x" * 4097, Type="String", Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert refused(ssm.put_parameter, Name="big", Value="x", Tier="Standard", Overwrite=True)[0] == "ValidationException"
    assert refused(ssm.put_parameter, Name="p", Value="x1", Type="String", AllowedPattern="^x$") == (
        "ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: ^x$")


def test_an_expiration_policy_deletes_its_parameter(ssm: Any) -> None:
    import time

    policy = [{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2020-12-02T21:34:33.000Z"}}]
    ssm.put_parameter(Name="gone", Value="x", Type="String", Tier="Advanced", Policies=json.dumps(policy))
    deadline = time.monotonic() + 5
    while ssm.get_parameters(Names=["gone"])["Parameters"]:
        assert time.monotonic() < deadline


def test_public_parameters(cloud: CloudUnderTest, ssm: Any) -> None:
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    image = ssm.get_parameter(Name=name)["Parameter"]
    assert image["Value"].startswith("ami-0") and len(image["Value"]) == 21
    assert image["ARN"] == f"arn:aws:ssm:{REGION}::parameter{name}"
    other = cloud.client("ssm", region="eu-west-1").get_parameter(Name=name)["Parameter"]
    assert other["Value"] != image["Value"]
    listed = ssm.get_parameters_by_path(Path="/aws/service/global-infrastructure/regions/us-east-1")["Parameters"]
    assert {p["Value"] for p in listed} == {"aws", "amazonaws.com", "US East (N. Virginia)"}


def test_a_user_reads_what_its_policy_names(cloud: CloudUnderTest, ssm: Any) -> None:
    ssm.put_parameter(Name="/app/key", Value="1", Type="String")
    ssm.put_parameter(Name="/other", Value="2", Type="String")
    iam = cloud.client("iam")
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    statement = {"Effect": "Allow", "Action": "ssm:GetParameter*", "Resource": f"{ARN}app/*"}
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [statement]}))
    reader = cloud.client("ssm", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert reader.get_parameter(Name="/app/key")["Parameter"]["Value"] == "1"
    assert refused(reader.get_parameter, Name="/other") == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform: ssm:GetParameter on resource: "
        f"{ARN}other because no identity-based policy allows the ssm:GetParameter action")


@given(st.text(max_size=30))
def test_any_text_is_a_name_or_refused_in_aws_words(name: str) -> None:
    try:
        check_new(name)
    except AwsError as error:
        assert error.code in ("ValidationException", "AccessDeniedException", "HierarchyLevelLimitExceededException")


def test_a_hostile_pattern_is_refused_soon() -> None:
    with pytest.raises(AwsError) as caught:
        check_pattern("^(a+)+$", "a" * 4000 + "!", "String")
    assert caught.value.code == "InvalidAllowedPatternException"
