"""Every service by name, each imported at its first use: with many services the start stays quick."""

from __future__ import annotations

import importlib
import importlib.util
import os

from fogbank.api import AwsError, ResourceType, Service
from fogbank.wire import Codecs

# botocore's name of each service, and where its package stands.
SERVICES = {
    "apigateway": "fogbank.services.apigateway",
    "ce": "fogbank.services.ce",
    "cloudformation": "fogbank.services.cloudformation",
    "cloudwatch": "fogbank.services.cloudwatch",
    "ecr": "fogbank.services.ecr",
    "iam": "fogbank.services.iam",
    "lambda": "fogbank.services.lambda_",
    "logs": "fogbank.services.logs",
    "s3": "fogbank.services.s3",
    "service-quotas": "fogbank.services.servicequotas",
    "ssm": "fogbank.services.ssm",
    "sts": "fogbank.services.sts",
}
# Services of the operator's own, as `name=module,...`: what a service is written against is all that they need.
SERVICES |= dict(entry.split("=", 1) for entry in os.environ.get("FOGBANK_SERVICES", "").split(",") if "=" in entry)
# CloudFormation's names of services (`AWS::IAM::Role`).
RESOURCE_PREFIXES = {
    "ApiGateway": "apigateway",
    "CDK": "cloudformation",
    "CloudFormation": "cloudformation",
    "ECR": "ecr",
    "IAM": "iam",
    "Lambda": "lambda",
    "Logs": "logs",
    "S3": "s3",
    "SSM": "ssm",
}


class Registry:
    def __init__(self, codecs: Codecs) -> None:
        self._codecs = codecs
        self.loaded: dict[str, Service] = {}

    def service(self, name: str) -> Service:
        """The manifest. Raises KeyError for a service that Fogbank does not have."""
        found = self.loaded.get(name)
        if found is None:
            module = importlib.import_module(SERVICES[name])
            found = next(v for v in vars(module).values() if isinstance(v, Service) and v.name == name)
            unknown = found.operations.keys() - self._codecs.service(name).operation_names
            if unknown:
                raise RuntimeError(f"{name} has no such operations in its model: {', '.join(sorted(unknown))}")
            self.loaded[name] = found
        return found

    def service_or_refuse(self, name: str) -> Service:
        if name not in SERVICES:
            raise AwsError("NotImplemented", f"Fogbank does not have the service {name} yet.", status=501)
        return self.service(name)

    def resource_type(self, type_name: str) -> ResourceType | None:
        """The CloudFormation type of that name, where some service has it."""
        parts = type_name.split("::")
        owner = RESOURCE_PREFIXES.get(parts[1]) if len(parts) == 3 and parts[0] == "AWS" else None
        return self.resource_types(owner).get(type_name) if owner else None

    def resource_types(self, owner: str) -> dict[str, ResourceType]:
        """All CloudFormation types of a service."""
        manifest = self.service(owner)
        name = f"{SERVICES[owner]}.resources"
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
        return manifest.resource_types
