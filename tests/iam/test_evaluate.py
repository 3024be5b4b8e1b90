"""The decision over all kinds of policies, as IAM's documentation tells it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fogbank.iam import principal as principals
from fogbank.iam.context_keys import of_principal
from fogbank.iam.denials import denial, message
from fogbank.iam.evaluate import Attached, Decision, Kind, Policies, PolicySet, Request, evaluate
from fogbank.iam.facts import Facts
from fogbank.iam.policy import compile
from fogbank.iam.principal import ANONYMOUS, Principal

A, B = "111111111111", "222222222222"
USER = Principal("user", A, f"arn:aws:iam::{A}:user/team/ann", "AIDAEXAMPLE", "AKIAEXAMPLE", "ann")
SESSION = Principal(
    "assumed-role", A, f"arn:aws:sts::{A}:assumed-role/job/run", "AROAEXAMPLE:run", "ASIAEXAMPLE", "job",
    f"arn:aws:iam::{A}:role/app/job",
)
ROOT = principals.root(A)
GATEWAY = principals.service("apigateway.amazonaws.com")
OBJECT = "arn:aws:s3:::b/k"


def statement(effect: str = "Allow", action: Any = "s3:GetObject", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": "*", **more}


def policy(*statements: dict[str, Any]) -> Any:
    return compile(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def one(*statements: dict[str, Any]) -> PolicySet:
    return PolicySet((Attached(policy(*statements), "p"),))


def for_principal(aws: Any, effect: str = "Allow", **more: Any) -> Any:
    return policy(statement(effect, Principal=aws, **more))


def decide(
    principal: Principal = USER, action: str = "s3:GetObject", on: str = OBJECT, owner: str = "",
    facts: dict[str, Any] | None = None, **policies: Any,
) -> Decision:
    known = Facts(facts or {}, of_principal(principal, {}), 1_000_000.0)
    return evaluate(Request(principal, action, on, known, owner), Policies(**policies))


ALLOW = one(statement())
DENY = one(statement("Deny"), statement())
NONE = one(statement(action="sqs:SendMessage"))


# --- one policy

def test_nothing_is_allowed_by_default() -> None:
    decision = decide()
    assert (decision.allowed, decision.kind, decision.explicit) == (False, Kind.IDENTITY, False)


def test_an_identity_policy_allows() -> None:
    decision = decide(identity=ALLOW)
    assert decision.allowed and decision.kind is Kind.IDENTITY and decision.origin == "p"


@pytest.mark.parametrize(
    ("given", "action", "resource", "expected"),
    [
        (statement(action="s3:get*"), "s3:GetObject", OBJECT, True),
        (statement(action="s3:Get?bject"), "s3:GetObject", OBJECT, True),
        (statement(action="S3:GETOBJECT"), "s3:GetObject", OBJECT, True),
        (statement(action="*"), "sqs:SendMessage", "*", True),
        (statement(action=["s3:PutObject", "s3:List*"]), "s3:GetObject", OBJECT, False),
        (statement(Resource="arn:aws:s3:::b/*"), "s3:GetObject", OBJECT, True),
        (statement(Resource="arn:aws:s3:::B/*"), "s3:GetObject", OBJECT, False),
        (statement(Resource=["arn:aws:s3:::a/*", "arn:aws:s3:::?/k"]), "s3:GetObject", OBJECT, True),
        (statement(Resource="arn:aws:s3:::b"), "s3:GetObject", OBJECT, False),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "s3:GetObject", OBJECT, True),
        ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, "s3:GetObject", OBJECT, False),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b/*"}, "s3:GetObject", OBJECT, False),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::c/*"}, "s3:GetObject", OBJECT, True),
        (statement(Resource="arn:aws:s3:::b/${aws:username}/*"), "s3:GetObject", "arn:aws:s3:::b/ann/x", True),
        (statement(Resource="arn:aws:s3:::b/${aws:username}/*"), "s3:GetObject", "arn:aws:s3:::b/bob/x", False),
        (statement(Resource="arn:aws:s3:::b/${aws:nothing}/*"), "s3:GetObject", "arn:aws:s3:::b//x", False),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::${aws:nothing}/*"}, "s3:GetObject", OBJECT,
         False),
    ],
)
def test_a_statement_matches(given: dict[str, Any], action: str, resource: str, expected: bool) -> None:
    assert decide(action=action, on=resource, identity=one(given)).allowed is expected


def test_all_condition_keys_must_hold() -> None:
    both = one(statement(Condition={"StringEquals": {"aws:username": "ann", "aws:RequestedRegion": "eu-west-1"}}))
    assert decide(identity=both, facts={"aws:RequestedRegion": "eu-west-1"}).allowed
    assert not decide(identity=both, facts={"aws:RequestedRegion": "us-east-1"}).allowed


def test_the_clock_is_a_fact() -> None:
    until = one(statement(Condition={"DateLessThan": {"aws:CurrentTime": "1970-01-12T13:46:41Z"}}))
    assert decide(identity=until).allowed
    after = one(statement(Condition={"NumericGreaterThan": {"aws:EpochTime": "1000000"}}))
    assert not decide(identity=after).allowed


# --- an explicit deny wins, wherever it stands

@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ({"identity": DENY}, Kind.IDENTITY),
        ({"identity": ALLOW, "boundary": DENY}, Kind.BOUNDARY),
        ({"identity": ALLOW, "session": DENY}, Kind.SESSION),
        ({"identity": ALLOW, "scps": (ALLOW, DENY)}, Kind.SCP),
        ({"identity": ALLOW, "rcps": (DENY,)}, Kind.RCP),
        ({"identity": ALLOW, "resource": for_principal("*", "Deny")}, Kind.RESOURCE),
        ({"identity": ALLOW, "resource": for_principal({"AWS": A}, "Deny")}, Kind.RESOURCE),
        ({"identity": DENY, "resource": for_principal({"AWS": USER.arn})}, Kind.IDENTITY),
    ],
)
def test_a_deny_wins(where: dict[str, Any], kind: Kind) -> None:
    decision = decide(**where)
    assert (decision.allowed, decision.kind, decision.explicit) == (False, kind, True)


@pytest.mark.parametrize(
    ("policies", "kind"),
    [
        ({"identity": ALLOW, "boundary": NONE}, Kind.BOUNDARY),
        ({"identity": ALLOW, "session": NONE}, Kind.SESSION),
        ({"identity": ALLOW, "scps": (ALLOW, NONE)}, Kind.SCP),
        ({"identity": NONE, "boundary": ALLOW}, Kind.IDENTITY),
    ],
)
def test_what_is_missing_is_named(policies: dict[str, Any], kind: Kind) -> None:
    decision = decide(**policies)
    assert (decision.allowed, decision.kind, decision.explicit) == (False, kind, False)


# --- resource-based policies in one account
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-single-account.html

def test_a_user_named_by_a_resource_policy_needs_no_other() -> None:
    assert decide(resource=for_principal({"AWS": USER.arn}), boundary=NONE).allowed


def test_a_named_account_delegates_and_allows_nothing_itself() -> None:
    for account in (A, f"arn:aws:iam::{A}:root"):
        resource = for_principal({"AWS": account})
        assert not decide(resource=resource).allowed
        assert decide(resource=resource, identity=ALLOW).allowed


def test_a_named_role_is_limited_by_boundary_and_session_policies() -> None:
    resource = for_principal({"AWS": SESSION.role_arn})
    assert decide(SESSION, resource=resource).allowed
    assert decide(SESSION, resource=resource, boundary=ALLOW, session=ALLOW).allowed
    assert decide(SESSION, resource=resource, boundary=NONE).kind is Kind.BOUNDARY
    assert decide(SESSION, resource=resource, session=NONE).kind is Kind.SESSION


def test_a_named_session_is_limited_by_nothing_but_denies() -> None:
    resource = for_principal({"AWS": SESSION.arn})
    assert decide(SESSION, resource=resource, boundary=NONE, session=NONE).allowed
    assert not decide(SESSION, resource=resource, identity=DENY).allowed


def test_everyone_is_the_caller_too() -> None:
    for everyone in ("*", {"AWS": "*"}):
        assert decide(resource=for_principal(everyone)).allowed
        assert decide(SESSION, resource=for_principal(everyone)).allowed
        assert decide(ANONYMOUS, resource=for_principal(everyone)).allowed


def test_another_user_is_not_the_caller() -> None:
    assert not decide(resource=for_principal({"AWS": f"arn:aws:iam::{A}:user/bob"})).allowed


def test_conditions_of_a_resource_policy_count() -> None:
    resource = for_principal("*", Condition={"StringEquals": {"aws:PrincipalArn": SESSION.role_arn}})
    assert decide(SESSION, resource=resource).allowed
    assert not decide(resource=resource).allowed


def test_unique_ids_name_principals() -> None:
    assert decide(resource=for_principal({"AWS": "AIDAEXAMPLE"})).allowed
    assert decide(SESSION, resource=for_principal({"AWS": "AROAEXAMPLE"})).allowed


# --- NotPrincipal

def deny_others(*names: str) -> Any:
    return policy({"Effect": "Deny", "NotPrincipal": {"AWS": list(names)}, "Action": "*", "Resource": "*"})


def test_not_principal_spares_those_whose_every_name_is_listed() -> None:
    root = f"arn:aws:iam::{A}:root"
    assert decide(identity=ALLOW, resource=deny_others(USER.arn, root)).allowed
    assert not decide(identity=ALLOW, resource=deny_others(USER.arn)).allowed
    assert not decide(identity=ALLOW, resource=deny_others(f"arn:aws:iam::{A}:user/bob", root)).allowed
    assert decide(SESSION, identity=ALLOW, resource=deny_others(SESSION.arn, SESSION.role_arn, root)).allowed
    assert not decide(SESSION, identity=ALLOW, resource=deny_others(SESSION.role_arn, root)).allowed
    assert decide(ROOT, resource=deny_others(root)).allowed
    assert not decide(ANONYMOUS, resource=deny_others(root)).allowed


# --- across accounts

@pytest.mark.parametrize(
    ("identity", "named", "allowed", "kind"),
    [
        (ALLOW, {"AWS": USER.arn}, True, Kind.IDENTITY),
        (ALLOW, {"AWS": A}, True, Kind.IDENTITY),
        (ALLOW, "*", True, Kind.IDENTITY),
        (NONE, {"AWS": USER.arn}, False, Kind.IDENTITY),
        (NONE, {"AWS": A}, False, Kind.RESOURCE),
        (ALLOW, {"AWS": B}, False, Kind.RESOURCE),
        (NONE, {"AWS": B}, False, Kind.RESOURCE),
        (DENY, {"AWS": USER.arn}, False, Kind.IDENTITY),
    ],
)
def test_both_accounts_must_allow(identity: PolicySet, named: Any, allowed: bool, kind: Kind) -> None:
    decision = decide(owner=B, identity=identity, resource=for_principal(named))
    assert (decision.allowed, decision.kind) == (allowed, kind)


def test_across_accounts_the_boundary_counts_even_for_a_named_user() -> None:
    decision = decide(owner=B, identity=ALLOW, boundary=NONE, resource=for_principal({"AWS": USER.arn}))
    assert (decision.allowed, decision.kind) == (False, Kind.BOUNDARY)


# --- root, services, nobody

def test_root_may_do_everything_in_its_account_but_for_service_control_and_resource_policies() -> None:
    assert decide(ROOT).kind is Kind.ROOT
    assert not decide(ROOT, scps=(NONE,)).allowed
    assert not decide(ROOT, resource=for_principal("*", "Deny")).allowed
    assert not decide(ROOT, owner=B).allowed
    assert decide(ROOT, owner=B, resource=for_principal({"AWS": A})).allowed


def test_a_service_needs_a_resource_policy() -> None:
    assert not decide(GATEWAY, identity=ALLOW).allowed
    assert decide(GATEWAY, resource=for_principal({"Service": "apigateway.amazonaws.com"}), owner=A).allowed
    assert not decide(GATEWAY, resource=for_principal({"Service": "sns.amazonaws.com"}), owner=A).allowed
    assert not decide(resource=for_principal({"Service": "apigateway.amazonaws.com"})).allowed


def test_a_regional_service_name_is_the_service() -> None:
    states = principals.service("states.amazonaws.com")
    assert decide(states, resource=for_principal({"Service": "states.eu-west-1.amazonaws.com"})).allowed


def test_a_service_is_tied_to_its_source() -> None:
    resource = for_principal(
        {"Service": "apigateway.amazonaws.com"}, Condition={"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:*:*:a/*"}}
    )
    assert decide(GATEWAY, resource=resource, facts={"aws:SourceArn": "arn:aws:execute-api:r:1:a/x/y"}).allowed
    assert not decide(GATEWAY, resource=resource, facts={"aws:SourceArn": "arn:aws:execute-api:r:1:b/x"}).allowed
    assert not decide(GATEWAY, resource=resource).allowed


def test_where_the_resource_decides_the_account_must_be_named() -> None:
    assert not decide(identity=ALLOW, resource_decides=True).allowed
    assert not decide(identity=ALLOW, resource_decides=True, resource=for_principal({"AWS": B})).allowed
    assert decide(identity=ALLOW, resource_decides=True, resource=for_principal({"AWS": A})).allowed
    assert not decide(ROOT, resource_decides=True, resource=for_principal({"AWS": USER.arn})).allowed


# --- the message

WHO = f"User: {USER.arn} is not authorized to perform: "


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (decide(),
         f'{WHO}s3:GetObject on resource: "{OBJECT}" because no identity-based policy allows the s3:GetObject action'),
        (decide(identity=DENY),
         f'{WHO}s3:GetObject on resource: "{OBJECT}" with an explicit deny in an identity-based policy'),
        (decide(identity=ALLOW, boundary=NONE),
         f'{WHO}s3:GetObject on resource: "{OBJECT}" because no permissions boundary allows the s3:GetObject action'),
        (decide(identity=ALLOW, boundary=DENY),
         f'{WHO}s3:GetObject on resource: "{OBJECT}" with an explicit deny in a permissions boundary'),
        (decide(identity=ALLOW, session=NONE),
         f'{WHO}s3:GetObject on resource: "{OBJECT}" because no session policy allows the s3:GetObject action'),
        (decide(identity=ALLOW, scps=(NONE,)),
         f'{WHO}s3:GetObject on resource: "{OBJECT}" because no service control policy allows the s3:GetObject action'),
        (decide(owner=B, identity=ALLOW),
         f'{WHO}s3:GetObject on resource: "{OBJECT}" because no resource-based policy allows the s3:GetObject action'),
        (decide(identity=ALLOW, resource=for_principal("*", "Deny")),
         f'{WHO}s3:GetObject on resource: "{OBJECT}" with an explicit deny in a resource-based policy'),
        (decide(action="s3:ListAllMyBuckets", on="*"),
         f"{WHO}s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action"),
    ],
)
def test_the_message_is_that_of_aws(decision: Decision, text: str) -> None:
    error = denial(decision, "s3")
    assert (error.code, error.message, error.status) == ("AccessDenied", text, 403)


@pytest.mark.parametrize(
    ("service", "action", "code", "status", "shown"),
    [
        ("lambda", "lambda:GetFunction", "AccessDeniedException", 403, "lambda:GetFunction on resource: r because"),
        ("dynamodb", "dynamodb:GetItem", "AccessDeniedException", 400, "dynamodb:GetItem on resource: r because"),
        ("cloudformation", "cloudformation:CreateStack", "AccessDenied", 403, "cloudformation:CreateStack on "),
        ("sqs", "sqs:SendMessage", "AccessDenied", 403, "sqs:sendmessage on resource: r because no identity"),
        ("sns", "sns:Publish", "AuthorizationError", 403, "SNS:Publish on resource: r because"),
        ("ec2", "ec2:RunInstances", "UnauthorizedOperation", 403, "ec2:RunInstances on resource: r because"),
    ],
)
def test_each_service_words_it_its_own_way(service: str, action: str, code: str, status: int, shown: str) -> None:
    error = denial(decide(action=action, on="r"), service)
    assert (error.code, error.status) == (code, status)
    assert f"is not authorized to perform: {shown}" in error.message


def test_a_trust_policy_that_says_nothing_is_not_explained() -> None:
    decision = decide(action="sts:AssumeRole", on="arn:aws:iam::111111111111:role/r", resource_decides=True)
    assert message(decision) == f"{WHO}sts:AssumeRole on resource: arn:aws:iam::111111111111:role/r"


def test_a_decision_is_not_changed_by_the_principals_further_facts() -> None:
    assert decide(replace(USER, context={"aws:SourceArn": "x"})).kind is Kind.IDENTITY
