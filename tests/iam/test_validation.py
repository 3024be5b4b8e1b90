"""Documents that IAM refuses, with AWS's words; and what it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.iam.validation import check_permissions, check_trust
from fogbank.kit.errors import AwsError

SYNTAX = "Syntax errors in policy."
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


def document(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def changed(base: dict[str, Any], *without: str, **more: Any) -> dict[str, Any]:
    return {**{key: value for key, value in base.items() if key not in without}, **more}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{not json", SYNTAX),
        ("", SYNTAX),
        ("[]", SYNTAX),
        ("{}", SYNTAX),
        ('{"Version":"2012-10-17"}', SYNTAX),
        (document(), SYNTAX),
        (document("hello"), SYNTAX),
        (document(ALLOW, Version="2020-01-01"), SYNTAX),
        (document(ALLOW, Surprise=1), SYNTAX),
        (document(changed(ALLOW, "Effect")), SYNTAX),
        (document(changed(ALLOW, Effect="Maybe")), SYNTAX),
        (document(changed(ALLOW, NotAction="s3:PutObject")), SYNTAX),
        (document(changed(ALLOW, NotResource="*")), SYNTAX),
        (document(changed(ALLOW, Action=123)), SYNTAX),
        (document(changed(ALLOW, Surprise="x")), SYNTAX),
        (document(changed(ALLOW, Condition={"StringSame": {"aws:username": "x"}})), SYNTAX),
        (document(changed(ALLOW, Condition={"StringEquals": "x"})), SYNTAX),
        (document(ALLOW, Version="2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
        (document(changed(ALLOW, Principal="*")), "Policy document should not specify a principal."),
        (document(changed(ALLOW, "Action")), "Policy statement must contain actions."),
        (document(changed(ALLOW, Action=[])), "Policy statement must contain actions."),
        (document(changed(ALLOW, Action="")), VENDOR),
        (document(changed(ALLOW, Action="GetObject")), VENDOR),
        (document(changed(ALLOW, Action=":GetObject")), "Vendor  is not valid"),
        (document(changed(ALLOW, Action="iam :Get")), "Vendor iam  is not valid"),
        (document(changed(ALLOW, Action="s3:a:b")), "Actions/Condition can contain only one colon."),
        (document(changed(ALLOW, Condition={"StringEquals": {"username": "x"}})), VENDOR),
        (document(changed(ALLOW, "Resource")), "Policy statement must contain resources."),
        (document(changed(ALLOW, Resource=[])), "Policy statement must contain resources."),
        (document(changed(ALLOW, Resource="invalid")), 'Resource invalid must be in ARN format or "*".'),
        (document(changed(ALLOW, Resource="s3::example/*")),
         'Partition "" is not valid for resource "arn::example/*:*:*:*".'),
        (document(changed(ALLOW, Resource="arn:aws2:s3:::example/*")),
         'Partition "aws2" is not valid for resource "arn:aws2:s3:::example/*".'),
        (document(changed(ALLOW, Resource="arn:awss3::example")), "The policy failed legacy parsing"),
        (document(changed(ALLOW, Resource="arn:aws:s3*:::example")),
         "Resource vendor must be fully qualified and cannot contain regexes."),
        (document(changed(ALLOW, Sid="a"), changed(ALLOW, Sid="a")),
         "Statement IDs (SID) in a single policy must be unique."),
        (document(changed(ALLOW, Sid="a b")),
         "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
         "[0-9A-Za-z]*"),
    ],
)
def test_permissions_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(AwsError) as error:
        check_permissions(text)
    assert (error.value.code, error.value.message) == ("MalformedPolicyDocument", message)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"Version": "2012-10-17", "Statement": ALLOW}),
        document(ALLOW, Id="x"),
        document(changed(ALLOW, Action="*", Sid="All")),
        document(changed(ALLOW, Resource=["arn:aws:s3:::a", "arn:*:s3:::b/*", "arn:aws:s3:::c/${aws:username}"])),
        document(changed(ALLOW, Resource="arn:${aws:partition}:s3:::a")),
        document(changed(ALLOW, "Resource", NotResource="arn:aws-cn:s3:::a")),
        document(changed(ALLOW, Condition={"Bool": {"aws:SecureTransport": False}, "Null": {"aws:x": "true"}})),
        document(changed(ALLOW, Condition={"NumericLessThan": {"s3:max-keys": 10}})),
    ],
)
def test_permissions_that_are_taken(text: str) -> None:
    check_permissions(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("malformed", "This policy contains invalid Json"),
        (document(changed(TRUST, Resource="*")), "Has prohibited field Resource"),
        (document(changed(TRUST, Surprise="*")), "Unknown field Surprise"),
        (document(TRUST, Surprise="*"), "Unknown field Surprise"),
        (document(), "Could not parse the policy: Statement is empty!"),
        (document(changed(TRUST, "Principal")), "Missing required field Principal"),
        (document(changed(TRUST, "Action")), "Missing required field Action"),
        (document(changed(TRUST, "Effect")), "Missing required field Effect"),
        (document(changed(TRUST, Action="s3:GetObject")), "AssumeRole policy may only specify STS AssumeRole actions."),
        (document(changed(TRUST, Principal={"Service": "nonsense"})),
         'Invalid principal in policy: "SERVICE":"nonsense"'),
        (document(changed(TRUST, Principal={"AWS": "arn:aws:iam::111111111111:user/gone"})),
         'Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:user/gone"'),
        (document(changed(TRUST, Principal={"AWS": "1234"})), 'Invalid principal in policy: "AWS":"1234"'),
    ],
)
def test_trust_policies_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(AwsError) as error:
        check_trust(text, lambda arn: False)
    assert (error.value.code, error.value.message) == ("MalformedPolicyDocument", message)


@pytest.mark.parametrize(
    "principal",
    [
        "*", {"AWS": "111111111111"}, {"AWS": "arn:aws:iam::111111111111:root"}, {"AWS": "*"},
        {"AWS": ["arn:aws:iam::111111111111:user/here", "arn:aws:sts::111111111111:assumed-role/r/s"]},
        {"Service": ["ec2.amazonaws.com", "states.eu-west-1.amazonaws.com"]},
        {"Federated": "arn:aws:iam::111111111111:oidc-provider/token.example.com"},
    ],
)
def test_trust_policies_that_are_taken(principal: Any) -> None:
    check_trust(document(changed(TRUST, Principal=principal)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["Effect", "Action", "Resource", "Principal", "Condition", "Statement", "Version",
                         "StringEquals", "aws:x", "AWS", "Sid"]), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, json_values)
def test_any_document_is_taken_or_refused_but_never_a_surprise(one: Any, other: Any) -> None:
    for check in (check_permissions, check_trust):
        for text in (json.dumps(one), document(one), document(changed(ALLOW, Condition=one, Sid=other)),
                     document(changed(TRUST, Principal=one, Action=other))):
            try:
                check(text)
            except AwsError as error:
                assert error.code == "MalformedPolicyDocument"


def test_every_aws_managed_policy_is_a_document_of_permissions() -> None:
    from fogbank.iam.managed import all_policies

    for policy in all_policies().values():
        check_permissions(policy.text)
        assert policy.created_at <= policy.updated_at, policy.name
