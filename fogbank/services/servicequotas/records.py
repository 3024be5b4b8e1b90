"""What Service Quotas keeps besides the applied values, which stand in `api.quotas`."""

from __future__ import annotations

from fogbank.store import Record, record


@record("servicequotas.change", key=("account", "region", "id"), indexes={"quota": ("account", "region", "service", "code")})
class Change(Record):
    """A request for an increase. Here there is nobody to ask: it is approved as it is made."""

    account: str
    region: str
    id: str
    service: str
    code: str
    desired: float
    created: float
    requester: str
    """The requesting principal as `{"accountId": ..., "callerArn": ...}`, the JSON text that AWS shows."""
    status: str = "APPROVED"
