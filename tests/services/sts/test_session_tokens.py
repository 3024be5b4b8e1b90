"""GetCallerIdentity, GetSessionToken, GetFederationToken, GetAccessKeyInfo."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import User, allow, document, error_of, session_client

ACCOUNT = "150000000001"


@pytest.fixture(scope="module")
def user(cloud: CloudUnderTest) -> User:
    actions = ["iam:List*", "lambda:List*", "sts:GetFederationToken", "sts:GetAccessKeyInfo"]
    return User(cloud, ACCOUNT, "caller", allow(actions))


def test_everyone_may_ask_who_they_are(cloud: CloudUnderTest) -> None:
    denied = User(cloud, ACCOUNT, "denied", document({"Effect": "Deny", "Action": "*", "Resource": "*"}))
    who = denied.client("sts").get_caller_identity()
    assert who["Arn"] == denied.arn and who["Account"] == ACCOUNT and who["UserId"].startswith("AIDA")


def test_a_session_token_stands_for_the_user(cloud: CloudUnderTest, user: User) -> None:
    credentials = user.client("sts").get_session_token()["Credentials"]
    sts = session_client(cloud, "sts", credentials)
    assert sts.get_caller_identity()["Arn"] == user.arn
    session_client(cloud, "lambda", credentials).list_functions()
    assert error_of(session_client(cloud, "iam", credentials).list_users) == (
        "InvalidClientTokenId", "The security token included in the request is invalid.",
    )
    assert error_of(sts.get_session_token) == ("AccessDenied", "Cannot call GetSessionToken with session credentials")


def test_a_federated_user_may_what_both_policies_allow(cloud: CloudUnderTest, user: User) -> None:
    policy = allow(["lambda:ListFunctions", "lambda:GetFunction", "iam:List*"])
    answer = user.client("sts").get_federation_token(Name="guest", Policy=policy)
    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{ACCOUNT}:guest", "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
    }
    functions = session_client(cloud, "lambda", answer["Credentials"])
    functions.list_functions()
    assert error_of(functions.list_layers)[1].endswith("because no session policy allows the lambda:ListLayers action")
    assert error_of(functions.get_function, FunctionName="x")[1].endswith(
        "because no identity-based policy allows the lambda:GetFunction action"
    )
    assert error_of(session_client(cloud, "iam", answer["Credentials"]).list_users)[0] == "InvalidClientTokenId"


def test_a_federated_user_without_policy_may_nothing(cloud: CloudUnderTest, user: User) -> None:
    answer = user.client("sts").get_federation_token(Name="guest")
    assert answer["PackedPolicySize"] == 0
    assert error_of(session_client(cloud, "lambda", answer["Credentials"]).list_functions)[0] == (
        "AccessDeniedException"
    )
    who: dict[str, Any] = session_client(cloud, "sts", answer["Credentials"]).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/guest"


def test_federation_needs_permission(cloud: CloudUnderTest) -> None:
    poor = User(cloud, ACCOUNT, "poor")
    code, message = error_of(poor.client("sts").get_federation_token, Name="guest")
    assert code == "AccessDenied"
    assert f"sts:GetFederationToken on resource: arn:aws:sts::{ACCOUNT}:federated-user/guest" in message


def test_a_key_tells_its_account(user: User) -> None:
    assert user.client("sts").get_access_key_info(AccessKeyId=user.key["AccessKeyId"])["Account"] == ACCOUNT
