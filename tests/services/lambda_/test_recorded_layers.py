"""Layers, as AWS answers for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.lambda_.helpers import create, package, role
from tests.services.lambda_.recorded import Scenario

BASE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer"
ZIP = {"ZipFile": package("WORD = 1\n", "python/words.py")}


@pytest.fixture(scope="module", autouse=True)
def function(cloud: CloudUnderTest) -> None:
    create(cloud, "layered", Role=role(cloud, "recorded-layers"))


def _publish(cloud: CloudUnderTest, name: str, **more: Any) -> Any:
    return cloud.client("lambda", parameter_validation=False).publish_layer_version(LayerName=name, Content=ZIP, **more)


def test_lifecycle(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaLayer::test_layer_lifecycle")
    full: dict[str, Any] = {"CompatibleRuntimes": ["python3.12"], "LicenseInfo": "MIT", "Description": "words of mine",
                            "CompatibleArchitectures": ["x86_64"]}  # fmt: skip
    ignore = ("Runtime", "RuntimeVersionConfig", "Environment", "Handler", "Timeout")
    change = client.update_function_configuration
    record.check("publish_result", lambda: _publish(cloud, "life", **full))
    record.check("publish_result_2", lambda: _publish(cloud, "life", **full))
    record.check("update_fn_config", lambda: change(FunctionName="layered", Layers=[f"{BASE}:life:1"]), ignore=ignore)
    get = client.get_function_configuration
    record.check("get_fn_config", lambda: get(FunctionName="layered"), ignore=ignore)
    record.check("get_layer_ver_result", lambda: client.get_layer_version(LayerName="life", VersionNumber=1))
    record.check("get_layer_by_arn_version", lambda: client.get_layer_version_by_arn(Arn=f"{BASE}:life:1"))
    record.check("list_layer_versions_predelete", lambda: client.list_layer_versions(LayerName="life"))
    delete = client.delete_layer_version
    record.check("delete_layer_1", lambda: delete(LayerName="life", VersionNumber=1))
    record.check("get_fn_config_postdelete", lambda: get(FunctionName="layered"), ignore=ignore)
    record.check("delete_layer_2", lambda: delete(LayerName="life", VersionNumber=2))
    record.check("list_layer_versions_postdelete", lambda: client.list_layer_versions(LayerName="life"))
    record.check("publish_result_3", lambda: _publish(cloud, "life", **full))
    change(FunctionName="layered", Layers=[])


def test_errors(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda", parameter_validation=False)
    record = Scenario("TestLambdaLayer::test_layer_exceptions")
    _publish(cloud, "errors")
    architecture = "list_layers_exc_compatiblearchitecture_invalid"
    record.check(architecture, lambda: client.list_layers(CompatibleArchitecture="archdoesnotexist"))
    record.check("list_nonexistent_layer", lambda: client.list_layer_versions(LayerName="layerdoesnotexist"))

    def get(name: str, version: int) -> Any:
        return lambda: client.get_layer_version(LayerName=name, VersionNumber=version)

    record.check("get_layer_version_exc_layer_doesnotexist", get("layerdoesnotexist", 1))
    record.check("get_layer_version_exc_layer_version_doesnotexist_negative", get("errors", -1))
    record.check("get_layer_version_exc_layer_version_doesnotexist_zero", get("errors", 0))
    record.check("get_layer_version_exc_layer_version_doesnotexist_2", get("errors", 2))
    record.check(
        "get_layer_version_by_arn_exc_invalidarn", lambda: client.get_layer_version_by_arn(Arn=f"{BASE}:errors")
    )
    record.check(
        "get_layer_version_by_arn_exc_nonexistentversion",
        lambda: client.get_layer_version_by_arn(Arn=f"{BASE}:errors:2"),
    )
    delete = client.delete_layer_version
    record.check("delete_nonexistent_response", lambda: delete(LayerName="layerdoesnotexist", VersionNumber=1))
    record.check("delete_nonexistent_version_response", lambda: delete(LayerName="errors", VersionNumber=2))
    record.check("delete_layer_response", lambda: delete(LayerName="errors", VersionNumber=1))
    record.check("delete_layer_again_response", lambda: delete(LayerName="errors", VersionNumber=1))
    invalid = "delete_layer_version_exc_layerversion_invalid_version"
    record.check(invalid, lambda: delete(LayerName="errors", VersionNumber=-1))
    record.check(
        "publish_empty_result", lambda: _publish(cloud, "empty", CompatibleRuntimes=[], CompatibleArchitectures=[])
    )


def test_policies(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda", parameter_validation=False), Scenario("TestLambdaLayer::test_layer_policy_lifecycle")
    _publish(cloud, "shared")
    version = {"LayerName": "shared", "VersionNumber": 1}
    everyone = {"Action": "lambda:GetLayerVersion", "Principal": "*", **version}
    add, get, remove = (client.add_layer_version_permission, client.get_layer_version_policy,
                        client.remove_layer_version_permission)  # fmt: skip
    record.check("add_policy_s1", lambda: add(StatementId="s1", **everyone))
    record.check("get_layer_version_policy", lambda: get(**version))
    record.check("add_policy_s2", lambda: add(StatementId="s2", **everyone))
    record.check("get_layer_version_policy_postadd2", lambda: get(**version))
    record.check("remove_s2", lambda: remove(StatementId="s2", **version))
    record.check("get_layer_version_policy_postdeletes2", lambda: get(**version))
    record = Scenario("TestLambdaLayer::test_layer_policy_exceptions")
    _publish(cloud, "unshared")
    record.check("layer_permission_nopolicy_get", lambda: get(LayerName="unshared", VersionNumber=1))
    invalid = {**everyone, "Action": "*"}
    record.check("layer_permission_action_invalid", lambda: add(StatementId="s3", **invalid))
    record.check("layer_permission_duplicate_statement", lambda: add(StatementId="s1", **everyone))
    record.check("layer_permission_wrong_revision", lambda: add(StatementId="s3", RevisionId="wrong", **everyone))
    wrong = "layer_permission_wrong_revision_remove"
    record.check(wrong, lambda: remove(StatementId="s1", RevisionId="wrong", **version))
    missing = "layer_permission_statementid_doesnotexist_remove"
    record.check(missing, lambda: remove(StatementId="doesnotexist", **version))
    absent = {"LayerName": "shared", "VersionNumber": 2}
    record.check("layer_permission_layerversion_doesnotexist_get", lambda: get(**absent))
    record.check(
        "layer_permission_layerversion_doesnotexist_remove", lambda: remove(StatementId="s1", **absent)
    )


def test_layers_of_functions(cloud: CloudUnderTest) -> None:
    client, record = cloud.client("lambda"), Scenario("TestLambdaLayer::test_layer_function_exceptions")
    for _ in range(3):
        _publish(cloud, "twice")

    def layers(*arns: str) -> Any:
        return lambda: client.update_function_configuration(FunctionName="layered", Layers=list(arns))

    one, two, three = (f"{BASE}:twice:{n}" for n in (1, 2, 3))
    record.check("two_layer_versions_single_function_exc", layers(one, two))
    record.check("three_layer_versions_single_function_exc", layers(one, two, three))
    record.check("two_identical_layer_versions_single_function_exc", layers(one, one))
    record.check("add_nonexistent_layer_exc", layers(f"{BASE}:doesnotexist:1"))
    record.check("add_nonexistent_layer_version_exc", layers(f"{BASE}:twice:9"))
    record.check("add_layer_arn_without_version_exc", layers(f"{BASE}:twice"))
    elsewhere = one.replace(REGION, "eu-west-3")
    record.check("create_function_with_layer_in_different_region", layers(elsewhere))
    record = Scenario("TestLambdaLayer::test_layer_function_quota_exception")
    six = [f"{BASE}:many-{n}:1" for n in range(6)]
    record.check("create_function_with_six_layers", layers(*six))
