"""Versions, aliases, their revisions and their policies, as AWS answers for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.lambda_.helpers import ECHO, create, package, role
from tests.services.lambda_.recorded import Scenario

RUNTIME = ("Runtime", "RuntimeVersionConfig", "Handler", "Timeout", "MemorySize", "LoggingConfig", "Environment")


@pytest.fixture(scope="module")
def shared_role(cloud: CloudUnderTest) -> str:
    return role(cloud, "recorded-versions")


def test_versions(cloud: CloudUnderTest, shared_role: str) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaVersions::test_version_lifecycle")
    name = "version-life"

    def check(key: str, call: Any) -> Any:
        return record.check(key, call, ignore=RUNTIME)

    check("create_response", lambda: create(cloud, name, Role=shared_role, Description="No version :("))
    check("get_function_result", lambda: client.get_function(FunctionName=name))
    check("list_versions_result", lambda: client.list_versions_by_function(FunctionName=name))
    change = client.update_function_configuration
    check("first_update_response", lambda: change(FunctionName=name, Description="First version :)"))
    check("first_update_get_function", lambda: client.get_function(FunctionName=name))
    publish = client.publish_version
    check("first_publish_response", lambda: publish(FunctionName=name, Description="First version description :)"))
    check("first_publish_get_function", lambda: client.get_function(FunctionName=name, Qualifier="1"))
    get = client.get_function_configuration
    check("first_publish_get_function_config", lambda: get(FunctionName=name, Qualifier="1"))
    check("second_update_response", lambda: change(FunctionName=name, Description="Second version :))"))
    check("first_publish_get_function_after_update", lambda: client.get_function(FunctionName=name, Qualifier="1"))
    check("second_publish_response", lambda: publish(FunctionName=name))
    check("third_publish_response", lambda: publish(FunctionName=name))
    check("list_versions_result_after_third_publish", lambda: client.list_versions_by_function(FunctionName=name))
    client.delete_function(FunctionName=name, Qualifier="1")
    check(
        "list_versions_result_after_deletion_of_first_version",
        lambda: client.list_versions_by_function(FunctionName=name),
    )


def test_wrong_digests_and_revisions(cloud: CloudUnderTest, shared_role: str) -> None:
    client = cloud.client("lambda")
    create(cloud, "checked", Role=shared_role)
    sha256 = client.get_function_configuration(FunctionName="checked")["CodeSha256"]
    record = Scenario("TestLambdaVersions::test_publish_with_wrong_sha256")
    record.check("get_fn_response", lambda: client.get_function(FunctionName="checked"), ignore=RUNTIME)
    wrong = "somenonexistentsha256"
    record.check("publish_wrong_sha256_exc", lambda: client.publish_version(FunctionName="checked", CodeSha256=wrong))
    record.check(
        "publish_result", lambda: client.publish_version(FunctionName="checked", CodeSha256=sha256), ignore=RUNTIME
    )
    record = Scenario("TestLambdaVersions::test_publish_with_wrong_revisionid")
    record.check("publish_wrong_revisionid_exc", lambda: client.publish_version(FunctionName="checked", RevisionId="doesntexist"))


def test_revisions_change_with_versions_and_aliases(cloud: CloudUnderTest, shared_role: str) -> None:
    client = cloud.client("lambda")
    record = Scenario("TestLambdaRevisions::test_function_revisions_version_and_alias")
    name = "revised"

    def check(key: str, call: Any) -> Any:
        return record.check(key, call, ignore=RUNTIME)

    first = check("create_function_response_rev1", lambda: create(cloud, name, Role=shared_role))["RevisionId"]
    active = check("get_function_active_rev2", lambda: client.get_function(FunctionName=name))
    check("publish_version_revision_exception", lambda: client.publish_version(FunctionName=name, RevisionId=first))
    revision = active["Configuration"]["RevisionId"]
    check("publish_version_response_rev_v1", lambda: client.publish_version(FunctionName=name, RevisionId=revision))
    check("get_function_published_version_rev_v2", lambda: client.get_function(FunctionName=name, Qualifier="1"))
    check("get_function_latest_rev3", lambda: client.get_function(FunctionName=name))
    alias = {"FunctionName": name, "Name": "revision_alias"}
    check("create_alias_response_rev_a1", lambda: client.create_alias(FunctionVersion="1", **alias))
    check("get_function_latest_rev4", lambda: client.get_function(FunctionName=name))
    check("get_function_published_version_rev_v3", lambda: client.get_function(FunctionName=name, Qualifier="1"))
    check("update_alias_revision_exception", lambda: client.update_alias(RevisionId="wrong", **alias))
    current = client.get_alias(**alias)["RevisionId"]
    check(
        "update_alias_response_rev_a2",
        lambda: client.update_alias(RevisionId=current, Description="something changed", **alias),
    )
    check("update_alias_revision_exception", lambda: client.update_alias(RevisionId=current, **alias))


def test_updates_check_the_revision(cloud: CloudUnderTest, shared_role: str) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaRevisions::test_function_revisions_basic")
    name = "revised-basic"

    def check(key: str, call: Any) -> Any:
        return record.check(key, call, ignore=RUNTIME)

    first = check("create_function_response_rev1", lambda: create(cloud, name, Role=shared_role))["RevisionId"]
    second = check("get_function_response_rev2", lambda: client.get_function(FunctionName=name))
    code = {"FunctionName": name, "ZipFile": package(ECHO)}
    check("update_function_revision_exception", lambda: client.update_function_code(RevisionId=first, **code))
    revision = second["Configuration"]["RevisionId"]
    third = check("update_function_code_response_rev3", lambda: client.update_function_code(RevisionId=revision, **code))
    fourth = check("get_function_response_rev4", lambda: client.get_function(FunctionName=name))
    change = client.update_function_configuration
    check(
        "update_function_configuration_revision_exception",
        lambda: change(FunctionName=name, Description="x", RevisionId=third["RevisionId"]),
    )
    assert change(FunctionName=name, Description="x", RevisionId=fourth["Configuration"]["RevisionId"])


def test_aliases(cloud: CloudUnderTest, shared_role: str) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaAlias::test_alias_lifecycle")
    name = "alias-life"
    create(cloud, name, Role=shared_role, Environment={"Variables": {"testenv": "staging"}})

    def check(key: str, call: Any) -> Any:
        return record.check(key, call, ignore=RUNTIME)

    check("publish_v1", lambda: client.publish_version(FunctionName=name))
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"testenv": "prod"}})
    check("publish_v2", lambda: client.publish_version(FunctionName=name))
    shifted = {"AdditionalVersionWeights": {"2": 0.2}}
    make, custom = client.create_alias, {"FunctionName": name, "Description": "custom-alias"}
    check("create_alias_1_1", lambda: make(Name="aliasname1_1", FunctionVersion="1", RoutingConfig=shifted, **custom))
    check("get_alias_1_1", lambda: client.get_alias(FunctionName=name, Name="aliasname1_1"))
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    check("get_function_alias_1_1", lambda: client.get_function(FunctionName=name, Qualifier="aliasname1_1"))
    check("get_function_byarn_alias_1_1", lambda: client.get_function(FunctionName=f"{arn}:aliasname1_1"))
    missing = "get_function_alias_notfound_exc", "get_function_alias_byarn_notfound_exc"
    check(missing[0], lambda: client.get_function(FunctionName=name, Qualifier="aliasdoesnotexist"))
    check(missing[1], lambda: client.get_function(FunctionName=f"{arn}:aliasdoesnotexist"))
    check("create_alias_1_2", lambda: make(Name="aliasname1_2", FunctionVersion="1", **custom))
    check("create_alias_1_3", lambda: make(Name="aliasname1_3", FunctionVersion="1", FunctionName=name))
    check("create_alias_2", lambda: make(Name="aliasname2", FunctionVersion="2", **custom))
    check("list_aliases_for_fnname", lambda: client.list_aliases(FunctionName=name))
    none: dict[str, Any] = {"RoutingConfig": {"AdditionalVersionWeights": {}}}
    check("update_alias_1_1", lambda: client.update_alias(FunctionName=name, Name="aliasname1_1", **none))
    check("get_alias_1_1_after_update", lambda: client.get_alias(FunctionName=name, Name="aliasname1_1"))
    check("list_aliases_for_fnname_after_update", lambda: client.list_aliases(FunctionName=name))
    check("update_alias_1_2", lambda: client.update_alias(FunctionName=name, Name="aliasname1_2"))
    check("get_alias_1_2_after_update", lambda: client.get_alias(FunctionName=name, Name="aliasname1_2"))
    check("list_aliases_for_version", lambda: client.list_aliases(FunctionName=name, FunctionVersion="1"))
    check("delete_alias_response", lambda: client.delete_alias(FunctionName=name, Name="aliasname1_1"))
    check("list_aliases_for_fnname_afterdelete", lambda: client.list_aliases(FunctionName=name))


def test_bad_aliases(cloud: CloudUnderTest, shared_role: str) -> None:
    client = cloud.client("lambda", parameter_validation=False)
    record = Scenario("TestLambdaAlias::test_notfound_and_invalid_routingconfigs")
    name = "alias-bad"
    create(cloud, name, Role=shared_role)
    record.check("publish_v1", lambda: client.publish_version(FunctionName=name), ignore=(*RUNTIME, "RevisionId", "CodeSha256"))
    client.update_function_configuration(FunctionName=name, Description="second")
    client.publish_version(FunctionName=name)

    def make(version: str, weights: dict[str, float] | None = None, function: str = name, alias: str = "custom") -> Any:
        routing = {} if weights is None else {"RoutingConfig": {"AdditionalVersionWeights": weights}}
        return lambda: client.create_alias(FunctionName=function, Name=alias, FunctionVersion=version, **routing)

    record.check("routing_config_exc_toomany", make("1", {"1": 0.8, "2": 0.2}))
    record.check("routing_config_exc_toohigh", make("1", {"2": 2.0}))
    record.check("routing_config_exc_subzero", make("1", {"2": -1.0}))
    record.check("routing_config_exc_sameversion", make("1", {"1": 0.5}))
    record.check("target_version_doesnotexist", make("10", {"2": 0.5}))
    record.check("routing_config_exc_version_doesnotexist", make("1", {"10": 0.5}))
    record.check("target_version_exc_version_latest", make("$LATEST", {"1": 0.5}))
    record.check("routing_config_exc_version_latest", make("1", {"$LATEST": 0.5}))
    record.check("create-alias-latest", make("$LATEST", alias="custom-latest"))
    record.check("routing_config_exc_fn_doesnotexist", make("1", {"2": 0.5}, f"{name}-unknown"))
    record.check("create_alias_empty_routingconfig", make("1", {}, alias="custom-empty-routingconfig"))
    record.check("create_alias_response", make("1", {"2": 0.5}))
    record.check("routing_config_exc_already_exist", make("1", {"2": 0.5}))
    record.check("alias_does_not_exist_esc", lambda: client.get_alias(FunctionName=name, Name="non-existent"))
    record = Scenario("TestLambdaAlias::test_non_existent_alias_update")
    record.check("update_alias_response", lambda: client.update_alias(FunctionName=name, Name="non-existent"))
    record = Scenario("TestLambdaAlias::test_non_existent_alias_deletion")
    record.check("delete_alias_response", lambda: client.delete_alias(FunctionName=name, Name="non-existent"))
    record = Scenario("TestLambdaAlias::test_alias_naming")
    record.check("create_alias_number_exception", make("1", alias="2024"))


def test_permissions_of_versions(cloud: CloudUnderTest, shared_role: str) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaPermissions::test_lambda_permission_fn_versioning")
    name = "permitted"
    create(cloud, name, Role=shared_role)
    s3 = {"FunctionName": name, "Action": "lambda:InvokeFunction", "StatementId": "s3",
          "Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::bucket"}  # fmt: skip
    record.check("add_permission", lambda: client.add_permission(**s3))
    record.check("get_policy", lambda: client.get_policy(FunctionName=name))
    record.check("publish_version_result", lambda: client.publish_version(FunctionName=name), ignore=RUNTIME)
    record.check("get_function_result_after_publishing", lambda: client.get_function(FunctionName=name), ignore=RUNTIME)
    # Publishing makes a new revision of $LATEST (`test_function_revisions_version_and_alias`), and AWS shows the policy's
    # former one here still.
    record.check("get_policy_after_publishing_latest", lambda: client.get_policy(FunctionName=name), ignore=("RevisionId",))
    missing = "get_policy_after_publishing_new_version"
    record.check(missing, lambda: client.get_policy(FunctionName=name, Qualifier="1"))
    client.add_permission(**{**s3, "Qualifier": "1"})
    record.check("get_policy_version", lambda: client.get_policy(FunctionName=name, Qualifier="1"))
    alias = {"FunctionName": name, "Name": "permission-alias"}
    record.check("create_alias_response", lambda: client.create_alias(FunctionVersion="1", **alias))
    record.check("get_alias", lambda: client.get_alias(**alias))
    on_alias = {**s3, "Qualifier": "permission-alias"}
    record.check("add_permission_alias_revision_exception", lambda: client.add_permission(RevisionId="wrong", **on_alias))
    client.add_permission(RevisionId=client.get_alias(**alias)["RevisionId"], **on_alias)
    record.check("get_policy_alias", lambda: client.get_policy(FunctionName=name, Qualifier="permission-alias"))
    client.add_permission(**{**s3, "StatementId": "s3_2"})
    record.check("get_policy_after_adding_2", lambda: client.get_policy(FunctionName=name))


def test_bad_permissions(cloud: CloudUnderTest, shared_role: str) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaPermissions::test_permission_exceptions")
    name = "unpermitted"
    create(cloud, name, Role=shared_role)
    base = {"FunctionName": name, "Action": "lambda:InvokeFunction", "StatementId": "s3", "Principal": "s3.amazonaws.com"}

    def add(**change: str) -> Any:
        return lambda: client.add_permission(**{**base, **change})

    record.check("add_permission_invalid_statement_id", add(StatementId="example.com"))
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    record.check("add_permission_fn_qualifier_mismatch", add(FunctionName=f"{arn}:alias-not-42", Qualifier="42"))
    record.check("add_permission_fn_qualifier_latest", add(Qualifier="$LATEST"))
    record.check("add_permission_principal_invalid", add(Principal="test.invalid"))
    record.check("get_policy_fn_doesnotexist", lambda: client.get_policy(FunctionName="doesnotexist"))
    record.check("get_policy_fn_version_doesnotexist", lambda: client.get_policy(FunctionName=name, Qualifier="42"))
    record.check("add_permission_fn_doesnotexist", add(FunctionName="doesnotexist"))
    remove = client.remove_permission
    record.check("remove_permission_policy_doesnotexist", lambda: remove(FunctionName=name, StatementId="s3"))
    record.check("add_permission_fn_alias_doesnotexist", add(Qualifier="alias-doesnotexist"))
    record.check("add_permission_fn_version_doesnotexist", add(Qualifier="42"))
    record.check("add_permission_fn_qualifier_invalid", add(Qualifier="invalid-qualifier-with-?-char"))
    record.check("add_permission_fn_qualifier_valid_doesnotexist", add(Qualifier="valid-with-$-but-doesnotexist"))
    add()()
    record.check("add_permission_conflicting_statement_id", add())
    record.check("remove_permission_fn_doesnotexist", lambda: remove(FunctionName="doesnotexist", StatementId="s3"))
    record.check(
        "remove_permission_fn_alias_doesnotexist",
        lambda: remove(FunctionName=name, StatementId="s3", Qualifier="alias-doesnotexist"),
    )
    record = Scenario("TestLambdaPermissions::test_remove_multi_permissions")
    add(StatementId="second")()
    record.check("remove_permission_exception_nonexisting_sid", lambda: remove(FunctionName=name, StatementId="non-existent"))
    remove(FunctionName=name, StatementId="s3")
    remove(FunctionName=name, StatementId="second")
    record.check("get_policy_exception_removed_all", lambda: client.get_policy(FunctionName=name))


def test_statements(cloud: CloudUnderTest, shared_role: str) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaPermissions::test_add_lambda_permission_fields")
    name = "statements"
    create(cloud, name, Role=shared_role)

    def add(key: str, **members: str) -> None:
        members = {"FunctionName": name, "Action": "lambda:InvokeFunction", **members}
        record.check(key, lambda: client.add_permission(**members))

    add("add_permission_principal_wildcard", StatementId="wilcard", Principal="*", SourceAccount=ACCOUNT)
    service = "lambda.amazonaws.com"
    add("add_permission_principal_service", StatementId="lambda", Principal=service, SourceAccount=ACCOUNT)
    add("add_permission_principal_account", StatementId="account-id", Principal=ACCOUNT)
    user = f"arn:aws:iam::{ACCOUNT}:user/somebody"
    add("add_permission_principal_arn", StatementId="user-arn", Principal=user, SourceAccount=ACCOUNT)
    add("add_permission_optional_fields", StatementId="urlPermission", Action="lambda:InvokeFunctionUrl", Principal="*",
        SourceArn="arn:aws:s3:::some-bucket", SourceAccount=ACCOUNT, PrincipalOrgID="o-1234567890",
        FunctionUrlAuthType="NONE")  # fmt: skip
    token = "amzn1.ask.skill.xxxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
    add("add_permission_alexa_skill", StatementId="alexaSkill", Principal="*", EventSourceToken=token)
