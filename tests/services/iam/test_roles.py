"""Roles, trust policies, boundaries, instance profiles, service-linked roles, through boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import allow, document, error_of, trust

LAMBDA = trust({"Service": "lambda.amazonaws.com"})


@pytest.fixture(scope="module")
def iam(cloud: CloudUnderTest) -> Any:
    return cloud.client("iam", key="110000000001")


def test_a_role_shows_what_aws_shows(iam: Any) -> None:
    """As recorded from AWS: CreateRole, GetRole and ListRoles each show their own members."""
    made = iam.create_role(RoleName="shown", Path="/p/", AssumeRolePolicyDocument=LAMBDA,
                           Tags=[{"Key": "test", "Value": "value"}])["Role"]
    common = {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
    assert set(made) == common | {"Tags"}
    got = iam.get_role(RoleName="shown")["Role"]
    assert set(got) == common | {"Tags", "MaxSessionDuration", "RoleLastUsed"}
    assert got["MaxSessionDuration"] == 3600 and got["RoleLastUsed"] == {}
    assert got["AssumeRolePolicyDocument"] == json.loads(LAMBDA)
    assert got["Arn"] == "arn:aws:iam::110000000001:role/p/shown" and got["RoleId"].startswith("AROA")
    listed = iam.list_roles(PathPrefix="/p/")["Roles"]
    assert set(listed[0]) == common | {"MaxSessionDuration"}


def test_a_role_is_changed_and_deleted(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA, Description="old", MaxSessionDuration=7200)
    assert error_of(iam.create_role, RoleName="R", AssumeRolePolicyDocument=LAMBDA) == (
        "EntityAlreadyExists", "Role with name R already exists.",
    )
    iam.update_role(RoleName="r", Description="new")
    role = iam.get_role(RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 3600)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust({"AWS": "110000000001"}))
    statement = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert statement["Principal"] == {"AWS": "110000000001"}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=allow("s3:*"))
    assert error_of(iam.delete_role, RoleName="r") == (
        "DeleteConflict", "Cannot delete entity, must delete policies first.",
    )
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.delete_role(RoleName="r")
    assert error_of(iam.get_role, RoleName="r") == ("NoSuchEntity", "The role with name r cannot be found.")


def test_trust_policies_are_checked(iam: Any) -> None:
    assert error_of(iam.create_role, RoleName="bad", AssumeRolePolicyDocument="malformed") == (
        "MalformedPolicyDocument", "This policy contains invalid Json",
    )
    gone = "arn:aws:iam::110000000001:role/gone"
    assert error_of(iam.create_role, RoleName="bad", AssumeRolePolicyDocument=trust({"AWS": gone})) == (
        "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{gone}"',
    )
    long = trust({"Service": "lambda.amazonaws.com"}, Sid="x" * 2100)
    assert error_of(iam.create_role, RoleName="bad", AssumeRolePolicyDocument=long) == (
        "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048",
    )


def test_documents_come_back_as_they_were_given(iam: Any) -> None:
    """As recorded: what is percent-encoded in a document stays so."""
    text = allow("apigateway:PUT", "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3A%2Frestapis%2Fa")
    iam.create_role(RoleName="encoded", AssumeRolePolicyDocument=LAMBDA)
    iam.put_role_policy(RoleName="encoded", PolicyName="p", PolicyDocument=text)
    got = iam.get_role_policy(RoleName="encoded", PolicyName="p")
    assert got["PolicyDocument"] == json.loads(text) and got["RoleName"] == "encoded"
    assert iam.list_role_policies(RoleName="encoded")["PolicyNames"] == ["p"]
    assert error_of(iam.get_role_policy, RoleName="encoded", PolicyName="q") == (
        "NoSuchEntity", "The role policy with name q cannot be found.",
    )


def test_inline_policies_have_a_size_limit(iam: Any) -> None:
    iam.create_role(RoleName="big", AssumeRolePolicyDocument=LAMBDA)
    big = document(*({"Effect": "Allow", "Action": f"s3:{'x' * 900}", "Resource": "*"} for _ in range(10)))
    iam.put_role_policy(RoleName="big", PolicyName="a", PolicyDocument=big)
    assert error_of(iam.put_role_policy, RoleName="big", PolicyName="b", PolicyDocument=big) == (
        "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role big",
    )


def test_a_boundary_is_put_shown_counted_and_deleted(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="bound", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=LAMBDA, PermissionsBoundary=arn)
    shown = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"] == shown
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert error_of(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.delete_role_permissions_boundary(RoleName="bounded")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="bounded")["Role"]
    assert error_of(
        iam.put_role_permissions_boundary, RoleName="bounded", PermissionsBoundary=f"{arn}2"
    ) == ("NoSuchEntity", f"Policy {arn}2 does not exist or is not attachable.")
    iam.delete_policy(PolicyArn=arn)


def test_an_instance_profile_holds_one_role(iam: Any) -> None:
    iam.create_role(RoleName="held", AssumeRolePolicyDocument=LAMBDA)
    made = iam.create_instance_profile(InstanceProfileName="ip", Path="/i/")["InstanceProfile"]
    assert made["Roles"] == [] and made["Arn"] == "arn:aws:iam::110000000001:instance-profile/i/ip"
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="held")
    assert error_of(iam.add_role_to_instance_profile, InstanceProfileName="ip", RoleName="held") == (
        "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    )
    assert iam.get_instance_profile(InstanceProfileName="ip")["InstanceProfile"]["Roles"][0]["RoleName"] == "held"
    assert len(iam.list_instance_profiles_for_role(RoleName="held")["InstanceProfiles"]) == 1
    assert error_of(iam.delete_role, RoleName="held") == (
        "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.",
    )
    iam.remove_role_from_instance_profile(InstanceProfileName="ip", RoleName="held")
    iam.delete_instance_profile(InstanceProfileName="ip")
    assert error_of(iam.get_instance_profile, InstanceProfileName="ip") == (
        "NoSuchEntity", "Instance Profile ip cannot be found.",
    )


def test_a_service_linked_role_lives_as_recorded(iam: Any) -> None:
    iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com")
    role = iam.get_role(RoleName="AWSServiceRoleForBatch")["Role"]
    assert role["Path"] == "/aws-service-role/batch.amazonaws.com/"
    assert role["AssumeRolePolicyDocument"] == {
        "Statement": [
            {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}}
        ],
        "Version": "2012-10-17",
    }
    attached = iam.list_attached_role_policies(RoleName="AWSServiceRoleForBatch")["AttachedPolicies"]
    assert attached == [{
        "PolicyName": "BatchServiceRolePolicy",
        "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy",
    }]
    assert error_of(iam.create_service_linked_role, AWSServiceName="batch.amazonaws.com") == (
        "InvalidInput",
        "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix.",
    )
    assert error_of(iam.create_service_linked_role, AWSServiceName="batch.amazonaws.com", CustomSuffix="x") == (
        "InvalidInput", "Custom suffix is not allowed for batch.amazonaws.com",
    )
    assert error_of(iam.delete_role, RoleName="AWSServiceRoleForBatch")[0] == "UnmodifiableEntity"
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForBatch")["DeletionTaskId"]
    assert task.startswith("task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_a_service_with_several_linked_roles_tells_them_by_suffix(iam: Any) -> None:
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForAutoScaling_x"


def test_identity_providers(iam: Any) -> None:
    arn = iam.create_open_id_connect_provider(
        Url="https://token.example.com", ClientIDList=["a"], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    assert arn == "arn:aws:iam::110000000001:oidc-provider/token.example.com"
    assert error_of(iam.create_open_id_connect_provider, Url="https://token.example.com") == (
        "EntityAlreadyExists", "Provider with url https://token.example.com already exists.",
    )
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (got["Url"], got["ClientIDList"]) == ("token.example.com", ["b"])
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert error_of(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == (
        "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}",
    )
