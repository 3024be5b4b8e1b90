"""Users, groups, their keys and tags, through boto3."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import allow, error_of


@pytest.fixture(scope="module")
def iam(cloud: CloudUnderTest) -> Any:
    return cloud.client("iam", key="100000000001")


def test_a_user_is_created_read_renamed_and_deleted(iam: Any) -> None:
    made = iam.create_user(UserName="Ann", Path="/team/", Tags=[{"Key": "a", "Value": "1"}])["User"]
    assert made["Arn"] == "arn:aws:iam::100000000001:user/team/Ann"
    assert made["UserId"].startswith("AIDA") and made["Path"] == "/team/"
    got = iam.get_user(UserName="Ann")["User"]
    assert got["UserId"] == made["UserId"] and got["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.update_user(UserName="Ann", NewUserName="Anna", NewPath="/")
    assert iam.get_user(UserName="Anna")["User"]["Arn"] == "arn:aws:iam::100000000001:user/Anna"
    assert error_of(iam.get_user, UserName="Ann") == ("NoSuchEntity", "The user with name Ann cannot be found.")
    iam.delete_user(UserName="Anna")
    assert error_of(iam.delete_user, UserName="Anna") == ("NoSuchEntity", "The user with name Anna cannot be found.")


def test_a_user_without_tags_shows_none(iam: Any) -> None:
    iam.create_user(UserName="plain")
    assert set(iam.get_user(UserName="plain")["User"]) == {"Path", "UserName", "UserId", "Arn", "CreateDate"}


def test_names_are_unique_whatever_their_case(iam: Any) -> None:
    iam.create_user(UserName="Case")
    assert error_of(iam.create_user, UserName="cASE") == (
        "EntityAlreadyExists", "User with name cASE already exists.",
    )


def test_an_account_sees_its_own_users_only(cloud: CloudUnderTest, iam: Any) -> None:
    iam.create_user(UserName="mine")
    other = cloud.client("iam", key="100000000002")
    assert other.list_users()["Users"] == []
    assert error_of(other.get_user, UserName="mine")[0] == "NoSuchEntity"


def test_listings_come_in_pages_under_a_path(cloud: CloudUnderTest) -> None:
    iam = cloud.client("iam", key="100000000003")
    for name in ("c", "A", "b", "d"):
        iam.create_user(UserName=name, Path="/p/" if name != "d" else "/")
    first = iam.list_users(MaxItems=2, PathPrefix="/p/")
    assert [user["UserName"] for user in first["Users"]] == ["A", "b"] and first["IsTruncated"]
    second = iam.list_users(MaxItems=2, PathPrefix="/p/", Marker=first["Marker"])
    assert [user["UserName"] for user in second["Users"]] == ["c"] and not second["IsTruncated"]
    assert error_of(iam.list_users, Marker="nonsense")[0] == "ValidationError"


def test_what_a_user_still_has_keeps_it_from_being_deleted(iam: Any) -> None:
    iam.create_user(UserName="busy")
    iam.create_group(GroupName="crew")

    def conflict() -> str:
        code, message = error_of(iam.delete_user, UserName="busy")
        assert code == "DeleteConflict"
        return message

    key = iam.create_access_key(UserName="busy")["AccessKey"]["AccessKeyId"]
    assert conflict() == "Cannot delete entity, must delete access keys first."
    iam.delete_access_key(UserName="busy", AccessKeyId=key)
    iam.attach_user_policy(UserName="busy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert conflict() == "Cannot delete entity, must detach all policies first."
    iam.detach_user_policy(UserName="busy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.put_user_policy(UserName="busy", PolicyName="p", PolicyDocument=allow("s3:*"))
    assert conflict() == "Cannot delete entity, must delete policies first."
    iam.delete_user_policy(UserName="busy", PolicyName="p")
    iam.add_user_to_group(UserName="busy", GroupName="crew")
    assert conflict() == "Cannot delete entity, must remove users from group first."
    iam.remove_user_from_group(UserName="busy", GroupName="crew")
    iam.create_login_profile(UserName="busy", Password="correct horse battery")
    assert conflict() == "Cannot delete entity, must delete login profile first."
    iam.delete_login_profile(UserName="busy")
    iam.delete_user(UserName="busy")


def test_access_keys_are_two_at_most_and_may_sleep(cloud: CloudUnderTest, iam: Any) -> None:
    iam.create_user(UserName="keyed")
    first = iam.create_access_key(UserName="keyed")["AccessKey"]
    assert first["AccessKeyId"].startswith("AKIA") and len(first["SecretAccessKey"]) == 40
    iam.create_access_key(UserName="keyed")
    assert error_of(iam.create_access_key, UserName="keyed") == (
        "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2",
    )
    sts = cloud.client("sts", key=first["AccessKeyId"], secret=first["SecretAccessKey"])
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::100000000001:user/keyed"
    iam.update_access_key(UserName="keyed", AccessKeyId=first["AccessKeyId"], Status="Inactive")
    assert error_of(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    listed = iam.list_access_keys(UserName="keyed")["AccessKeyMetadata"]
    assert {key["Status"] for key in listed} == {"Active", "Inactive"} and "SecretAccessKey" not in listed[0]
    assert error_of(iam.delete_access_key, UserName="keyed", AccessKeyId="AKIAABSENTABSENTABSE") == (
        "NoSuchEntity", "The Access Key with id AKIAABSENTABSENTABSE cannot be found.",
    )


def test_groups_have_members_and_give_them_their_policies(iam: Any) -> None:
    group = iam.create_group(GroupName="g", Path="/x/")["Group"]
    assert group["GroupId"].startswith("AGPA")
    iam.create_user(UserName="member")
    iam.add_user_to_group(GroupName="g", UserName="member")
    iam.add_user_to_group(GroupName="g", UserName="member")
    assert [user["UserName"] for user in iam.get_group(GroupName="g")["Users"]] == ["member"]
    assert [found["GroupName"] for found in iam.list_groups_for_user(UserName="member")["Groups"]] == ["g"]
    assert error_of(iam.delete_group, GroupName="g") == (
        "DeleteConflict", "Cannot delete entity, must remove users from group first.",
    )
    iam.remove_user_from_group(GroupName="g", UserName="member")
    iam.delete_group(GroupName="g")
    assert error_of(iam.get_group, GroupName="g") == ("NoSuchEntity", "The group with name g cannot be found.")


def test_tags_fold_the_case_of_their_keys(iam: Any) -> None:
    iam.create_user(UserName="tagged", Tags=[{"Key": "Team", "Value": "red"}])
    iam.tag_user(UserName="tagged", Tags=[{"Key": "team", "Value": "blue"}])
    assert iam.list_user_tags(UserName="tagged")["Tags"] == [{"Key": "team", "Value": "blue"}]
    code, message = error_of(
        iam.tag_user, UserName="tagged", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    )
    assert (code, message) == (
        "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )
    iam.untag_user(UserName="tagged", TagKeys=["TEAM"])
    assert iam.list_user_tags(UserName="tagged")["Tags"] == []
    too_many = [{"Key": f"k{number}", "Value": ""} for number in range(26)]
    iam.tag_user(UserName="tagged", Tags=too_many[:25])
    iam.tag_user(UserName="tagged", Tags=[{"Key": f"l{number}", "Value": ""} for number in range(25)])
    assert error_of(iam.tag_user, UserName="tagged", Tags=too_many[25:])[0] == "LimitExceeded"


def test_login_profiles(iam: Any) -> None:
    iam.create_user(UserName="console")
    assert error_of(iam.get_login_profile, UserName="console") == (
        "NoSuchEntity", "Login Profile for User console cannot be found.",
    )
    made = iam.create_login_profile(UserName="console", Password="correct horse", PasswordResetRequired=True)
    assert made["LoginProfile"]["PasswordResetRequired"] is True
    assert error_of(iam.create_login_profile, UserName="console", Password="x")[0] == "EntityAlreadyExists"
    iam.update_login_profile(UserName="console", PasswordResetRequired=False)
    assert iam.get_login_profile(UserName="console")["LoginProfile"]["PasswordResetRequired"] is False


def test_the_account_has_an_alias_a_password_policy_and_a_summary(cloud: CloudUnderTest) -> None:
    iam = cloud.client("iam", key="100000000004")
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias="house")
    assert iam.list_account_aliases()["AccountAliases"] == ["house"]
    other = cloud.client("iam", key="100000000005")
    assert error_of(other.create_account_alias, AccountAlias="house") == (
        "EntityAlreadyExists", "The account alias house already exists.",
    )
    assert error_of(iam.get_account_password_policy) == (
        "NoSuchEntity", "The Password Policy with domain name 100000000004 cannot be found.",
    )
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert policy["MinimumPasswordLength"] == 12 and policy["ExpirePasswords"] is False
    iam.create_user(UserName="one")
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] == 1 and summary["RolesQuota"] == 1000


def test_the_credential_report_lists_users(cloud: CloudUnderTest) -> None:
    iam = cloud.client("iam", key="100000000006")
    iam.create_user(UserName="reported")
    iam.generate_credential_report()
    report = iam.get_credential_report()
    lines = report["Content"].decode().splitlines()
    assert lines[1].startswith("<root_account>,") and lines[2].startswith("reported,arn:aws:iam::100000000006:user/")


def test_a_virtual_mfa_device_is_enabled_by_its_codes(iam: Any) -> None:
    import hmac
    import struct
    import time

    iam.create_user(UserName="careful")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="careful")["VirtualMFADevice"]
    key = base64.b32decode(device["Base32StringSeed"])

    def code(step: int) -> str:
        digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
        at = digest[-1] & 0xF
        return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"

    step = int(time.time()) // 30
    serial = device["SerialNumber"]
    wrong = {"UserName": "careful", "SerialNumber": serial, "AuthenticationCode1": code(step + 99),
             "AuthenticationCode2": code(step + 98)}
    assert error_of(iam.enable_mfa_device, **wrong)[0] == "InvalidAuthenticationCode"
    iam.enable_mfa_device(
        UserName="careful", SerialNumber=serial, AuthenticationCode1=code(step - 1), AuthenticationCode2=code(step)
    )
    assert [found["SerialNumber"] for found in iam.list_mfa_devices(UserName="careful")["MFADevices"]] == [serial]
    assert error_of(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "DeleteConflict"
    iam.deactivate_mfa_device(UserName="careful", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)


def test_all_of_it_is_there_after_a_kill(cloud: CloudUnderTest, iam: Any) -> None:
    iam.create_user(UserName="durable", Tags=[{"Key": "k", "Value": "v"}])
    key = iam.create_access_key(UserName="durable")["AccessKey"]
    cloud.restart()
    sts = cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::100000000001:user/durable"
    assert iam.list_user_tags(UserName="durable")["Tags"] == [{"Key": "k", "Value": "v"}]


def test_bad_names_are_refused_in_the_models_words(iam: Any) -> None:
    with pytest.raises(ClientError) as raised:
        iam.create_user(UserName="no spaces")
    assert raised.value.response["Error"]["Code"] == "ValidationError"
