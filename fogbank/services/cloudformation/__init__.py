"""AWS CloudFormation: templates made into resources, through the public operations of their services."""

from fogbank.api import Service

cloudformation = Service("cloudformation")

from fogbank.services.cloudformation import (  # noqa: E402, F401
    change_sets,
    custom,
    describing,
    exporting,
    stacks,
    steps,
    templates,
    waits,
)
