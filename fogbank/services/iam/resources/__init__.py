"""CloudFormation's types of IAM: thin maps onto the public operations."""

from fogbank.services.iam.resources import entities, others, policies

__all__ = ["entities", "others", "policies"]
