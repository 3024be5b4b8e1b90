"""Temporary credentials: sealed, bound to their key, of limited time, and the same after a restart."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.iam.principal import Principal
from fogbank.iam.sessions import Sessions
from fogbank.kit.errors import AwsError

KEY = bytes(range(32))
PRINCIPAL = Principal(
    "assumed-role", "111111111111", "arn:aws:sts::111111111111:assumed-role/job/run", "AROAX:run", "", "job",
    "arn:aws:iam::111111111111:role/app/job", ('{"Version":"2012-10-17"}',), (("team", "red"),), ("team",), "ann",
    1_000.0, 2_000.0, {"aws:FederatedProvider": "x"},
)


def test_what_was_issued_opens_to_the_same_principal_after_a_restart() -> None:
    given_out = Sessions(KEY).issue(PRINCIPAL, Random(1))
    assert given_out.access_key_id.startswith("ASIA") and len(given_out.access_key_id) == 20
    assert len(given_out.secret_access_key) == 40
    principal, secret = Sessions(KEY).open(given_out.session_token, given_out.access_key_id, 1_999.0)
    assert principal == replace(PRINCIPAL, access_key_id=given_out.access_key_id)
    assert principal.context == PRINCIPAL.context
    assert secret == given_out.secret_access_key


def test_a_token_expires() -> None:
    sessions = Sessions(KEY)
    issued = sessions.issue(PRINCIPAL, Random(1))
    sessions.open(issued.session_token, issued.access_key_id, 1_000.0)
    with pytest.raises(AwsError) as error:
        sessions.open(issued.session_token, issued.access_key_id, 2_000.0)
    assert (error.value.code, error.value.message) == (
        "ExpiredToken", "The security token included in the request is expired",
    )


def test_a_token_is_of_one_key_and_one_cloud() -> None:
    one, other = Sessions(KEY).issue(PRINCIPAL, Random(1)), Sessions(KEY).issue(PRINCIPAL, Random(2))
    for sessions, token, key in (
        (Sessions(KEY), one.session_token, other.access_key_id),
        (Sessions(bytes(32)), one.session_token, one.access_key_id),
    ):
        with pytest.raises(AwsError) as error:
            sessions.open(token, key, 1_500.0)
        assert error.value.code == "InvalidClientTokenId"
        assert error.value.message == "The security token included in the request is invalid."


@given(st.integers(0, 10_000), st.integers(1, 63))
def test_no_altered_token_opens(place: int, step: int) -> None:
    issued = Sessions(KEY).issue(PRINCIPAL, Random(1))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    token = issued.session_token
    at = place % len(token.rstrip("="))
    altered = token[:at] + letters[(letters.index(token[at]) + step) % 64] + token[at + 1 :]
    try:
        principal, _ = Sessions(KEY).open(altered, issued.access_key_id, 1_500.0)
    except AwsError as error:
        assert error.code == "InvalidClientTokenId"
    else:  # the spare bits of the last letter of base 64 carry nothing
        assert at == len(token.rstrip("=")) - 1 and principal.arn == PRINCIPAL.arn


@given(st.text(max_size=200))
def test_nonsense_is_no_token(text: str) -> None:
    with pytest.raises(AwsError) as error:
        Sessions(KEY).open(text, "ASIAEXAMPLE", 1.0)
    assert error.value.code == "InvalidClientTokenId"
