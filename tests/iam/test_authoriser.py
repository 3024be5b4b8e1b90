"""The authoriser over a real store: what it gathers, remembers, and forgets in time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from fogbank.iam import principal as principals
from fogbank.iam.assume import assume_by_service
from fogbank.iam.authoriser import Authoriser, Guardrails
from fogbank.iam.evaluate import Attached, Kind, PolicySet
from fogbank.iam.policy import compile
from fogbank.iam.principal import Principal
from fogbank.iam.records import AccessKey, Attachment, InlinePolicy, Role, User, principal_of
from fogbank.iam.rootkey import ensure_root_key
from fogbank.kit.errors import AwsError
from fogbank.store import Store, Tx

ACCOUNT = "111111111111"
USER = Principal("user", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/u", "AIDAU", "AKIAU", "u")


class Clock:
    def now(self) -> float:
        return 1_000.0


def allow(action: str, **more: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": "*", **more}]})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path)
    yield store
    await store.close()


def make_user(tx: Tx) -> None:
    tx.put(User(account=ACCOUNT, folded="u", name="u", id="AIDAU", path="/", created=1.0, tags={"team": "red"}))


def make_role(tx: Tx, trust: str) -> Role:
    role = Role(account=ACCOUNT, folded="r", name="r", id="AROAR", path="/app/", created=1.0, trust=trust)
    tx.put(role)
    return role


async def test_a_change_counts_in_the_very_same_transaction(store: Store) -> None:
    authoriser = Authoriser(store, Clock())

    def change(tx: Tx) -> None:
        make_user(tx)
        assert not authoriser.decide(tx, USER, "s3:GetObject", "x", {}).allowed
        tx.put(InlinePolicy(entity_id="AIDAU", name="p", document=allow("s3:*")))
        assert authoriser.decide(tx, USER, "s3:GetObject", "x", {}).allowed

    await store.transact(change)


async def test_what_was_rolled_back_does_not_count(store: Store) -> None:
    authoriser = Authoriser(store, Clock())
    await store.transact(make_user)

    def fails(tx: Tx) -> None:
        tx.put(InlinePolicy(entity_id="AIDAU", name="p", document=allow("s3:*")))
        assert authoriser.decide(tx, USER, "s3:GetObject", "x", {}).allowed
        raise AwsError("Any", "error")

    with pytest.raises(AwsError):
        await store.transact(fails)
    allowed = await store.transact(lambda tx: authoriser.decide(tx, USER, "s3:GetObject", "x", {}).allowed)
    assert not allowed


async def test_tags_and_the_clock_are_facts(store: Store) -> None:
    authoriser = Authoriser(store, Clock())

    def ask(tx: Tx) -> list[bool]:
        make_user(tx)
        answers = []
        for condition in (
            {"StringEquals": {"aws:PrincipalTag/team": "red"}},
            {"NumericEquals": {"aws:EpochTime": "1000"}},
            {"StringEquals": {"aws:username": "u", "aws:PrincipalAccount": ACCOUNT, "aws:PrincipalType": "User"}},
            {"StringEquals": {"aws:PrincipalTag/team": "blue"}},
        ):
            tx.put(InlinePolicy(entity_id="AIDAU", name="p", document=allow("s3:*", Condition=condition)))
            answers.append(authoriser.decide(tx, USER, "s3:GetObject", "x", {}).allowed)
        return answers

    assert await store.transact(ask) == [True, True, True, False]


async def test_a_principals_own_context_is_that_of_the_call(store: Store) -> None:
    """Two principals of one key, or of one service, are not taken for each other."""
    authoriser = Authoriser(store, Clock())
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "*", "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:r:1:right"}}}]})

    def ask(tx: Tx, source: str) -> bool:
        caller = principals.service("sns.amazonaws.com", source_arn=source)
        return authoriser.decide(tx, caller, "lambda:InvokeFunction", "f", {}, policy, ACCOUNT).allowed

    assert await store.transact(lambda tx: ask(tx, "arn:aws:sns:r:1:right"))
    assert not await store.transact(lambda tx: ask(tx, "arn:aws:sns:r:1:wrong"))


async def test_managed_policies_of_aws_are_everybodys(store: Store) -> None:
    authoriser = Authoriser(store, Clock())

    def ask(tx: Tx) -> bool:
        make_user(tx)
        arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
        tx.put(Attachment(entity_id="AIDAU", policy_arn=arn, account=ACCOUNT))
        return authoriser.decide(tx, USER, "iam:GetPolicy", arn, {}, None, "aws").allowed

    assert await store.transact(ask)


async def test_an_organizations_guardrails_bind_even_root(store: Store) -> None:
    scp = PolicySet((Attached(compile(allow("s3:*")), "scp"),))
    authoriser = Authoriser(store, Clock(), lambda tx, account: Guardrails(scps=(scp,)))
    decisions = await store.transact(lambda tx: [
        authoriser.decide(tx, principals.root(ACCOUNT), action, "x", {}) for action in ("s3:GetObject", "sqs:SendMessage")
    ])
    assert [decision.allowed for decision in decisions] == [True, False] and decisions[1].kind is Kind.SCP


async def test_the_last_decisions_are_remembered_newest_first(store: Store) -> None:
    authoriser = Authoriser(store, Clock())

    def ask(tx: Tx) -> None:
        for number in range(1_200):
            authoriser.decide(tx, USER, f"s3:N{number}", "x", {}, request_id=f"id{number % 2}")

    await store.transact(ask)
    authoriser.note_root("id9", principals.root(ACCOUNT), "s3:CreateBucket")
    recent = authoriser.recent()
    assert len(recent) == 1_000 and recent[0].request_id == "id9" and recent[1].decision.action == "s3:N1199"
    assert {noted.request_id for noted in authoriser.recent("id1")} == {"id1"}


async def test_a_service_assumes_a_role_that_trusts_it(store: Store) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})

    def change(tx: Tx) -> Principal:
        role = make_role(tx, trust)
        tx.put(InlinePolicy(entity_id=role.id, name="p", document=allow("logs:*")))
        return assume_by_service(tx, role.arn, "fn", "lambda.amazonaws.com", 1_000.0)

    session = await store.transact(change)
    assert session.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/fn" and session.user_id == "AROAR:fn"
    assert session.role_arn == f"arn:aws:iam::{ACCOUNT}:role/app/r" and session.expires_at == 4_600.0
    authoriser = Authoriser(store, Clock())
    assert await store.transact(lambda tx: authoriser.decide(tx, session, "logs:PutLogEvents", "x", {}).allowed)
    for arn, service in ((session.role_arn, "ec2.amazonaws.com"), (f"{session.role_arn}2", "lambda.amazonaws.com"),
                         (f"arn:aws:iam::{ACCOUNT}:role/r", "lambda.amazonaws.com")):
        with pytest.raises(AwsError) as error:
            await store.transact(lambda tx, a=arn, s=service: assume_by_service(tx, a, "fn", s, 1.0))  # type: ignore[misc]
        assert error.value.code == "AccessDenied"


async def test_a_trust_policy_may_ask_for_whom_the_service_acts(store: Store) -> None:
    def trust(condition: object) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole",
            "Condition": condition}]})

    def assume(tx: Tx, condition: object, **context: str) -> bool:
        role = make_role(tx, trust(condition))
        try:
            return bool(assume_by_service(tx, role.arn, "s", "states.amazonaws.com", 1.0, context))
        except AwsError:
            return False

    mine = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    other = {"StringEquals": {"aws:SourceAccount": "222222222222"}}
    machine = {"ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:stateMachine:m"}}
    source = {"aws:SourceArn": "arn:aws:states:us-east-1:111111111111:stateMachine:m"}
    assert await store.transact(lambda tx: [
        assume(tx, mine), assume(tx, other), assume(tx, machine), assume(tx, machine, **source)
    ]) == [True, False, False, True]


async def test_a_key_tells_its_user_or_the_root(store: Store) -> None:
    key = AccessKey(access_key_id="AKIAU", account=ACCOUNT, user_id="AIDAU", secret="s", created=1.0)
    assert await store.transact(lambda tx: principal_of(tx, key)) is None
    await store.transact(make_user)
    assert await store.transact(lambda tx: principal_of(tx, key)) == USER
    key.user_id = ""
    root = await store.transact(lambda tx: principal_of(tx, key))
    assert root == replace(principals.root(ACCOUNT), access_key_id="AKIAU")


async def test_a_root_key_is_shown_once(store: Store) -> None:
    shown: list[str] = []
    await ensure_root_key(store, ACCOUNT, shown.append)
    assert len(shown) == 3 and "AKIA" in shown[1]
    await ensure_root_key(store, ACCOUNT, shown.append)
    assert len(shown) == 3
