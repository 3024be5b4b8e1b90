"""Conditional requests: reads (If-Match and its kin), writes (put if absent, put if unchanged) and copy sources."""

from __future__ import annotations

from math import floor

from fogbank.services.s3.errors import no_such_key, precondition_failed, s3_error


def etag_matches(header: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match header names `etag` (bare, unquoted), quoted or not, in a list, or `*`."""
    return any(item.strip().removeprefix("W/").strip('"') in (etag, "*") for item in header.split(","))


def check_read(
    etag: str,
    modified: float,
    now: float,
    if_match: str | None,
    if_none_match: str | None,
    if_modified_since: float | None,
    if_unmodified_since: float | None,
) -> None:
    """Raises PreconditionFailed (412) or NotModified (304), in the order of RFC 9110.

    A date in the future is no condition: it is ignored.
    """
    modified = floor(modified)
    if if_match is not None:
        if not etag_matches(if_match, etag):
            raise precondition_failed("If-Match")
    elif if_unmodified_since is not None and modified > if_unmodified_since:
        raise precondition_failed("If-Unmodified-Since")
    if if_none_match is not None:
        if etag_matches(if_none_match, etag):
            raise s3_error("NotModified")
    elif if_modified_since is not None and modified <= if_modified_since <= now:
        raise s3_error("NotModified")


def check_copy_source(
    etag: str,
    modified: float,
    now: float,
    if_match: str | None,
    if_none_match: str | None,
    if_modified_since: float | None,
    if_unmodified_since: float | None,
) -> None:
    """The same for x-amz-copy-source-if-*: every failure is a 412.

    A match of the ETag outweighs `unmodified-since`; it does not outweigh where it is `if-none-match` that holds.
    """
    modified = floor(modified)
    if if_match is not None:
        if not etag_matches(if_match, etag):
            raise precondition_failed("x-amz-copy-source-If-Match")
    elif if_unmodified_since is not None and modified > if_unmodified_since:
        raise precondition_failed("x-amz-copy-source-If-Unmodified-Since")
    if if_none_match is not None and etag_matches(if_none_match, etag):
        raise precondition_failed("x-amz-copy-source-If-None-Match")
    if if_modified_since is not None and modified <= if_modified_since <= now:
        raise precondition_failed("x-amz-copy-source-If-Modified-Since")


def check_write_headers(if_match: str | None, if_none_match: str | None) -> None:
    """Raises NotImplemented (501) for what S3 does not take with a write."""
    if if_match is not None and if_none_match is not None:
        raise s3_error(
            "NotImplemented",
            Header="If-Match,If-None-Match",
            additionalMessage="Multiple conditional request headers present in the request",
        )
    if if_none_match is not None and if_none_match.strip() != "*":
        raise _not_accepted("If-None-Match")
    if if_match is not None and if_match.strip() == "*":
        raise _not_accepted("If-Match")


def check_write(key: str, current_etag: str | None, if_match: str | None, if_none_match: str | None) -> None:
    """Raises PreconditionFailed, NoSuchKey where the write must not happen; `current_etag` None: there is no object."""
    if if_none_match is not None and current_etag is not None:
        raise precondition_failed("If-None-Match")
    if if_match is not None:
        if current_etag is None:
            raise no_such_key(key)
        if not etag_matches(if_match, current_etag):
            raise precondition_failed("If-Match")


def _not_accepted(header: str) -> Exception:
    return s3_error(
        "NotImplemented",
        Header=header,
        additionalMessage=f"We don't accept the provided value of {header} header for this API",
    )
