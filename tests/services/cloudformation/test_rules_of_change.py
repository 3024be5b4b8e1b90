"""Pure rules, for any input: order, differences, generated names, stack policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.services.cloudformation import graph, stack_policy
from fogbank.services.cloudformation.calls import StackCall, random_suffix
from fogbank.services.cloudformation.changes import After, Before, changed_properties, modify, same
from fogbank.services.cloudformation.events import strings

names = st.sampled_from("ABCDEFGH")
graphs = st.dictionaries(names, st.lists(names, max_size=4))


@given(graphs)
def test_order_and_circles(edges: dict[str, list[str]]) -> None:
    order = graph.ordered(edges)
    place = {name: i for i, name in enumerate(order)}
    for name in order:
        assert all(place[other] < place[name] for other in edges[name] if other in edges)
    circle = graph.circular(edges)
    assert bool(circle) == (len(order) < len(edges))
    # Each member of a circle can be reached from itself.
    for name in circle:
        seen: set[str] = set()
        waiting = [other for other in edges[name] if other in edges]
        while waiting:
            step = waiting.pop()
            if step not in seen:
                seen.add(step)
                waiting += [other for other in edges[step] if other in edges]
        assert seen & set(circle)


values: Any = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
properties = st.dictionaries(st.sampled_from(["P", "Q", "R", "S"]), values)


@given(properties)
def test_scalars_are_compared_as_strings(value: dict[str, Any]) -> None:
    assert same(value, strings(value)) and same(strings(value), value)
    assert changed_properties(value, strings(value)) == []


@given(properties, properties, st.frozensets(st.sampled_from(["P", "Q", "R"])))
def test_a_modification_tells_every_difference(old: dict[str, Any], new: dict[str, Any], fixed: frozenset[str]) -> None:
    change = modify("L", Before("T", "id", old), After("T", new, new), fixed, lambda reference: None)
    changed = set(changed_properties(old, new))
    assert changed == {
        name for name in {*old, *new} if strings(old.get(name)) != strings(new.get(name)) or (name in old) != (name in new)
    }
    if change is None:
        assert not changed
        return
    assert {detail["Target"]["Name"] for detail in change.details} == changed
    assert change.replacement == ("True" if changed & fixed else "False")
    shown = change.described(with_values=False)
    assert "BeforeContext" not in json.dumps(shown) and "AfterValue" not in json.dumps(shown)


@given(
    st.text("abcXYZ-", min_size=1, max_size=128),
    st.text("abcXYZ09", min_size=1, max_size=255),
    st.integers(24, 255),
    st.booleans(),
)
def test_generated_names_fit(stack: str, logical: str, limit: int, lower: bool) -> None:
    fields = dict.fromkeys(("ctx", "stack", "operation", "step", "account", "region", "stack_id"), None)
    call = StackCall(**fields, stack_name=stack, logical_id=logical, token="token", tags={})  # type: ignore[arg-type]
    name = call.generate_name(limit, lower=lower)
    assert len(name) <= limit
    assert name == call.generate_name(limit, lower=lower)
    assert name.endswith(random_suffix("token", 12).lower() if lower else random_suffix("token", 12))
    assert not lower or name == name.lower()


def policy(*statements: dict[str, Any]) -> str:
    return stack_policy.parse(json.dumps({"Statement": [{"Principal": "*", "Resource": "*", **one} for one in statements]}))


@pytest.mark.parametrize(
    ("text", "verb", "allowed"),
    [
        ("", "Delete", True),
        ("{}", "Delete", True),
        (policy({"Effect": "Allow", "Action": "Update:Modify"}), "Modify", True),
        (policy({"Effect": "Allow", "Action": "Update:Modify"}), "Replace", False),
        (
            policy({"Effect": "Allow", "Action": "Update:*"}, {"Effect": "Deny", "Action": ["Update:Delete"]}),
            "Delete",
            False,
        ),
        (policy({"Effect": "Allow", "NotAction": "Update:Delete"}), "Modify", True),
        (policy({"Effect": "Allow", "NotAction": "Update:Delete"}), "Delete", False),
        (policy({"Effect": "Allow", "Action": "Update:*", "Resource": "LogicalResourceId/Da*"}), "Modify", True),
        (policy({"Effect": "Allow", "Action": "Update:*", "Resource": "LogicalResourceId/Other"}), "Modify", False),
        (
            policy(
                {"Effect": "Allow", "Action": "Update:*"},
                {
                    "Effect": "Deny",
                    "Action": "Update:*",
                    "Condition": {"StringEquals": {"ResourceType": ["AWS::RDS::DBInstance"]}},
                },
            ),
            "Modify",
            True,
        ),
        (
            policy(
                {"Effect": "Allow", "Action": "Update:*"},
                {"Effect": "Deny", "Action": "Update:*", "Condition": {"StringLike": {"ResourceType": ["AWS::S3::*"]}}},
            ),
            "Modify",
            False,
        ),
    ],
)
def test_stack_policies(text: str, verb: str, allowed: bool) -> None:
    if allowed:
        stack_policy.check(text, "Data", "AWS::S3::Bucket", verb)
    else:
        with pytest.raises(AwsError, match="Action denied by stack policy"):
            stack_policy.check(text, "Data", "AWS::S3::Bucket", verb)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"Statement": []}', '{"Statement": [{"Effect": "Maybe"}]}', "{" * 9000, "x" * 20_000,
     '{"Statement": [{"Effect": "Deny", "Action": "delete:*", "Principal": "*", "Resource": "*"}]}',
     '{"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "me", "Resource": "*"}]}'],
)  # fmt: skip
def test_stack_policies_refused(text: str) -> None:
    with pytest.raises(AwsError, match="Error validating stack policy: Invalid stack policy"):
        stack_policy.parse(text)
