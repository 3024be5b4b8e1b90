"""Tenant isolation: each environment of such a function serves one tenant, whom every invocation names.

https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html
"""

from __future__ import annotations

from typing import Any

from fogbank.services.lambda_ import errors
from fogbank.services.lambda_.records import Settings

PER_TENANT = "PER_TENANT"


def check_invocation(settings: Settings, tenant: str | None) -> None:
    """A tenant is named where the function keeps them apart, and only there. Raises InvalidParameterValueException.

    The first text is AWS's; of the second its documentation tells the code only.
    """
    if settings.tenancy and not tenant:
        raise errors.invalid(
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
        )
    if tenant and not settings.tenancy:
        raise errors.invalid(
            "The invoked function is not enabled with tenancy configuration. "
            "Remove the tenant ID from your request and try again."
        )


def check_settings(settings: Settings) -> None:
    if settings.tenancy and settings.snap_start != "None":
        raise unsupported("SnapStart")


def check_absent(settings: Settings, feature: str) -> None:
    """For what a function that keeps tenants apart cannot have."""
    if settings.tenancy:
        raise unsupported(feature)


def unsupported(feature: str) -> Exception:
    return errors.invalid(f"{feature} is not supported for functions enabled with tenancy configuration.")


def view(settings: Settings) -> dict[str, Any] | None:
    return {"TenantIsolationMode": settings.tenancy} if settings.tenancy else None
