"""What a call was refused with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Callable[..., Any], **params: Any) -> dict[str, Any]:
    """The error's members with its HTTP status as `status`; fails where the call succeeds."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    error = dict(response["Error"])
    error["status"] = response["ResponseMetadata"]["HTTPStatusCode"]
    return error
