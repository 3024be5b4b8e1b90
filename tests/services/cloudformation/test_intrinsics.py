"""Intrinsic functions: what they give, and AWS's sentences for what does not fit."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.services.cloudformation import dynamic, functions
from fogbank.services.cloudformation.intrinsics import NO_VALUE, Evaluator, Scope, pseudo_parameters
from fogbank.services.cloudformation.rules import check_rules


class Resources:
    def ref(self, logical_id: str) -> Any:
        return f"id-of-{logical_id}"

    def attribute(self, logical_id: str, attribute: str) -> Any:
        return ["a", "b"] if attribute == "List" else f"{attribute}-of-{logical_id}"

    def export(self, name: str) -> Any:
        return f"export-{name}"


PSEUDO = pseudo_parameters("111111111111", "eu-west-1", "arn:stack", "name", ["arn:topic"])
SCOPE = Scope(
    {"P": "value", "L": ["x", "y"], "N": "5", **PSEUDO},
    {"M": {"k": {"v": "found", "list": ["1", "2"], "flag": True}}},
    {
        "Yes": {"Fn::Equals": [{"Ref": "P"}, "value"]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
        "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
        "Either": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
        "Loop": {"Condition": "Pool"},
        "Pool": {"Fn::Not": [{"Condition": "Loop"}]},
        "Lost": {"Condition": "Nowhere"},
    },
)


def value(node: Any, *, extensions: bool = False) -> Any:
    scope = Scope(SCOPE.parameters, SCOPE.mappings, SCOPE.conditions, extensions)
    return Evaluator(scope, Resources()).value(node)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"Ref": "P"}, "value"),
        ({"Ref": "L"}, ["x", "y"]),
        ({"Ref": "Res"}, "id-of-Res"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
        ({"Ref": "AWS::NotificationARNs"}, ["arn:topic"]),
        ({"Fn::GetAtt": ["Res", "A.B"]}, "A.B-of-Res"),
        ({"Fn::GetAtt": "Res.A.B"}, "A.B-of-Res"),
        ({"Fn::GetAtt": ["Res", {"Ref": "P"}]}, "value-of-Res"),
        (
            {"Fn::Sub": "${P} ${Res.Arn} ${!Literal} ${AWS::Region} $plain ${ P }"},
            "value Arn-of-Res ${Literal} eu-west-1 $plain value",
        ),
        ({"Fn::Sub": ["${X}-${P}", {"X": {"Ref": "N"}}]}, "5-value"),
        ({"Fn::Sub": ["${X}", {"X": 3}]}, "3"),
        ({"Fn::Join": ["-", ["a", {"Ref": "P"}, True, 1]]}, "a-value-true-1"),
        ({"Fn::Join": [",", {"Ref": "L"}]}, "x,y"),
        ({"Fn::Join": [",", ["a", {"Ref": "AWS::NoValue"}]]}, "a"),
        ({"Fn::Select": ["1", ["a", "b"]]}, "b"),
        ({"Fn::Select": [0, {"Fn::Split": ["/", "u/v"]}]}, "u"),
        ({"Fn::Select": [1, {"Fn::GetAtt": ["R", "List"]}]}, "b"),
        ({"Fn::Split": [",", "a,b,,c"]}, ["a", "b", "", "c"]),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::FindInMap": ["M", "k", "v"]}, "found"),
        ({"Fn::FindInMap": ["M", {"Fn::Select": [0, ["k"]]}, "list"]}, ["1", "2"]),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::ImportValue": {"Fn::Sub": "${P}-x"}}, "export-value-x"),
        ({"Fn::If": ["Yes", 1, {"Ref": "Nothing"}]}, 1),
        ({"Fn::If": ["Both", 1, {"Fn::If": ["Either", 2, 3]}]}, 2),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ({"Ref": "P", "other": 1}, {"Ref": "P", "other": 1}),
        ({"Condition": "Yes"}, {"Condition": "Yes"}),
    ],
)
def test_values(node: Any, expected: Any) -> None:
    assert value(node) == expected


def test_no_value_is_told_apart() -> None:
    assert value({"Ref": "AWS::NoValue"}) is NO_VALUE


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"Fn::Join": ["", "abc"]}, "Template error: " + functions.JOIN),
        ({"Fn::Join": [["a"], "b"]}, "Template error: " + functions.JOIN),
        ({"Fn::Split": ["a"]}, "Template error: " + functions.SPLIT),
        ({"Fn::Select": ["x", ["a"]]}, "Template error: " + functions.SELECT),
        ({"Fn::Select": [5, ["a"]]}, "Template error: Fn::Select cannot select nonexistent value at index 5"),
        ({"Fn::Select": [-1, ["a"]]}, "Template error: Fn::Select cannot select nonexistent value at index -1"),
        ({"Fn::FindInMap": ["M", "k"]}, "Template error: " + functions.FIND_IN_MAP),
        ({"Fn::FindInMap": ["M", "C", "v"]}, "Template error: Unable to get mapping for M::C::v"),
        (
            {"Fn::FindInMap": ["Z", "C", "v"]},
            "Template error: Mapping named 'Z' is not present in the 'Mappings' section of template.",
        ),
        ({"Fn::Equals": ["a"]}, "Template error: every Fn::Equals object requires a list of 2 string parameters."),
        (
            {"Fn::GetAtt": ["R"]},
            "Template error: every Fn::GetAtt object requires two non-empty parameters, "
            "the resource name and the resource attribute",
        ),
        ({"Fn::GetAtt": "R"}, "Template error: " + functions.GET_ATT),
        ({"Fn::If": ["Nope", 1, 2]}, "Template error: unresolved condition dependency Nope in Fn::If"),
        ({"Fn::If": [{"Ref": "P"}, 1, 2]}, "Template error: " + functions.IF),
        ({"Fn::Sub": ["a"]}, "Template error: " + functions.SUB),
        (
            {"Fn::Sub": "${a-b}"},
            "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, "
            "underscores, periods, and colons",
        ),
        ({"Ref": ["a"]}, "Template error: every Ref object must have a single String value."),
        ({"Fn::Cidr": ["10.0.0.0/24", 257, 4]}, "Template error: " + functions.CIDR),
        ({"Fn::Cidr": ["nonsense", 1, 4]}, "Template error: " + functions.CIDR),
        (
            {"Fn::And": [True]},
            "Template error: every Fn::And object requires a list of at least 2 and at most 10 boolean parameters.",
        ),
    ],
)
def test_refusals(node: Any, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        value(node)
    assert (caught.value.code, caught.value.message) == ("ValidationError", message)


def test_functions_of_the_language_extensions_need_the_transform() -> None:
    with pytest.raises(AwsError, match="Encountered unsupported function: Fn::Length Supported functions are: "):
        value({"Fn::Length": [1]})
    assert value({"Fn::Length": {"Fn::Split": [",", "a,b"]}}, extensions=True) == 2
    assert value({"Fn::ToJsonString": {"a": {"Ref": "P"}, "b": [1]}}, extensions=True) == '{"a":"value","b":[1]}'
    assert value({"Fn::FindInMap": ["M", "no", "v", {"DefaultValue": {"Ref": "P"}}]}, extensions=True) == "value"


def test_conditions() -> None:
    evaluator = Evaluator(SCOPE)
    assert [evaluator.condition(name) for name in ("Yes", "No", "Both", "Either")] == [True, False, False, True]
    with pytest.raises(AwsError, match="Circular condition dependency"):
        evaluator.condition("Loop")
    with pytest.raises(AwsError, match="unresolved condition dependency Nowhere"):
        evaluator.condition("Lost")
    with pytest.raises(AwsError, match="Cannot reference resources in the Conditions block"):
        Evaluator(Scope(PSEUDO, conditions={"C": {"Fn::Equals": [{"Ref": "Res"}, "1"]}})).condition("C")


def test_rules() -> None:
    rules = {"R": {"Assertions": [{"Assert": {"Fn::Contains": [["a", "b"], {"Ref": "P"}]}, "AssertDescription": "a or b"}]}}
    with pytest.raises(AwsError, match="a or b"):
        check_rules(rules, Evaluator(SCOPE))
    rules["R"]["RuleCondition"] = {"Fn::Equals": [{"Ref": "P"}, "other"]}  # type: ignore[assignment]
    check_rules(rules, Evaluator(SCOPE))


@given(st.lists(st.text(st.characters(blacklist_characters="|", blacklist_categories=["Cs"])), min_size=1, max_size=6))
def test_split_undoes_join(items: list[str]) -> None:
    assert value({"Fn::Split": ["|", {"Fn::Join": ["|", items]}]}) == items


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_sub_keeps_text_without_variables(text: str) -> None:
    if "${" not in text:
        assert value({"Fn::Sub": text}) == text


@given(st.integers(8, 28), st.integers(1, 256), st.integers(1, 16))
def test_cidr_blocks_are_disjoint_and_inside(prefix: int, count: int, bits: int) -> None:
    network = ipaddress.ip_network(f"10.0.0.0/{prefix}")
    fits = 32 - bits >= prefix and count <= 1 << (32 - bits - prefix)
    try:
        blocks = [ipaddress.ip_network(block) for block in functions.cidr(str(network), count, bits)]
    except AwsError:
        assert not fits
        return
    assert fits and len(set(blocks)) == count
    assert all(block.subnet_of(network) and block.prefixlen == 32 - bits for block in blocks)  # type: ignore[arg-type]


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["P", "M", "Yes", "Res", "a.b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Ref",
                    "Fn::Sub",
                    "Fn::Join",
                    "Fn::If",
                    "Fn::Select",
                    "Fn::Split",
                    "Fn::GetAtt",
                    "Fn::FindInMap",
                    "Fn::Cidr",
                    "Fn::And",
                    "Fn::Not",
                    "Fn::Equals",
                    "Fn::Base64",
                    "Fn::GetAZs",
                    "Fn::ImportValue",
                    "Fn::Length",
                    "Fn::ToJsonString",
                    "Condition",
                    "x",
                ]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=12,
)


@given(junk, st.booleans())
def test_any_expression_is_evaluated_or_refused(node: Any, extensions: bool) -> None:
    try:
        value(node, extensions=extensions)
    except AwsError as error:
        assert error.code == "ValidationError"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{{resolve:ssm:/a/b:3}}", ("ssm", "/a/b", "3", "", "")),
        ("{{resolve:ssm:name}}", ("ssm", "name", "", "", "")),
        ("{{resolve:ssm-secure:name:1}}", ("ssm-secure", "name", "1", "", "")),
        ("{{resolve:secretsmanager:s}}", ("secretsmanager", "s", "", "", "")),
        ("{{resolve:secretsmanager:s:SecretString:user}}", ("secretsmanager", "s", "", "user", "")),
        ("{{resolve:secretsmanager:s:SecretString:user:AWSPREVIOUS}}", ("secretsmanager", "s", "", "user", "AWSPREVIOUS")),
        (
            "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:1:secret:x-y:SecretString:k::v1}}",
            ("secretsmanager", "arn:aws:secretsmanager:us-east-1:1:secret:x-y", "v1", "k", ""),
        ),
    ],
)
def test_dynamic_references(text: str, parts: tuple[str, ...]) -> None:
    (found,) = dynamic.references({"a": [f"x{text}y"]})
    assert (found.service, found.name, found.version, found.json_key, found.stage) == parts
    assert dynamic.substitute([f"x{text}y"], {text: "!"}) == ["x!y"]


def test_dynamic_references_that_do_not_fit() -> None:
    for text in ("{{resolve:nosuch:x}}", "{{resolve:ssm:a b}}", "{{resolve:secretsmanager:s:Other}}"):
        with pytest.raises(AwsError):
            list(dynamic.references(text))
    with pytest.raises(AwsError, match="SSM Secure reference is not supported in"):
        dynamic.check_secure("AWS::S3::Bucket", {"BucketName": "{{resolve:ssm-secure:x}}"})


def test_values_do_not_grow_without_bound() -> None:
    node: Any = "x" * 1000
    for _ in range(30):
        node = {"Fn::Sub": ["${a}" * 20, {"a": node}]}
    with pytest.raises(AwsError, match="longer than 1000000 characters"):
        value(node)
    node = '"\\'
    for _ in range(60):
        node = {"Fn::ToJsonString": [node]}
    with pytest.raises(AwsError, match="longer than 1000000 characters"):
        value(node, extensions=True)
    node = "y" * 1000
    for _ in range(10):
        node = {"Fn::Join": [node, ["", "", ""]]} if isinstance(node, str) else {"Fn::Join": ["y" * 1000, [node] * 40]}
    with pytest.raises(AwsError, match="longer than 1000000 characters"):
        value(node)
