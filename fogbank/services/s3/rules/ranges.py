"""Which bytes of an object a request asks for."""

from __future__ import annotations

import re
from typing import NamedTuple

from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error

_RANGE = re.compile(r"bytes=(\d{0,20})-(\d{0,20})")
_COPY_RANGE = re.compile(r"bytes=(\d{1,20})-(\d{1,20})")
_COPY_RANGE_FORM = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
    "offsets of the first and last bytes to copy"
)


class Span(NamedTuple):
    offset: int
    length: int

    def content_range(self, size: int) -> str:
        """The Content-Range header's value for this span of an object of `size` bytes."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


def requested_span(header: str | None, size: int) -> Span | None:
    """The span of a Range header; None where the whole object is meant, as for every form that S3 does not know.

    Raises InvalidRange (416) where nothing of the object lies in the range.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or not (match[1] or match[2]):
        return None
    if match[1]:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < first:
            return None
    else:
        first = max(size - int(match[2]), 0)
        last = size - 1
    if first > last:
        raise s3_error("InvalidRange", RangeRequested=header, ActualObjectSize=str(size))
    return Span(first, last - first + 1)


def copy_span(header: str, size: int) -> Span:
    """The span of an x-amz-copy-source-range header, which must be exact. Raises InvalidArgument, InvalidRequest."""
    match = _COPY_RANGE.fullmatch(header)
    if match is None or int(match[2]) < int(match[1]):
        raise invalid_argument(_COPY_RANGE_FORM, "x-amz-copy-source-range", header)
    first, last = int(match[1]), int(match[2])
    if first >= size:
        raise invalid_request("The specified copy range is invalid for the source object size")
    if last >= size:
        raise invalid_argument(
            f"Range specified is not valid for source object of size: {size}", "x-amz-copy-source-range", header
        )
    return Span(first, last - first + 1)
