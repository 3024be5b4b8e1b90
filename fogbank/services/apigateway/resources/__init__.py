"""CloudFormation's types of API Gateway."""

from fogbank.services.apigateway.resources import apis, methods, parts, plans, stages

__all__ = ["apis", "methods", "parts", "plans", "stages"]
