"""AWS Security Token Service: temporary credentials."""

from fogbank.api import Service

sts = Service("sts")

from fogbank.services.sts import assume_role, identity, session_tokens, web_identity  # noqa: E402

__all__ = ["assume_role", "identity", "session_tokens", "sts", "web_identity"]
