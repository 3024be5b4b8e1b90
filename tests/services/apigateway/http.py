"""Requests to deployed APIs."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from tests.cloud import CloudUnderTest


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    """Names in lower case; repeated headers joined by a comma."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, Any]:
        """Status, `x-amzn-ErrorType` and body of a refusal."""
        return self.status, self.headers.get("x-amzn-errortype", ""), self.json()


def call(
    cloud: CloudUnderTest, api: str, path: str, method: str = "GET", body: bytes | str | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """`path` is from the stage on."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    try:
        host = f"{api}.execute-api.localhost:{cloud.port}"
        connection.request(method, path, body, {"Host": host, **(headers or {})})
        response = connection.getresponse()
        found: dict[str, str] = {}
        for name, value in response.getheaders():
            found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
        return Reply(response.status, found, response.read())
    finally:
        connection.close()
