"""AssumeRole: trust, external ids, session policies, tags, chains, durations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import User, allow, document, error_of, session_client, trust

ACCOUNT, OTHER = "140000000001", "140000000002"
BOTH = ["sts:AssumeRole", "sts:TagSession"]


@pytest.fixture(scope="module")
def root(cloud: CloudUnderTest) -> Any:
    return cloud.client("iam", key=ACCOUNT)


@pytest.fixture(scope="module")
def user(cloud: CloudUnderTest) -> User:
    return User(cloud, ACCOUNT, "caller", allow(["sts:*"]))


def role(root: Any, name: str, trusted: str, *policies: str, **more: Any) -> str:
    arn: str = root.create_role(RoleName=name, AssumeRolePolicyDocument=trusted, **more)["Role"]["Arn"]
    for number, policy in enumerate(policies):
        root.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=policy)
    return arn


def assume(client: Any, arn: str, session: str = "run", **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.assume_role(RoleArn=arn, RoleSessionName=session, **more)
    return answer


def test_a_trusted_user_becomes_the_role(cloud: CloudUnderTest, root: Any, user: User) -> None:
    arn = role(root, "plain", trust({"AWS": ACCOUNT}), allow("iam:ListUsers"), Path="/app/")
    answer = assume(user.client("sts"), arn)
    assert set(answer) == {"Credentials", "AssumedRoleUser", "ResponseMetadata"}
    assumed = answer["AssumedRoleUser"]
    assert assumed["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/plain/run"
    role_id = root.get_role(RoleName="plain")["Role"]["RoleId"]
    assert assumed["AssumedRoleId"] == f"{role_id}:run"
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    who = session_client(cloud, "sts", credentials).get_caller_identity()
    assert (who["Arn"], who["UserId"], who["Account"]) == (assumed["Arn"], assumed["AssumedRoleId"], ACCOUNT)
    iam = session_client(cloud, "iam", credentials)
    iam.list_users()
    assert error_of(iam.list_roles) == (
        "AccessDenied",
        f"User: {assumed['Arn']} is not authorized to perform: iam:ListRoles on resource: "
        f"arn:aws:iam::{ACCOUNT}:role/ because no identity-based policy allows the iam:ListRoles action",
    )


def test_credentials_survive_a_kill(cloud: CloudUnderTest, root: Any, user: User) -> None:
    arn = role(root, "durable", trust({"AWS": ACCOUNT}))
    sts = session_client(cloud, "sts", assume(user.client("sts"), arn)["Credentials"])
    cloud.restart()
    assert sts.get_caller_identity()["Arn"].endswith("assumed-role/durable/run")


def test_altered_tokens_and_secrets_are_refused(cloud: CloudUnderTest, root: Any, user: User) -> None:
    arn = role(root, "altered", trust({"AWS": ACCOUNT}))
    good = assume(user.client("sts"), arn)["Credentials"]
    bad = {**good, "SessionToken": good["SessionToken"][:-8] + "AAAAAAA="}
    assert error_of(session_client(cloud, "sts", bad).get_caller_identity) == (
        "InvalidClientTokenId", "The security token included in the request is invalid.",
    )
    bad = {**good, "SecretAccessKey": "x" * 40}
    assert error_of(session_client(cloud, "sts", bad).get_caller_identity)[0] == "SignatureDoesNotMatch"
    without = cloud.client("sts", key=good["AccessKeyId"], secret=good["SecretAccessKey"])
    assert error_of(without.get_caller_identity)[0] == "InvalidClientTokenId"


def test_whom_the_role_does_not_trust_is_denied(root: Any, user: User) -> None:
    arn = role(root, "untrusting", trust({"Service": "lambda.amazonaws.com"}))
    message = f"User: {user.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    assert error_of(user.client("sts").assume_role, RoleArn=arn, RoleSessionName="run") == ("AccessDenied", message)
    absent = f"arn:aws:iam::{ACCOUNT}:role/absent"
    assert error_of(user.client("sts").assume_role, RoleArn=absent, RoleSessionName="run") == (
        "AccessDenied", f"User: {user.arn} is not authorized to perform: sts:AssumeRole on resource: {absent}",
    )


def test_a_trusted_account_delegates_to_its_own_policies(cloud: CloudUnderTest, root: Any) -> None:
    arn = role(root, "delegating", trust({"AWS": ACCOUNT}))
    powerless = User(cloud, ACCOUNT, "powerless")
    assert error_of(powerless.client("sts").assume_role, RoleArn=arn, RoleSessionName="run") == (
        "AccessDenied",
        f"User: {powerless.arn} is not authorized to perform: sts:AssumeRole on resource: {arn} because no "
        "identity-based policy allows the sts:AssumeRole action",
    )
    named = role(root, "naming", trust({"AWS": powerless.arn}))
    assume(powerless.client("sts"), named)


def test_another_account_needs_both(cloud: CloudUnderTest, root: Any) -> None:
    stranger = User(cloud, OTHER, "stranger", allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/open-*"))
    arn = role(root, "open-role", trust({"AWS": f"arn:aws:iam::{OTHER}:root"}))
    assume(stranger.client("sts"), arn)
    closed = role(root, "open-not", trust({"AWS": ACCOUNT}))
    assert error_of(stranger.client("sts").assume_role, RoleArn=closed, RoleSessionName="run")[0] == "AccessDenied"
    unasked = role(root, "other-name", trust({"AWS": stranger.arn}))
    assert error_of(stranger.client("sts").assume_role, RoleArn=unasked, RoleSessionName="run")[0] == "AccessDenied"


def test_an_external_id_is_asked_for(root: Any, user: User) -> None:
    arn = role(root, "external", trust(
        {"AWS": ACCOUNT}, Condition={"StringEquals": {"sts:ExternalId": "secret-id"}}))
    sts = user.client("sts")
    assert error_of(sts.assume_role, RoleArn=arn, RoleSessionName="run")[0] == "AccessDenied"
    assert error_of(sts.assume_role, RoleArn=arn, RoleSessionName="run", ExternalId="wrong")[0] == "AccessDenied"
    assume(sts, arn, ExternalId="secret-id")


def test_a_condition_on_the_callers_arn(cloud: CloudUnderTest, root: Any, user: User) -> None:
    arn = role(root, "conditional", trust({"AWS": ACCOUNT}, Condition={"ArnEquals": {"aws:PrincipalArn": user.arn}}))
    assume(user.client("sts"), arn)
    other = User(cloud, ACCOUNT, "not-the-caller", allow("sts:*"))
    assert error_of(other.client("sts").assume_role, RoleArn=arn, RoleSessionName="run")[0] == "AccessDenied"


def test_session_policies_cut_down(cloud: CloudUnderTest, root: Any, user: User) -> None:
    arn = role(root, "cut", trust({"AWS": ACCOUNT}), allow("iam:List*"))
    answer = assume(user.client("sts"), arn, Policy=allow(["iam:ListUsers", "iam:ListGroups"]))
    assert answer["PackedPolicySize"] >= 1
    iam = session_client(cloud, "iam", answer["Credentials"])
    iam.list_users()
    code, message = error_of(iam.list_roles)
    assert message.endswith("because no session policy allows the iam:ListRoles action")
    managed = root.create_policy(PolicyName="session", PolicyDocument=allow("iam:ListRoles"))["Policy"]["Arn"]
    iam = session_client(cloud, "iam", assume(user.client("sts"), arn, PolicyArns=[{"arn": managed}])["Credentials"])
    iam.list_roles()
    assert error_of(iam.list_users)[0] == "AccessDenied"
    assert error_of(user.client("sts").assume_role, RoleArn=arn, RoleSessionName="run", Policy="{}") == (
        "MalformedPolicyDocument", "Syntax errors in policy.",
    )
    huge = document(*({"Effect": "Allow", "Action": f"s3:{(str(n) * 40)}", "Resource": "*"} for n in range(30)))
    assert error_of(user.client("sts").assume_role, RoleArn=arn, RoleSessionName="run", Policy=huge)[0] == "ValidationError"


def test_session_tags_are_facts_of_the_session(cloud: CloudUnderTest, root: Any, user: User) -> None:
    tagged = allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}})
    arn = role(root, "tagged", trust({"AWS": ACCOUNT}, BOTH), tagged, Tags=[{"Key": "team", "Value": "blue"}])
    sts = user.client("sts")
    assert error_of(session_client(cloud, "iam", assume(sts, arn)["Credentials"]).list_users)[0] == "AccessDenied"
    red = assume(sts, arn, Tags=[{"Key": "Team", "Value": "red"}])
    session_client(cloud, "iam", red["Credentials"]).list_users()
    untagging = role(root, "untagging", trust({"AWS": ACCOUNT}))
    code, message = error_of(
        sts.assume_role, RoleArn=untagging, RoleSessionName="run", Tags=[{"Key": "a", "Value": "b"}]
    )
    assert code == "AccessDenied" and "sts:TagSession" in message


def test_tag_errors_are_those_recorded(root: Any, user: User) -> None:
    arn = role(root, "tag-errors", trust({"AWS": ACCOUNT}, BOTH))
    sts = user.client("sts")
    call = {"RoleArn": arn, "RoleSessionName": "run"}
    assert error_of(sts.assume_role, **call, Tags=[{"Key": "a", "Value": ""}], TransitiveTagKeys=["b"]) == (
        "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.",
    )
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    assert error_of(sts.assume_role, **call, Tags=twice) == (
        "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )


def test_transitive_tags_go_down_a_chain(cloud: CloudUnderTest, root: Any, user: User) -> None:
    second = role(
        root, "chain-2", trust({"AWS": ACCOUNT}, BOTH),
        allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/kept": "yes"}}),
        allow("iam:ListRoles", Condition={"StringEquals": {"aws:PrincipalTag/dropped": "yes"}}),
    )
    first = role(root, "chain-1", trust({"AWS": ACCOUNT}, BOTH), allow(BOTH))
    tags = [{"Key": "kept", "Value": "yes"}, {"Key": "dropped", "Value": "yes"}]
    one = assume(user.client("sts"), first, Tags=tags, TransitiveTagKeys=["kept"])["Credentials"]
    sts = session_client(cloud, "sts", one)
    conflict = (
        "InvalidParameterValue",
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
        "calling session.",
    )
    for key in ("kept", "KEPT"):
        again = [{"Key": key, "Value": "no"}]
        assert error_of(sts.assume_role, RoleArn=second, RoleSessionName="run", Tags=again) == conflict
    iam = session_client(cloud, "iam", assume(sts, second)["Credentials"])
    iam.list_users()
    assert error_of(iam.list_roles)[0] == "AccessDenied"


def test_durations_have_their_limits(cloud: CloudUnderTest, root: Any, user: User) -> None:
    short = role(root, "short", trust({"AWS": ACCOUNT}), allow("sts:AssumeRole"))
    long = role(root, "long", trust({"AWS": ACCOUNT}), MaxSessionDuration=43200)
    sts = user.client("sts")
    assert error_of(sts.assume_role, RoleArn=short, RoleSessionName="run", DurationSeconds=3601) == (
        "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    assume(sts, long, DurationSeconds=43200)
    chained = session_client(cloud, "sts", assume(sts, short)["Credentials"])
    assert error_of(chained.assume_role, RoleArn=long, RoleSessionName="run", DurationSeconds=3601) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    )


@pytest.mark.parametrize(
    ("arn", "name", "message"),
    [
        ("nothing-valid-in-here", "Session1", "nothing-valid-in-here is invalid"),
        ("arn::b:::something/test-role", "Session1", "arn::b:::something/test-role is invalid"),
        ("arn:a::::something/test-role", "Session1", "arn:a::::something/test-role is invalid"),
        ("arn:a:::something/test-role", "Session1", "arn:a:::something/test-role is invalid"),
        ("arn:a:a::aaaaaaaaaa:", "Session1", "arn:a:a::aaaaaaaaaa: is invalid"),
        ("arn:a:a::aaaaaaaaaa:something/test-role", "Session1:2",
         "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must "
         "satisfy regular expression pattern: [\\w+=,.@-]*"),
    ],
)
def test_bad_parameters_are_refused_as_recorded(user: User, arn: str, name: str, message: str) -> None:
    assert error_of(user.client("sts").assume_role, RoleArn=arn, RoleSessionName=name) == ("ValidationError", message)


def test_a_root_user_with_a_key_assumes_no_role(cloud: CloudUnderTest, root: Any) -> None:
    arn = role(root, "for-root", trust({"AWS": ACCOUNT}))
    key = root.create_access_key()["AccessKey"]
    sts = cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert error_of(sts.assume_role, RoleArn=arn, RoleSessionName="run") == (
        "AccessDenied", "Roles may not be assumed by root accounts.",
    )
    assume(cloud.client("sts", key=ACCOUNT), arn)
