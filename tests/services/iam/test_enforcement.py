"""Policies decide over real calls: identity, boundary, session, resource policies, groups, versions, and at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import User, allow, document, error_of, session_client, trust

ACCOUNT = "130000000001"


@pytest.fixture(scope="module")
def root(cloud: CloudUnderTest) -> Any:
    return cloud.client("iam", key=ACCOUNT)


def test_a_user_may_nothing_at_first_and_the_message_says_so(cloud: CloudUnderTest) -> None:
    user = User(cloud, ACCOUNT, "nothing")
    assert error_of(user.client("iam").get_role, RoleName="some") == (
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: iam:GetRole on resource: role some because no identity-based "
        "policy allows the iam:GetRole action",
    )
    assert error_of(user.client("s3").create_bucket, Bucket="denied-to-nothing") == (
        "AccessDenied",
        f'User: {user.arn} is not authorized to perform: s3:CreateBucket on resource: "arn:aws:s3:::denied-to-nothing" '
        "because no identity-based policy allows the s3:CreateBucket action",
    )


def test_a_change_of_policy_counts_at_once(cloud: CloudUnderTest, root: Any) -> None:
    user = User(cloud, ACCOUNT, "changing")
    iam = user.client("iam")
    assert error_of(iam.list_users)[0] == "AccessDenied"
    root.put_user_policy(UserName="changing", PolicyName="p", PolicyDocument=allow("iam:ListUsers"))
    iam.list_users()
    root.put_user_policy(UserName="changing", PolicyName="q", PolicyDocument=document(
        {"Effect": "Deny", "Action": "iam:List*", "Resource": "*"}))
    code, message = error_of(iam.list_users)
    assert code == "AccessDenied" and message.endswith("with an explicit deny in an identity-based policy")
    root.delete_user_policy(UserName="changing", PolicyName="q")
    iam.list_users()


def test_a_groups_policies_and_a_policys_default_version_count(cloud: CloudUnderTest, root: Any) -> None:
    user = User(cloud, ACCOUNT, "grouped")
    iam = user.client("iam")
    arn = root.create_policy(PolicyName="grouped", PolicyDocument=allow("iam:ListRoles"))["Policy"]["Arn"]
    root.create_group(GroupName="readers")
    root.attach_group_policy(GroupName="readers", PolicyArn=arn)
    assert error_of(iam.list_roles)[0] == "AccessDenied"
    root.add_user_to_group(GroupName="readers", UserName="grouped")
    iam.list_roles()
    root.create_policy_version(PolicyArn=arn, PolicyDocument=allow("iam:ListGroups"), SetAsDefault=True)
    assert error_of(iam.list_roles)[0] == "AccessDenied"
    iam.list_groups()


def test_resources_are_told_by_path_and_name(cloud: CloudUnderTest, root: Any) -> None:
    root.create_user(UserName="inside", Path="/team/")
    root.create_user(UserName="outside")
    user = User(cloud, ACCOUNT, "narrow", allow("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/team/*"))
    iam = user.client("iam")
    iam.get_user(UserName="inside")
    assert error_of(iam.get_user, UserName="outside")[0] == "AccessDenied"


def test_a_user_may_be_let_to_itself_by_variable(cloud: CloudUnderTest) -> None:
    user = User(
        cloud, ACCOUNT, "selfish", allow("iam:*AccessKey*", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}")
    )
    iam = user.client("iam")
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 1
    assert len(iam.list_access_keys(UserName="selfish")["AccessKeyMetadata"]) == 1
    assert error_of(iam.list_access_keys, UserName="other")[0] == "AccessDenied"


def test_a_boundary_limits(cloud: CloudUnderTest, root: Any) -> None:
    user = User(cloud, ACCOUNT, "bounded", allow("iam:*"))
    arn = root.create_policy(PolicyName="limit", PolicyDocument=allow("iam:ListUsers"))["Policy"]["Arn"]
    root.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=arn)
    iam = user.client("iam")
    iam.list_users()
    code, message = error_of(iam.list_roles)
    assert code == "AccessDenied"
    assert message.endswith("because no permissions boundary allows the iam:ListRoles action")


def test_a_boundary_may_be_demanded_of_whoever_makes_roles(cloud: CloudUnderTest, root: Any) -> None:
    """The pattern of a delegated administrator: roles only with the boundary."""
    arn = root.create_policy(PolicyName="must", PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    user = User(cloud, ACCOUNT, "delegate", allow(
        ["iam:CreateRole", "iam:AttachRolePolicy"], Condition={"StringEquals": {"iam:PermissionsBoundary": arn}}
    ))
    iam = user.client("iam")
    assumed = trust({"Service": "lambda.amazonaws.com"})
    assert error_of(iam.create_role, RoleName="unbounded", AssumeRolePolicyDocument=assumed)[0] == "AccessDenied"
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=assumed, PermissionsBoundary=arn)
    iam.attach_role_policy(RoleName="bounded", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")


def test_attaching_may_be_limited_to_named_policies(cloud: CloudUnderTest, root: Any) -> None:
    root.create_role(RoleName="target", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))
    fine = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    user = User(
        cloud, ACCOUNT, "attacher", allow("iam:AttachRolePolicy", Condition={"ArnEquals": {"iam:PolicyARN": fine}})
    )
    user.client("iam").attach_role_policy(RoleName="target", PolicyArn=fine)
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert error_of(user.client("iam").attach_role_policy, RoleName="target", PolicyArn=admin)[0] == "AccessDenied"


def test_tags_in_the_request_and_on_the_resource_decide(cloud: CloudUnderTest, root: Any) -> None:
    user = User(
        cloud, ACCOUNT, "tagger",
        document(
            {"Effect": "Allow", "Action": ["iam:CreateUser", "iam:TagUser"], "Resource": "*",
             "Condition": {"StringEquals": {"aws:RequestTag/team": "red"},
                           "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}},
            {"Effect": "Allow", "Action": "iam:DeleteUser", "Resource": "*",
             "Condition": {"StringEquals": {"iam:ResourceTag/team": "red"}}},
        ),
    )
    iam = user.client("iam")
    red, blue = [{"Key": "team", "Value": "red"}], [{"Key": "team", "Value": "blue"}]
    assert error_of(iam.create_user, UserName="t1", Tags=blue)[0] == "AccessDenied"
    assert error_of(iam.create_user, UserName="t1", Tags=[*red, {"Key": "x", "Value": "y"}])[0] == "AccessDenied"
    iam.create_user(UserName="t1", Tags=red)
    root.create_user(UserName="t2", Tags=blue)
    iam.delete_user(UserName="t1")
    assert error_of(iam.delete_user, UserName="t2")[0] == "AccessDenied"


def test_aws_managed_policies_can_be_read_by_a_user(cloud: CloudUnderTest) -> None:
    user = User(cloud, ACCOUNT, "reader", allow("iam:GetPolicy*"))
    got = user.client("iam").get_policy(PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")["Policy"]
    assert got["PolicyName"] == "AdministratorAccess"


def test_a_deleted_users_key_is_dead(cloud: CloudUnderTest, root: Any) -> None:
    user = User(cloud, ACCOUNT, "gone")
    sts = user.client("sts")
    sts.get_caller_identity()
    root.delete_access_key(UserName="gone", AccessKeyId=user.key["AccessKeyId"])
    assert error_of(sts.get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_role_made_anew_under_an_old_name_gives_old_sessions_nothing(cloud: CloudUnderTest, root: Any) -> None:
    def make() -> None:
        root.create_role(RoleName="again", AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}))
        root.put_role_policy(RoleName="again", PolicyName="p", PolicyDocument=allow("iam:ListUsers"))

    make()
    user = User(cloud, ACCOUNT, "assumer", allow("sts:AssumeRole"))
    arn = f"arn:aws:iam::{ACCOUNT}:role/again"
    credentials = user.client("sts").assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"]
    iam = session_client(cloud, "iam", credentials)
    iam.list_users()
    root.delete_role_policy(RoleName="again", PolicyName="p")
    root.delete_role(RoleName="again")
    make()
    assert error_of(iam.list_users)[0] == "AccessDenied"


def test_a_bucket_policy_admits_another_account_where_both_agree(cloud: CloudUnderTest) -> None:
    other = "130000000002"
    user = User(cloud, ACCOUNT, "visitor", allow("s3:GetObject", "arn:aws:s3:::shared-by-other/*"))
    s3 = cloud.client("s3", key=other)
    s3.create_bucket(Bucket="shared-by-other")
    s3.put_object(Bucket="shared-by-other", Key="k", Body=b"x")
    theirs = user.client("s3")
    code, message = error_of(theirs.get_object, Bucket="shared-by-other", Key="k")
    assert code == "AccessDenied" and "because no resource-based policy allows the s3:GetObject action" in message
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "s3:*", "Resource": "arn:aws:s3:::shared-by-other/*",
    }]}
    s3.put_bucket_policy(Bucket="shared-by-other", Policy=json.dumps(policy))
    assert theirs.get_object(Bucket="shared-by-other", Key="k")["Body"].read() == b"x"
    assert error_of(theirs.put_object, Bucket="shared-by-other", Key="k", Body=b"y")[0] == "AccessDenied"
