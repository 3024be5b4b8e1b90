"""Who am I, and whose key is that?"""

from __future__ import annotations

import re
from typing import Any

from fogbank.api import Context
from fogbank.iam.records import AccessKey
from fogbank.services.sts import sts
from fogbank.services.sts.errors import access_denied


@sts.operation(authorise=False)
def get_caller_identity(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Needs no permission, and no policy can deny it."""
    return {"UserId": ctx.principal.user_id, "Account": ctx.principal.account, "Arn": ctx.principal.arn}


@sts.operation
def get_access_key_info(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = ctx.tx.get(AccessKey, req["AccessKeyId"])
    if key is not None:
        return {"Account": key.account}
    if re.fullmatch(r"\d{12}", req["AccessKeyId"]):
        return {"Account": req["AccessKeyId"]}  # a key of convenience
    raise access_denied(f"Access Denied: the access key {req['AccessKeyId']} does not exist.")
