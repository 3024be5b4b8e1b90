"""Managed policies, versions, attachments and the simulator, through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import allow, document, error_of, trust

LAMBDA = trust({"Service": "lambda.amazonaws.com"})
ACCOUNT = "120000000001"


@pytest.fixture(scope="module")
def iam(cloud: CloudUnderTest) -> Any:
    return cloud.client("iam", key=ACCOUNT)


def test_a_policy_shows_what_aws_shows(iam: Any) -> None:
    made = iam.create_policy(PolicyName="shown", PolicyDocument=allow("s3:*"))["Policy"]
    members = {
        "Arn", "AttachmentCount", "CreateDate", "DefaultVersionId", "IsAttachable", "Path",
        "PermissionsBoundaryUsageCount", "PolicyId", "PolicyName", "UpdateDate",
    }
    assert set(made) == members and made["DefaultVersionId"] == "v1"
    got = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert set(got) == members | {"Tags"} and got["Tags"] == []


def test_a_policy_has_five_versions_at_most(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="versioned", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    for number in range(2, 6):
        version = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=allow(f"s3:Get{number}"), SetAsDefault=number == 3
        )["PolicyVersion"]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (f"v{number}", number == 3)
    assert error_of(iam.create_policy_version, PolicyArn=arn, PolicyDocument=allow("s3:*")) == (
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
        "version.",
    )
    assert [version["VersionId"] for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == [
        "v5", "v4", "v3", "v2", "v1",
    ]
    got = iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]
    assert got["Document"]["Statement"][0]["Action"] == "s3:Get3" and got["IsDefaultVersion"]
    assert error_of(iam.delete_policy_version, PolicyArn=arn, VersionId="v3") == (
        "DeleteConflict", "Cannot delete the default version of a policy.",
    )
    assert error_of(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:*"))["PolicyVersion"]
    assert version["VersionId"] == "v6"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v6")
    iam.delete_policy(PolicyArn=arn)


def test_errors_are_those_recorded(iam: Any) -> None:
    absent = f"arn:aws:iam::{ACCOUNT}:policy/non-existent-policy"
    assert error_of(iam.delete_policy, PolicyArn=absent) == ("NoSuchEntity", f"Policy {absent} was not found.")
    iam.create_role(RoleName="bare", AssumeRolePolicyDocument=LAMBDA)
    for arn in ("longpolicynamebutnoarn", "policyname-of-twenty"):
        assert error_of(iam.attach_role_policy, RoleName="bare", PolicyArn=arn) == (
            "ValidationError", "Invalid ARN:  Could not be parsed!",
        )
    assert error_of(iam.attach_role_policy, RoleName="bare", PolicyArn=absent) == (
        "NoSuchEntity", f"Policy {absent} does not exist or is not attachable.",
    )
    assert error_of(iam.create_policy, PolicyName="bad", PolicyDocument="{}") == (
        "MalformedPolicyDocument", "Syntax errors in policy.",
    )
    assert error_of(iam.detach_role_policy, RoleName="bare", PolicyArn=absent) == (
        "NoSuchEntity", f"Policy {absent} was not found.",
    )


def test_ten_policies_are_attached_at_most(iam: Any) -> None:
    iam.create_role(RoleName="full", AssumeRolePolicyDocument=LAMBDA)
    arns = [iam.create_policy(PolicyName=f"n{n}", PolicyDocument=allow("s3:*"))["Policy"]["Arn"] for n in range(11)]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="full", PolicyArn=arn)
    iam.attach_role_policy(RoleName="full", PolicyArn=arns[0])
    assert error_of(iam.attach_role_policy, RoleName="full", PolicyArn=arns[10]) == (
        "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10",
    )
    assert iam.get_policy(PolicyArn=arns[0])["Policy"]["AttachmentCount"] == 1
    assert error_of(iam.delete_policy, PolicyArn=arns[0]) == (
        "DeleteConflict", "Cannot delete a policy attached to entities.",
    )
    entities = iam.list_entities_for_policy(PolicyArn=arns[0])
    assert [role["RoleName"] for role in entities["PolicyRoles"]] == ["full"] and entities["PolicyUsers"] == []
    assert len(iam.list_attached_role_policies(RoleName="full")["AttachedPolicies"]) == 10
    attached = iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"]
    assert {policy["PolicyName"] for policy in attached} == {f"n{n}" for n in range(10)}


def test_aws_managed_policies_are_there(iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert policy["Path"] == "/service-role/" and policy["PolicyName"] == "AWSLambdaBasicExecutionRole"
    version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
    ]
    names = [found["PolicyName"] for page in iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={
        "PageSize": 7}) for found in page["Policies"]]
    assert len(names) == len(set(names)) and {"AdministratorAccess", "ReadOnlyAccess", "PowerUserAccess"} <= set(names)


def test_authorization_details_tell_everything(cloud: CloudUnderTest) -> None:
    iam = cloud.client("iam", key="120000000002")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(UserName="u", GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    iam.put_role_policy(RoleName="r", PolicyName="i", PolicyDocument=allow("sqs:*"))
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1}))
    assert len(pages) == 4
    details = iam.get_account_authorization_details()
    assert details["UserDetailList"][0]["GroupList"] == ["g"]
    assert details["GroupDetailList"][0]["AttachedManagedPolicies"] == [{"PolicyName": "p", "PolicyArn": arn}]
    assert details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == "sqs:*"
    assert details["Policies"][0]["PolicyVersionList"][0]["IsDefaultVersion"]


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_the_simulator_answers_as_recorded(iam: Any, kind: str) -> None:
    text = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}'
    name = f"simulated-{kind}"
    arn = iam.create_policy(PolicyName=f"for-{kind}", PolicyDocument=text)["Policy"]["Arn"]
    if kind == "role":
        source = iam.create_role(RoleName=name, AssumeRolePolicyDocument=LAMBDA)["Role"]["Arn"]
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    elif kind == "user":
        source = iam.create_user(UserName=name)["User"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    else:
        source = iam.create_group(GroupName=name)["Group"]["Arn"]
        iam.attach_group_policy(GroupName=name, PolicyArn=arn)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=source, ActionNames=["s3:PutObject", "s3:GetObjectVersion"], ResourceArns=["arn:aws:s3:::bucket"]
    )
    end = 41 + len('{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}')
    matched = [{
        "EndPosition": {"Column": end, "Line": 1},
        "SourcePolicyId": f"for-{kind}",
        "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Column": 41, "Line": 1},
    }]
    first, second = answer["EvaluationResults"]
    single = {
        "EvalResourceDecision": "allowed", "EvalResourceName": "arn:aws:s3:::bucket", "MatchedStatements": matched,
        "MissingContextValues": [],
    }
    assert first == {
        "EvalActionName": "s3:PutObject", "EvalDecision": "allowed", "EvalDecisionDetails": {},
        "EvalResourceName": "arn:aws:s3:::bucket", "MatchedStatements": matched, "MissingContextValues": [],
        "OrganizationsDecisionDetail": {"AllowedByOrganizations": True}, "ResourceSpecificResults": [single],
    }
    assert second["EvalDecision"] == "implicitDeny" and second["MatchedStatements"] == []


def test_the_simulator_knows_conditions_and_boundaries(iam: Any) -> None:
    conditional = document(
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
    )
    entry = {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"}

    def simulate(action: str, **more: Any) -> dict[str, Any]:
        answer = iam.simulate_custom_policy(PolicyInputList=[conditional], ActionNames=[action], **more)
        result: dict[str, Any] = answer["EvaluationResults"][0]
        return result

    assert simulate("s3:GetObject")["MissingContextValues"] == ["aws:SecureTransport"]
    assert simulate("s3:GetObject")["EvalDecision"] == "implicitDeny"
    assert simulate("s3:GetObject", ContextEntries=[entry])["EvalDecision"] == "allowed"
    assert simulate("s3:DeleteObject", ContextEntries=[entry])["EvalDecision"] == "explicitDeny"
    bounded = simulate(
        "s3:GetObject", ContextEntries=[entry], PermissionsBoundaryPolicyInputList=[allow("sqs:*")]
    )
    assert bounded["EvalDecision"] == "implicitDeny"
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    own = allow("s3:*", "arn:aws:s3:::${aws:username}")
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[conditional, own])
    assert keys["ContextKeyNames"] == ["aws:SecureTransport", "aws:username"]
