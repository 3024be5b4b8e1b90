"""Amazon API Gateway, REST APIs: their definition, deployments and stages, and the addresses that answer for them."""

from fogbank.api import Service

apigateway = Service("apigateway")

from fogbank.services.apigateway import (  # noqa: E402, F401
    accounts,
    apis,
    authorizers,
    deployments,
    domains,
    gateway_responses,
    imports,
    integrations,
    keys,
    methods,
    models,
    plan_keys,
    plans,
    stages,
    tagging,
    tree,
    validators,
)
from fogbank.services.apigateway.plane import endpoint, trying  # noqa: E402, F401

__all__ = ["apigateway", "apis", "integrations", "methods", "tree"]
