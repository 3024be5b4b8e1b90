"""IAM's types in a stack: made, changed, deleted, and nothing left."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import allow, trust

DOCUMENT = json.loads(allow("sqs:*"))
TRUST = json.loads(trust({"Service": "lambda.amazonaws.com"}))


def template() -> dict[str, Any]:
    return {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "Path": "/x/", "AssumeRolePolicyDocument": TRUST,
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
                "Policies": [{"PolicyName": "inline", "PolicyDocument": DOCUMENT}],
            }},
            "Group": {"Type": "AWS::IAM::Group", "Properties": {}},
            "User": {"Type": "AWS::IAM::User", "Properties": {"Groups": [{"Ref": "Group"}]}},
            "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "User"}}},
            "Policy": {"Type": "AWS::IAM::Policy", "Properties": {
                "PolicyName": "shared", "Roles": [{"Ref": "Role"}], "Groups": [{"Ref": "Group"}],
                "PolicyDocument": DOCUMENT,
            }},
            "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {
                "Users": [{"Ref": "User"}], "PolicyDocument": allow("iam:ListUsers"),
            }},
            "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}},
            "Provider": {"Type": "AWS::IAM::OIDCProvider", "Properties": {
                "Url": "https://stack.example.com", "ClientIdList": ["a"]}},
            "Linked": {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": "batch.amazonaws.com"}},
            "One": {"Type": "AWS::IAM::RolePolicy", "Properties": {
                "PolicyName": "one", "RoleName": {"Ref": "Role"}, "PolicyDocument": DOCUMENT}},
        },
        "Outputs": {
            "Role": {"Value": {"Ref": "Role"}},
            "Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}},
            "User": {"Value": {"Ref": "User"}},
            "Managed": {"Value": {"Ref": "Managed"}},
            "Id": {"Value": {"Ref": "Key"}},
            "Secret": {"Value": {"Fn::GetAtt": ["Key", "SecretAccessKey"]}},
        },
    }


def settled(cloudformation: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack
        time.sleep(0.05)
    raise AssertionError("the stack does not settle")


def test_a_stack_of_every_type_lives_and_dies(cloud: CloudUnderTest) -> None:
    account = "170000000001"
    cloudformation, iam = cloud.client("cloudformation", key=account), cloud.client("iam", key=account)
    body = template()
    made = cloudformation.create_stack(
        StackName="identity", TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_IAM"]
    )
    stack = settled(cloudformation, made["StackId"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    out = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert out["Role"].startswith("identity-Role-") and out["Arn"].endswith(f":role/x/{out['Role']}")
    assert iam.list_role_policies(RoleName=out["Role"])["PolicyNames"] == ["inline", "one", "shared"]
    assert len(iam.list_attached_role_policies(RoleName=out["Role"])["AttachedPolicies"]) == 1
    assert "Tags" not in iam.get_user(UserName=out["User"])["User"]
    cloud.client("iam", key=out["Id"], secret=out["Secret"]).list_users()

    properties = {name: resource["Properties"] for name, resource in body["Resources"].items()}
    properties["Role"]["ManagedPolicyArns"] = []
    properties["Role"]["Policies"] = [{"PolicyName": "renamed", "PolicyDocument": DOCUMENT}]
    properties["Managed"]["PolicyDocument"] = allow("iam:ListRoles")
    properties["User"]["Tags"] = [{"Key": "a", "Value": "b"}]
    del body["Resources"]["Policy"]
    cloudformation.update_stack(
        StackName="identity", TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_IAM"]
    )
    assert settled(cloudformation, made["StackId"])["StackStatus"] == "UPDATE_COMPLETE"
    assert iam.list_role_policies(RoleName=out["Role"])["PolicyNames"] == ["one", "renamed"]
    assert iam.list_attached_role_policies(RoleName=out["Role"])["AttachedPolicies"] == []
    assert iam.list_user_tags(UserName=out["User"])["Tags"] == [{"Key": "a", "Value": "b"}]
    assert iam.get_policy(PolicyArn=out["Managed"])["Policy"]["DefaultVersionId"] == "v2"
    cloud.client("iam", key=out["Id"], secret=out["Secret"]).list_roles()

    cloudformation.delete_stack(StackName="identity")
    assert settled(cloudformation, made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    details = iam.get_account_authorization_details()
    assert [details[kind] for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")] == [[]] * 4
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
