"""Filter patterns, with the examples of AWS's documentation and with random text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.services.logs.patterns import compiled, regex
from fogbank.services.logs.patterns.scanner import wildcard


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        (" ", "anything", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("error", "[ERROR 400] BAD REQUEST", False),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", True),
        ("ERROR ARGUMENTS", "[ERROR 420] INVALID", False),
        ("?ERROR ?WARN", "WARN x", True),
        ("?ERROR ?WARN", "INFO x", False),
        ("ERROR -ARGUMENTS", "ERROR 400", True),
        ("ERROR -ARGUMENTS", "ERROR ARGUMENTS", False),
        ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", True),
        ('"INTERNAL SERVER ERROR"', "INTERNAL ERROR SERVER", False),
        ('-"a b" c', "c d", True),
        ("INFO ?ERROR", "INFO", True),
        ("%AUTH\\d+%", "got AUTH42", True),
        ("%^AUTH%", "got AUTH42", False),
        ('{ $.eventType = "UpdateTrail" }', '{"eventType": "UpdateTrail"}', True),
        ('{ $.eventType = "Update*" }', '{"eventType": "UpdateTrail"}', True),
        ('{ $.eventType = "UpdateTrail" }', "no JSON", False),
        ("{ $.sourceIPAddress != 123.123.* }", '{"sourceIPAddress": "111.111.111.111"}', True),
        ('{ $.arrayKey[0] = "value" }', '{"arrayKey": ["value", "other"]}', True),
        ('{ $.arrayKey[*] = "other" }', '{"arrayKey": ["value", "other"]}', True),
        ("{ $.objectList[1].id = 2 }", '{"objectList": [{"id": 1}, {"id": 2}]}', True),
        ("{ $.objectList[1].id = 2.0 }", '{"objectList": [{"id": 1}, {"id": 2}]}', True),
        ("{ $.size > 1e2 }", '{"size": 101}', True),
        ("{ $.size > 1e2 }", '{"size": true}', False),
        ("{ $.SomeObject IS NULL }", '{"SomeObject": null}', True),
        ("{ $.SomeObject IS NULL }", "{}", False),
        ("{ $.SomeOtherObject NOT EXISTS }", '{"SomeObject": null}', True),
        ("{ $.ThisFlag IS TRUE }", '{"ThisFlag": true}', True),
        ("{ $.ThisFlag IS FALSE }", '{"ThisFlag": true}', False),
        ('{ ($.a = 1) && ($.b = "x" || $.c < 3) }', '{"a": 1, "c": 2}', True),
        ('{ $.a = 1 && ($.b = "x" || $.c < 3) }', '{"a": 1, "c": 3}', False),
        ("{ $.['a.b'] = 1 }", '{"a.b": 1}', True),
        ("{ $.ip = %1.?\\.2% }", '{"ip": "10.2"}', True),
        ("[ip, user, , ...]", "127.0.0.1 frank x y z", True),
        ("[ip, user, username, timestamp, request, status_code = 404, bytes]",
         '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534', True),
        ("[ip, user, username, timestamp, request =*html*, status_code = 4*, bytes > 1000]",
         '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534', True),
        ("[..., status_code = 4*, bytes <= 1000]", "a b c 404 1534", False),
        ("[w1=ERROR || w1=%WARN|FATAL%, w2]", "FATAL 1", True),
        ("[w1!=ERROR && w1!=WARN, w2]", "INFO 1", True),
        ("[w1!=ERROR && w1!=WARN, w2]", "INFO 1 2", False),
        ("[]", "a b", True),
    ],
)
def test_match(pattern: str, message: str, expected: bool) -> None:
    assert compiled(pattern)(message) is expected


@pytest.mark.parametrize(
    "pattern",
    ['"open', "a-b", "{", "{}", "{ $.a }", "{ $.a = }", "{ $.a > x }", "{ a = 1 }", "{ $.a = 1 } x", "{ $.a = 1 && }",
     "[a", "[a, ..., b, ...]", "[a = 1 && b = 2]", "%(a)%", "%a**%", "%[%", "{ $.a = " + "(" * 400, "{" + "(" * 1000,
     "{ $.a IS MAYBE }", "{ $.a = %a{2,1}% }", "%a{999}{2}%", "%\\%"],
)
def test_malformed(pattern: str) -> None:
    with pytest.raises(AwsError) as caught:
        compiled(pattern)
    assert (caught.value.code, caught.value.message) == ("InvalidParameterException", "Invalid filter pattern")


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    for pattern in (text, "{" + text + "}", "[" + text + "]", "%" + text + "%"):
        try:
            compiled(pattern)('{"a": 1}')
        except AwsError as error:
            assert error.code == "InvalidParameterException"


def test_extracted_values() -> None:
    assert compiled("{ $.a.b = * && $.c = 1 }").extract('{"a": {"b": "x"}, "c": 1}') == {"$.a.b": "x", "$.c": "1"}
    assert compiled("[ip, ..., code]").extract("1.2.3.4 a b 404") == {"$ip": "1.2.3.4", "$code": "404"}


@given(st.lists(st.sampled_from(["a", "b", "ab", "*"]), max_size=6).map("".join), st.text("ab", max_size=10))
def test_wildcard_is_what_a_regular_expression_says(pattern: str, text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert wildcard(pattern)(text) is expected


_element = st.tuples(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w"]),
    st.sampled_from(["", "*", "+", "?", "{2}", "{1,2}", "{1,}"]),
).map("".join)
_sequence = st.tuples(st.sampled_from(["", "^"]), st.lists(_element, max_size=5).map("".join), st.sampled_from(["", "$"]))


@given(st.lists(_sequence.map("".join), min_size=1, max_size=2).map("|".join), st.text("abc1", max_size=8))
def test_expressions_match_as_pythons(source: str, text: str) -> None:
    assert regex.compiled(source)(text) is (re.search(source.replace("$", r"\Z"), text) is not None)


def test_a_hostile_expression_takes_linear_time() -> None:
    assert not regex.compiled("a*a*a*a*a*a*b$")("a" * 200_000)
