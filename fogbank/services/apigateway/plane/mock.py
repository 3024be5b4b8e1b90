"""MOCK integrations: the request template says which response is given, as `{"statusCode": 200}`."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.answers import Answer
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.mapping import chosen_response, mapped_response, request_body

_STATUS = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})""")


async def run(call: Call) -> Answer:
    status = _status(request_body(call).decode("utf-8", "replace"))
    response = chosen_response(call, str(status))
    return Answer(*mapped_response(call, response, [], b""))


def _status(body: str) -> int:
    """AWS fails a mock whose request template gives no integer `statusCode`."""
    described: Any = None
    try:
        described = msgspec.json.decode(body) if body.strip() else None
    except (msgspec.DecodeError, RecursionError):
        # AWS's reader is lenient about trailing commas and the like; so far as the status can be read, it is enough.
        match = _STATUS.search(body)
        described = {"statusCode": int(match[1])} if match else None
    status = described.get("statusCode") if isinstance(described, dict) else None
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool):
        raise failures.internal("Execution failed due to configuration error: Unable to parse statusCode. It should be an "
                                "integer and between 100 and 999")
    return status
