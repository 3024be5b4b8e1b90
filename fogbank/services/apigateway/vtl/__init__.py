"""Mapping templates: the part of the Velocity Template Language that API Gateway has.

Templates come from strangers: parsing and rendering are bounded in depth, steps and size.
https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings.html
"""

from fogbank.services.apigateway.vtl.evaluating import render
from fogbank.services.apigateway.vtl.nodes import TemplateError
from fogbank.services.apigateway.vtl.parsing import Template, parsed

__all__ = ["Template", "TemplateError", "parsed", "render"]
