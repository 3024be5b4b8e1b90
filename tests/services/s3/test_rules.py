"""Pure rules, on examples and on whatever hypothesis comes up with."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.services.s3.form import Form
from fogbank.services.s3.rules import (
    bucket_policy,
    checksums,
    cors,
    lifecycle,
    listing,
    names,
    notifications,
    post_policy,
    preconditions,
    ranges,
    tags,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = st.text("ab/\U0010ffff\ud7ffé", min_size=1, max_size=6).filter(lambda text: "\ud800" not in text)


# Names.


@given(st.text(max_size=70))
def test_bucket_names_are_never_surprising(name: str) -> None:
    if names.valid_bucket_name(name):
        assert 3 <= len(name) <= 63
        assert name == name.lower()
        assert name[0].isalnum()
        assert name[-1].isalnum()


@given(TEXT, TEXT)
def test_after_prefix_is_the_next_after_all_with_the_prefix(prefix: str, rest: str) -> None:
    following = names.after_prefix(prefix)
    if following is not None:
        assert (prefix + rest).encode() < following.encode()
        assert prefix.encode() < following.encode()
    else:
        assert set(prefix) <= {"\U0010ffff"}


def test_version_ids() -> None:
    made = names.new_version_id(Random(1))
    names.check_version_id(made)
    names.check_version_id("null")
    for wrong in ("", made[:-1], made[:-1] + ("a" if made[-1] != "a" else "b"), "x" * 32):
        with pytest.raises(AwsError, match="Invalid version id specified"):
            names.check_version_id(wrong)


@given(st.from_regex(r"\d{12}", fullmatch=True))
def test_canonical_ids_tell_their_account(account: str) -> None:
    made = names.canonical_id(account)
    assert (len(made), names.account_of(made)) == (64, account)
    assert names.account_of("0" * 64) is None


# Ranges.


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_ranges_lie_within_the_object(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    try:
        span = ranges.requested_span(f"bytes={first}-{last}", size)
    except AwsError as error:
        assert error.code == "InvalidRange"
        assert first >= size
        return
    if span is None:
        assert last < first
    else:
        assert data[span.offset : span.offset + span.length] == data[first : last + 1]
        assert span.length > 0


@given(st.text(max_size=30), st.integers(0, 100))
def test_no_range_header_breaks_anything(header: str, size: int) -> None:
    try:
        ranges.requested_span(header, size)
    except AwsError as error:
        assert error.status == 416


# Listings, against the obvious way.


def plainly(keys: list[str], prefix: str, delimiter: str, after: str) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for key in sorted(keys):
        if not key.startswith(prefix):
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = (key[: cut + len(delimiter)], True) if cut >= 0 else (key, False)
        if entry[0] > after and not (entry[1] and after.startswith(entry[0])) and entry not in found:
            found.append(entry)
    return found


@settings(max_examples=300)
@given(st.lists(KEYS, unique=True, max_size=12), KEYS | st.just(""), st.sampled_from(["", "/", "a/", "é"]),
       KEYS | st.just(""), st.integers(1, 6))
def test_pages_are_what_a_plain_listing_gives(
    keys: list[str], prefix: str, delimiter: str, after: str, limit: int
) -> None:
    ordered = sorted(keys)
    expected = plainly(keys, prefix, delimiter, after)
    page = listing.page(
        lambda start: (key for key in ordered if key >= start), lambda key: key,
        prefix=prefix, delimiter=delimiter, after=after, limit=limit,
    )  # fmt: skip
    found = sorted([(key, False) for key in page.entries] + [(group, True) for group in page.prefixes])
    assert found == expected[:limit]
    assert page.truncated == (len(expected) > limit)


@given(st.lists(KEYS, unique=True, min_size=1, max_size=12), st.sampled_from(["", "/"]), st.integers(1, 3))
def test_pages_join_up(keys: list[str], delimiter: str, limit: int) -> None:
    ordered = sorted(keys)
    after, found, turns = "", [], 0
    while True:
        page = listing.page(
            lambda start: (key for key in ordered if key >= start), lambda key: key,
            prefix="", delimiter=delimiter, after=after, limit=limit,
        )  # fmt: skip
        found += page.entries + page.prefixes
        turns += 1
        assert turns < 30
        if not page.truncated:
            break
        after = page.last
    assert sorted(found) == sorted({entry for entry, _ in plainly(keys, "", delimiter, "")})
    assert len(found) == len(set(found))


# Checksums.


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5), st.sampled_from(["CRC32", "CRC32C", "CRC64NVME"]))
def test_joined_checksums_are_those_of_the_whole(parts: list[bytes], algorithm: str) -> None:
    def of(data: bytes) -> str:
        hash_ = checksums.new_hash(algorithm)
        hash_.update(data)
        return base64.b64encode(hash_.digest()).decode()

    assert checksums.full_object(algorithm, ((of(part), len(part)) for part in parts)) == of(b"".join(parts))


def test_checksums_of_parts() -> None:
    # Recorded: one part with CRC32C fwuu0Q== gives sZB91Q==-1; its ETag gives the object's.
    assert checksums.composite("CRC32C", ["fwuu0Q=="]) == "sZB91Q==-1"
    assert checksums.multipart_etag(["eee506dd7ada7ded524c77e359a0e7c6"]) == "b972025bc34adf8d76d6d51e93c035cc-1"


# Preconditions, tags, CORS.


@pytest.mark.parametrize(
    ("header", "matches"),
    [('"abc"', True), ("abc", True), ('W/"abc"', True), ('"x", "abc"', True), ("*", True), ('"abcd"', False), ("", False)],
)
def test_etags(header: str, matches: bool) -> None:
    assert preconditions.etag_matches(header, "abc") is matches


@given(st.text(max_size=60))
def test_no_tagging_header_breaks_anything(text: str) -> None:
    try:
        found = tags.from_header(text)
    except AwsError as error:
        assert error.code in ("InvalidArgument", "InvalidTag", "BadRequest")
    else:
        assert len(found) <= 10


def test_system_tags_are_cloudformations() -> None:
    kept = {"aws:cloudformation:stack-name": "s", "own": "1"}
    own = {"Key": "own", "Value": "2"}
    theirs = {"Key": "aws:cloudformation:stack-name", "Value": "s"}
    assert tags.check_bucket_tags([own, theirs], kept, system=False)["own"] == "2"
    with pytest.raises(AwsError, match="cannot be removed"):
        tags.check_bucket_tags([own], kept, system=False)
    with pytest.raises(AwsError, match="cannot be added"):
        tags.check_bucket_tags([own, {**theirs, "Value": "other"}], kept, system=False)
    assert tags.check_bucket_tags([own], kept, system=True) == {"own": "2"}


def test_the_first_cors_rule_that_matches() -> None:
    rules: list[dict[str, Any]] = [
        {"AllowedOrigins": ["http://a*b"], "AllowedMethods": ["GET"]},
        {"AllowedOrigins": ["*"], "AllowedMethods": ["PUT"], "AllowedHeaders": ["X-One", "x-amz-*"]},
    ]
    assert dict(cors.response_headers(rules, "http://axb", "GET") or [])["Access-Control-Allow-Origin"] == "http://axb"
    assert cors.response_headers(rules, "http://ab", "GET") is not None
    assert cors.response_headers(rules, "http://a", "GET") is None
    assert cors.response_headers(rules, "x", "PUT", "x-one, X-Amz-Date") is not None
    assert cors.response_headers(rules, "x", "PUT", "x-two") is None


# Policies of buckets and of forms.


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["Statement", "Effect", "Principal", "Action", "Resource", "AWS",
                                                       "Version", "Condition"]), inner, max_size=4), max_leaves=8))
def test_no_document_breaks_the_check_of_policies(document: Any) -> None:
    text = json.dumps(document)
    try:
        bucket_policy.is_public(bucket_policy.check(text, "bucket"))
    except AwsError as error:
        assert error.code == "MalformedPolicy"


def test_public_policies() -> None:
    def public(**statement: Any) -> bool:
        return bucket_policy.is_public({"Statement": [{"Effect": "Allow", "Principal": "*", **statement}]})

    assert public()
    assert public(Principal={"AWS": ["*"]})
    assert not public(Effect="Deny")
    assert not public(Principal={"AWS": "111111111111"})
    assert not public(Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})
    assert not public(Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    assert public(Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})
    assert public(Condition={"StringLike": {"aws:Referer": "x"}})


CONDITIONS = {"expiration": "2030-01-01T00:00:00.000Z"}


@given(st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=5), inner, max_size=2), max_leaves=6))
def test_no_condition_breaks_the_check_of_forms(condition: Any) -> None:
    try:
        post_policy.check({**CONDITIONS, "conditions": [condition]}, {"key": "k"}, 0.0)
    except AwsError as error:
        assert error.code in ("AccessDenied", "InvalidPolicyDocument")


def test_conditions_of_forms() -> None:
    def said(*conditions: Any, **fields: str) -> str:
        with pytest.raises(AwsError) as caught:
            post_policy.check({**CONDITIONS, "conditions": list(conditions)}, fields, 0.0)
        return caught.value.message

    post_policy.check({**CONDITIONS, "conditions": [["starts-with", "$key", "a/"]]}, {"key": "a/b"}, 0.0)
    limits = post_policy.check({**CONDITIONS, "conditions": [["content-length-range", 1, "9"]]}, {}, 0.0)
    assert limits == (1, 9)
    assert said(["eq", "success_action_redirect", "x"]).endswith('["eq", "success_action_redirect", "x"]')
    assert said({"a": "1", "b": "2"}).endswith("Simple-Conditions must have exactly one property specified.")
    assert said(["content-length-range", "test", "10"]).endswith('["content-length-range", "test", "10"]')
    assert said(key="k") == "Invalid according to Policy: Extra input fields: key"


# Lifecycle and notifications.


def test_which_objects_a_rule_is_about() -> None:
    tag = {"Key": "a", "Value": "b"}
    rule = {"Status": "Enabled", "Filter": {"And": {"Prefix": "p/", "Tags": [tag], "ObjectSizeGreaterThan": 10}}}
    assert lifecycle.applies(rule, "p/x", 11, {"a": "b"})
    assert not lifecycle.applies(rule, "q/x", 11, {"a": "b"})
    assert not lifecycle.applies(rule, "p/x", 10, {"a": "b"})
    assert not lifecycle.applies(rule, "p/x", 11, {"a": "c"})
    assert not lifecycle.applies({**rule, "Status": "Disabled"}, "p/x", 11, {"a": "b"})
    assert lifecycle.applies({"Status": "Enabled", "Prefix": "p"}, "p", 0, {})


@given(st.integers(0, 2_000_000_000), st.integers(0, 400))
def test_actions_are_due_at_midnight(since: int, days: int) -> None:
    due = lifecycle.due(days, since)
    assert due % 86400 == 0
    assert 0 <= due - since - days * 86400 < 86400


def test_who_wants_an_event() -> None:
    arn = "arn:aws:sqs:us-east-1:000000000000:q"
    stored = notifications.check(
        {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": [
            {"Name": "PREFIX", "Value": "a/"}, {"Name": "suffix", "Value": ""}]}}}]},
        Random(1),
    )  # fmt: skip
    assert notifications.matching(stored, "s3:ObjectCreated:Put", "a/b")[0][1] == arn
    assert notifications.matching(stored, "s3:ObjectCreated:Put", "b") == []
    assert notifications.matching(stored, "s3:ObjectRemoved:Delete", "a/b") == []


# Forms.


class Cut:
    """A body that arrives in pieces of a given size."""

    length = None

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.data), self.size):
            yield self.data[start : start + self.size]

    async def read(self, limit: int) -> bytes:
        return self.data


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["key", "policy", "x-amz-date"]), st.text("ab\r\n-é", max_size=8)),
       st.binary(max_size=200) | st.sampled_from([b"\r\n--", b"--b\r\n", b"\r\n--b" * 3, b"\r"]), st.integers(1, 40))
async def test_forms_in_any_pieces(fields: dict[str, str], content: bytes, size: int) -> None:
    mark = "b0undary"
    parts = [f'--{mark}\r\ncontent-disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="n.txt"\r\n\r\n'
    body = "".join([*parts, head]).encode() + content + f"\r\n--{mark}--\r\n".encode()
    form = Form(f"multipart/form-data; boundary={mark}", Cut(body, size))
    await form.read_fields()
    assert (form.fields, form.filename, form.has_file) == (fields, "n.txt", True)
    assert b"".join([piece async for piece in form.content()]) == content


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40))
async def test_no_body_breaks_the_reading_of_forms(body: bytes, size: int) -> None:
    form = Form("multipart/form-data; boundary=x", Cut(b"--x\r\n" + body, size))
    try:
        await form.read_fields()
        if form.has_file:
            async for _ in form.content():
                pass
    except AwsError as error:
        assert error.code in ("MalformedPOSTRequest", "IncompleteBody", "MaxPostPreDataLengthExceeded")
