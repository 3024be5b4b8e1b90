"""Service Quotas: the limits of every service by account and region, and their increase."""

from fogbank.api import Service

servicequotas = Service("service-quotas", "servicequotas")

from fogbank.services.servicequotas import increases, quotas  # noqa: E402, F401

__all__ = ["servicequotas"]
