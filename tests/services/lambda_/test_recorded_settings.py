"""What stands beside a function's configuration: URLs, event settings, concurrency, signing, tags, recursion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.lambda_.helpers import create, role
from tests.services.lambda_.recorded import Scenario

NAME = "settings"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"


@pytest.fixture(scope="module", autouse=True)
def function(cloud: CloudUnderTest) -> None:
    """A function with version 1."""
    create(cloud, NAME, Role=role(cloud, "recorded-settings"), Publish=True)


def test_url(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaUrl::test_url_config_lifecycle")
    # Response streaming came later than this record: InvokeMode is in all newer ones.
    late = ("InvokeMode",)
    record.check("url_creation", lambda: client.create_function_url_config(FunctionName=NAME, AuthType="NONE"), ignore=late)
    record.check("failed_duplication", lambda: client.create_function_url_config(FunctionName=NAME, AuthType="NONE"))
    record.check("get_url_config", lambda: client.get_function_url_config(FunctionName=NAME))
    change = client.update_function_url_config
    record.check("updated_url_config", lambda: change(FunctionName=NAME, AuthType="AWS_IAM"), ignore=late)
    client.delete_function_url_config(FunctionName=NAME)
    record.check("failed_getter", lambda: client.get_function_url_config(FunctionName=NAME))


def test_urls_that_are_not_there(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaUrl::test_url_config_exceptions")
    client.create_alias(FunctionName=NAME, Name="urlalias", FunctionVersion="1")
    for operation in ("create", "get", "delete", "update"):
        call = getattr(client, f"{operation}_function_url_config")
        extra = {"AuthType": "NONE"} if operation in ("create", "update") else {}

        def check(key: str, call: Any = call, operation: str = operation, extra: Any = extra, **params: str) -> None:
            record.check(f"{operation}_function_url_config_{key}", lambda: call(**{"FunctionName": NAME, **params, **extra}))

        check("name_doesnotexist", FunctionName="doesnotexist")
        check("arn_doesnotexist", FunctionName=ARN.replace(NAME, "doesnotexist"))
        check("name_doesnotexist_qualifier", FunctionName="doesnotexist", Qualifier="1")
        check("qualifier_version", Qualifier="1")
        check("qualifier_version_doesnotexist", Qualifier="2")
        check("qualifier_alias_doesnotexist", Qualifier="doesntexist")
        check("qualifier_latest", Qualifier="$LATEST")
        if operation != "create":
            check("config_doesnotexist")
        if operation != "delete":  # the record deleted what another check had made
            check("qualifier_alias_doesnotmatch_arn", FunctionName=f"{ARN}:doesnotexist", Qualifier="urlalias")


def test_urls_are_listed(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaUrl::test_url_config_list_paging")
    listed = client.list_function_url_configs
    record.check("list_function_notfound", lambda: listed(FunctionName="doesnotexist"))
    record.check("list_all_empty", lambda: listed(FunctionName=NAME))
    for qualifier in ({}, {"Qualifier": "urlalias"}):
        client.create_function_url_config(FunctionName=NAME, AuthType="NONE", **qualifier)
    record.check("list_all", lambda: listed(FunctionName=NAME))
    first = listed(FunctionName=NAME, MaxItems=1)
    second = listed(FunctionName=NAME, MaxItems=1, Marker=first["NextMarker"])
    assert [c["FunctionArn"] for p in (first, second) for c in p["FunctionUrlConfigs"]] == [ARN, f"{ARN}:urlalias"]


def test_event_invoke_configs(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    record = Scenario("TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_lifecycle")
    put, update = client.put_function_event_invoke_config, client.update_function_event_invoke_config
    get, listed = client.get_function_event_invoke_config, client.list_function_event_invoke_configs
    record.check("put_invokeconfig_retries_0", lambda: put(FunctionName=NAME, MaximumRetryAttempts=0))
    record.check("put_invokeconfig_eventage_60", lambda: put(FunctionName=NAME, MaximumEventAgeInSeconds=60))
    record.check("update_invokeconfig_eventage_nochange", lambda: update(FunctionName=NAME, MaximumEventAgeInSeconds=60))
    record.check("update_invokeconfig_retries", lambda: update(FunctionName=NAME, MaximumRetryAttempts=1))
    record.check("get_invokeconfig", lambda: get(FunctionName=NAME))
    record.check("get_invokeconfig_latest", lambda: get(FunctionName=NAME, Qualifier="$LATEST"))
    record.check("list_single_invokeconfig", lambda: listed(FunctionName=NAME))
    record.check("get_invokeconfig_postpublish", lambda: get(FunctionName=NAME, Qualifier="1"))
    version = {"FunctionName": NAME, "Qualifier": "1"}
    record.check("put_published_invokeconfig", lambda: put(MaximumEventAgeInSeconds=120, **version))
    record.check("get_published_invokeconfig", lambda: get(**version))
    client.delete_function_event_invoke_config(FunctionName=NAME)
    record.check("list_paging_nolimit_postdelete", lambda: listed(FunctionName=NAME))
    client.delete_function_event_invoke_config(**version)


def test_bad_event_invoke_configs(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    record = Scenario("TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions")
    put = client.put_function_event_invoke_config
    client.create_alias(FunctionName=NAME, Name="eventinvokealias", FunctionVersion="1")

    def check(key: str, call: Any = put, **params: Any) -> None:
        record.check(key, lambda: call(**{"FunctionName": NAME, **params}))

    def target(arn: str, outcome: str = "OnSuccess") -> dict[str, Any]:
        return {"DestinationConfig": {outcome: {"Destination": arn}}}

    check("put_functionname_name_notfound", FunctionName="doesnotexist", MaximumRetryAttempts=0)
    check("put_functionname_arn_notfound", FunctionName=ARN.replace(NAME, "doesnotexist"), MaximumRetryAttempts=0)
    check("put_functionname_nootherargs")
    check("put_destination_lambda_doesntexist", **target(ARN.replace(NAME, "doesnotexist")))
    check("put_destination_recursive", **target(ARN))
    check("put_destination_invalid_service_arn", **target(ARN.replace(":lambda:", ":iam:")))
    check("put_destination_success_no_destination_arn", DestinationConfig={"OnSuccess": {}})
    check("put_destination_failure_no_destination_arn", DestinationConfig={"OnFailure": {}})
    check("put_destination_invalid_arn_pattern", **target(ARN.replace(":lambda:", ":_-/!lambda:"), "OnFailure"))
    check("put_destination_latest", MaximumRetryAttempts=1)
    check("put_destination_version", MaximumRetryAttempts=1, Qualifier="1")
    check("put_alias_functionname_qualifier", MaximumRetryAttempts=1, Qualifier="eventinvokealias")
    check("put_alias_doesnotexist", MaximumRetryAttempts=1, Qualifier="doesnotexist")
    check("put_alias_qualifiedarn", FunctionName=f"{ARN}:eventinvokealias", MaximumRetryAttempts=1)
    conflict = {"FunctionName": f"{ARN}:eventinvokealias", "Qualifier": "1", "MaximumRetryAttempts": 1}
    check("put_alias_qualifiedarn_qualifierconflict", **conflict)
    check("put_maxevent_maxvalue_result", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=21600)
    check("put_pre_overwrite", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60)
    check("put_post_overwrite", MaximumRetryAttempts=0)
    check("get_post_overwrite", client.get_function_event_invoke_config)
    put(FunctionName=NAME, MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60)
    check("update_response", client.update_function_event_invoke_config, MaximumRetryAttempts=0)
    check("list_configs", client.list_function_event_invoke_configs)
    delete = client.delete_function_event_invoke_config
    check("delete_latest", delete, Qualifier="$LATEST")
    check("delete_version", delete, Qualifier="1")
    check("delete_alias", delete, Qualifier="eventinvokealias")
    check("delete_function_not_found", delete)
    check("delete_function_doesnotexist", delete, FunctionName="doesnotexist")
    check("list_function_doesnotexist", client.list_function_event_invoke_configs, FunctionName="doesnotexist")
    get, update = client.get_function_event_invoke_config, client.update_function_event_invoke_config
    check("get_qualifier_doesnotexist", get, Qualifier="doesnotexist")
    check("get_eventinvokeconfig_doesnotexist", get, Qualifier="eventinvokealias")
    missing = "update_eventinvokeconfig_function_doesnotexist"
    check(missing, update, FunctionName="doesnotexist", MaximumRetryAttempts=0)
    missing = "update_eventinvokeconfig_config_doesnotexist_with_qualifier"
    check(missing, update, Qualifier="eventinvokealias", MaximumRetryAttempts=0)


def test_reserved_concurrency(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    put, get = client.put_function_concurrency, client.get_function_concurrency
    record = Scenario("TestLambdaReservedConcurrency::test_function_concurrency")
    record.check("put_function_concurrency_with_reserved_0", lambda: put(FunctionName=NAME, ReservedConcurrentExecutions=0))
    record.check("put_function_concurrency_with_reserved_1", lambda: put(FunctionName=NAME, ReservedConcurrentExecutions=1))
    record.check("get_function_concurrency", lambda: get(FunctionName=NAME))
    record.check("delete_response", lambda: client.delete_function_concurrency(FunctionName=NAME))
    record.check("get_function_concurrency_after_delete", lambda: get(FunctionName=NAME))
    record = Scenario("TestLambdaReservedConcurrency::test_function_concurrency_exceptions")
    missing = "put_function_concurrency_with_function_name_doesnotexist"
    record.check(missing, lambda: put(FunctionName="doesnotexist", ReservedConcurrentExecutions=1))
    qualified = "put_function_concurrency_with_qualified_arn"
    record.check(qualified, lambda: put(FunctionName=f"{ARN}:1", ReservedConcurrentExecutions=1))
    record = Scenario("TestLambdaReservedConcurrency::test_function_concurrency_limits")
    limit = "put_function_concurrency_account_limit_exceeded"
    record.check(limit, lambda: put(FunctionName=NAME, ReservedConcurrentExecutions=1001))
    record.check(
        "put_function_concurrency_below_unreserved_min_value",
        lambda: put(FunctionName=NAME, ReservedConcurrentExecutions=901),
    )
    assert put(FunctionName=NAME, ReservedConcurrentExecutions=900)["ReservedConcurrentExecutions"] == 900
    client.delete_function_concurrency(FunctionName=NAME)


def test_bad_provisioned_concurrency(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda", parameter_validation=False)
    record = Scenario("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions")

    def check(key: str, operation: str, qualifier: str | None, name: str = NAME, **more: Any) -> None:
        call = getattr(client, f"{operation}_provisioned_concurrency_config{'s' if operation == 'list' else ''}")
        params = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {}), **more}
        record.check(key, lambda: call(**params))

    for operation in ("get", "delete"):
        check(f"{operation}_provisioned_qualifier_doesnotexist", operation, "noalias")
        check(f"{operation}_provisioned_version_doesnotexist", operation, "10")
        check(f"{operation}_provisioned_latest", operation, "$LATEST")
    check("get_provisioned_config_doesnotexist", "get", "1")
    check("get_provisioned_functionname_doesnotexist", "get", "noalias", "doesnotexist")
    check("delete_provisioned_functionname_doesnotexist", "delete", "1", "doesnotexist")
    check("delete_provisioned_config_doesnotexist", "delete", "1")
    check("list_provisioned_noconfigs", "list", None)
    check("list_provisioned_functionname_doesnotexist", "list", None, "doesnotexist")
    one: dict[str, Any] = {"ProvisionedConcurrentExecutions": 1}
    check("put_provisioned_invalid_param_0", "put", "1", ProvisionedConcurrentExecutions=0)
    check("put_provisioned_functionname_doesnotexist_alias", "put", "noalias", "doesnotexist", **one)
    check("put_provisioned_functionname_doesnotexist_version", "put", "1", "doesnotexist", **one)
    check("put_provisioned_qualifier_doesnotexist", "put", "doesnotexist", **one)
    check("put_provisioned_version_doesnotexist", "put", "10", **one)
    check("put_provisioned_latest", "put", "$LATEST", **one)
    record = Scenario("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_limits")
    limit = "put_provisioned_concurrency_account_limit_exceeded"
    check(limit, "put", "1", ProvisionedConcurrentExecutions=1001)
    check("put_provisioned_concurrency_below_unreserved_min_value", "put", "1", ProvisionedConcurrentExecutions=901)


def test_code_signing(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestCodeSigningConfig::test_function_code_signing_config")
    publishers = {"SigningProfileVersionArns": [f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/test"]}
    made = record.check(
        "create_code_signing_config",
        lambda: client.create_code_signing_config(
            Description="Testing CodeSigning Config", AllowedPublishers=publishers,
            CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
        ),
    )  # fmt: skip
    arn = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    this = {"CodeSigningConfigArn": arn}
    warn = {"UntrustedArtifactOnDeployment": "Warn"}
    record.check("update_code_signing_config", lambda: client.update_code_signing_config(CodeSigningPolicies=warn, **this))
    record.check("get_code_signing_config", lambda: client.get_code_signing_config(**this))
    put = client.put_function_code_signing_config
    record.check("put_function_code_signing_config", lambda: put(FunctionName=NAME, **this))
    record.check("get_function_code_signing_config", lambda: client.get_function_code_signing_config(FunctionName=NAME))
    record.check("list_code_signing_configs", lambda: client.list_code_signing_configs()["CodeSigningConfigs"][0])
    record.check(
        "list_functions_by_code_signing_config", lambda: client.list_functions_by_code_signing_config(**this)
    )
    delete = client.delete_function_code_signing_config
    record.check("delete_function_code_signing_config", lambda: delete(FunctionName=NAME))
    record = Scenario("TestCodeSigningConfig::test_code_signing_not_found_excs")
    record.check("nothing_to_delete_response", lambda: delete(FunctionName=NAME))
    wrong = {"CodeSigningConfigArn": arn[:-17] + "0" * 17}
    record.bound["csc_arn_invalid"] = wrong["CodeSigningConfigArn"]
    record.check("delete_csc_notfound", lambda: client.delete_code_signing_config(**wrong))
    record.check("delete_function_csc_fnnotfound", lambda: delete(FunctionName="csc-test-doesnotexist"))
    record.check("put_function_csc_invalid_fnname", lambda: put(FunctionName="csc-test-doesnotexist", **this))
    record.check("put_function_csc_invalid_csc_arn", lambda: put(FunctionName=NAME, **wrong))
    record.check("put_function_csc_invalid_both", lambda: put(FunctionName="csc-test-doesnotexist", **wrong))
    record.check("update_csc_invalid_csc_arn", lambda: client.update_code_signing_config(Description="new", **wrong))
    record.check("get_csc_invalid", lambda: client.get_code_signing_config(**wrong))
    record.check("get_function_csc_fnwithoutcsc", lambda: client.get_function_code_signing_config(FunctionName=NAME))
    record.check("list_functions_by_csc_fnwithoutcsc", lambda: client.list_functions_by_code_signing_config(**this))
    record.check("list_functions_by_csc_invalid_cscarn", lambda: client.list_functions_by_code_signing_config(**wrong))


def test_enforced_signatures_keep_code_out(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    publishers = {"SigningProfileVersionArns": [f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/test"]}
    made = client.create_code_signing_config(
        AllowedPublishers=publishers, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"}
    )["CodeSigningConfig"]["CodeSigningConfigArn"]
    client.put_function_code_signing_config(FunctionName=NAME, CodeSigningConfigArn=made)
    with pytest.raises(client.exceptions.CodeVerificationFailedException):
        client.update_function_code(FunctionName=NAME, ZipFile=b"PK")
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.delete_code_signing_config(CodeSigningConfigArn=made)
    client.delete_function_code_signing_config(FunctionName=NAME)
    client.delete_code_signing_config(CodeSigningConfigArn=made)


def test_tags(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaTag::test_tag_lifecycle[lambda_function]")

    def check(step: str, call: Any, **params: Any) -> None:
        record.check(f"{step}_response", lambda: call(Resource=ARN, **params))
        record.check(f"{step}_response_listtags", lambda: client.list_tags(Resource=ARN))

    tag, untag = client.tag_resource, client.untag_resource
    check("tag_single", tag, Tags={"A": "tag-a"})
    check("tag_multiple", tag, Tags={"B": "tag-b", "C": "tag-c"})
    check("tag_overlap", tag, Tags={"C": "tag-c-newsuffix", "D": "tag-d"})
    check("untag_single", untag, TagKeys=["A"])
    check("untag_multiple", untag, TagKeys=["B", "C"])
    check("untag_nonexisting", untag, TagKeys=["A"])
    check("untag_existing_and_nonexisting", untag, TagKeys=["A", "D"])
    client.tag_resource(Resource=ARN, Tags={f"{n}_key": "value" for n in range(50)})
    record = Scenario("TestLambdaTags::test_tag_limits")
    record.check("tag_lambda_too_many_tags_additional", lambda: tag(Resource=ARN, Tags={"more": "tags"}))


@pytest.mark.parametrize("kind", ["lambda_function", "event_source_mapping", "capacity_provider"])
def test_tags_of_what_is_not_there(cloud: CloudUnderTest, kind: str) -> None:
    client, record = cloud.client("lambda"), Scenario(f"TestLambdaTag::test_tag_exceptions[{kind}]")
    base = f"arn:aws:lambda:{REGION}:{ACCOUNT}"
    name = "01234567-89ab-cdef-0123-456789abcdef"
    arn = f"{base}:{ {'lambda_function': 'function'}.get(kind, kind.replace('_', '-')) }:{name}"
    record.check("not_found_exception_tag", lambda: client.tag_resource(Resource=arn, Tags={"A": "B"}))
    record.check("not_found_exception_untag", lambda: client.untag_resource(Resource=arn, TagKeys=["A"]))
    record.check("not_found_exception_list", lambda: client.list_tags(Resource=arn))
    record.check("aliased_arn_exception", lambda: client.list_tags(Resource=f"{arn}:alias"))
    record.check("invalid_arn_exception", lambda: client.list_tags(Resource=f"{base}:foobar:{name}"))


def test_recursion(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda", parameter_validation=False)
    get, put = client.get_function_recursion_config, client.put_function_recursion_config
    record = Scenario("TestLambdaRecursion::test_put_function_recursion_config_default_terminate")
    record.check("get_recursion_default_terminate_response", lambda: get(FunctionName=NAME))
    record = Scenario("TestLambdaRecursion::test_put_function_recursion_config_allow")
    record.check("put_recursion_config_response", lambda: put(FunctionName=NAME, RecursiveLoop="Allow"))
    record.check("get_recursion_config_response", lambda: get(FunctionName=NAME))
    record = Scenario("TestLambdaRecursion::test_put_function_recursion_config_invalid_value")
    record.check("put_recursion_invalid_value_error", lambda: put(FunctionName=NAME, RecursiveLoop="InvalidValue"))


def test_account_settings(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaAccountSettings::test_account_settings")
    settings = client.get_account_settings()
    shape = {key: sorted(settings[key]) for key in ("AccountLimit", "AccountUsage")}
    record.check("acc_settings_modded", shape)
    assert settings["AccountLimit"] == {
        "TotalCodeSize": 80530636800, "CodeSizeUnzipped": 262144000, "CodeSizeZipped": 52428800,
        "ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000,
    }  # fmt: skip
