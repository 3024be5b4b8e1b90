"""The one exception for errors that the caller is meant to see."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """An error as AWS names it.

    `code` is AWS's error code (`ResourceNotFoundException`, `NoSuchKey`); the service's model gives its HTTP status
    unless `status` does. `members` are further members of the error's shape, by their model names (`Type="User"`).
    Anything else that is raised is a surprise: it is answered 500 and logged with its request id.
    """

    def __init__(self, code: str, message: str, *, status: int | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members
        self.headers: list[tuple[str, str]] = []
        """Headers that go with the answer (S3's `x-amz-delete-marker`)."""
