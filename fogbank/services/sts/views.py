"""Issued credentials as STS's answers show them."""

from __future__ import annotations

from typing import Any

from fogbank.iam.sessions import Credentials


def credentials(issued: Credentials) -> dict[str, Any]:
    return {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret_access_key,
        "SessionToken": issued.session_token,
        "Expiration": issued.expires_at,
    }


def assumed_role(issued: Credentials) -> dict[str, str]:
    return {"AssumedRoleId": issued.principal.user_id, "Arn": issued.principal.arn}
