"""Amazon ECR: repositories of container images, and the registry that container tools speak with."""

from fogbank.api import Service

ecr = Service("ecr")

from fogbank.services.ecr import (  # noqa: E402, F401
    deleting,
    distribution,
    images,
    layers,
    lifecycle,
    policies,
    registry,
    repositories,
    sweeping,
    tags,
)

__all__ = ["deleting", "ecr", "images", "sweeping"]
